"""Every error that this project raises on purpose.

SwarmError
├── UsageError            the user can mend it: exit status 2, one clear line
│   ├── ConfigError       unknown key, wrong type, bad value
│   ├── DataError         the competition folder is missing, empty or unreadable
│   └── ResumeError       the output folder belongs to another run
├── SpecError             no competition can be made of a readable folder: exit status 1
├── ProposalError         a proposer could not write a program; counts against a limit
├── ModelError            a language model endpoint failed for good
├── WorkerError           one of our own helper processes died, hung or reported an error
├── PublishError          the output folder refused a result (read-only, disk full)
└── Interrupted           the run is being stopped; what was under way is picked up on resume

A candidate program's failure is no error here: it is an `Outcome`.
"""


class SwarmError(Exception):
    """Root of the tree."""


class UsageError(SwarmError):
    """Something that the user can mend."""


class ConfigError(UsageError):
    """Unknown configuration key, wrong type or impossible value."""


class DataError(UsageError):
    """The competition folder is missing, empty or unreadable."""


class ResumeError(UsageError):
    """The output folder holds a run on other data or with another split seed."""


class SpecError(SwarmError):
    """The folder can be read, but does not describe a competition that can be solved."""


class ProposalError(SwarmError):
    """A proposer could not write an acceptable program."""


class ModelError(SwarmError):
    """A language model endpoint failed after all retries.

    permanent: the same request would fail for ever (wrong key, URL or model, quota, a cap of this
    run). kind: one word for the cause, see core.llm.endpoint.Kind.
    """

    def __init__(self, message: str, permanent: bool = False, kind: str = "") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.kind = kind


class WorkerError(SwarmError):
    """A helper process of our own died, hung or answered with an error."""


class PublishError(SwarmError):
    """A result could not be written to its output folder."""


class Interrupted(SwarmError):
    """The run is being stopped in the middle of a step; the step is picked up again on resume."""
