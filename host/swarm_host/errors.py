"""Errors of the host side. Each message says what is wrong and, where there is one, the cure."""

from __future__ import annotations


class HostError(Exception):
    """Root of all errors that the host side raises on purpose."""


class UsageError(HostError):
    """The user asked for what cannot be done. Nothing was started. Exit status 2."""


class SpecError(UsageError):
    """A specification file is wrong: the key, its line and the nearest right key are named."""


class UnknownName(UsageError):
    """No agent, competition, backend, engine or unit has that name; the names there are follow."""


class ReadOnlyRuns(UsageError):
    """The folder of runs cannot be written. What is in it can be read."""


class PrivateMount(UsageError):
    """A mount would show the answers of a competition to an agent."""


class Credentials(UsageError):
    """A backend or an agent needs a variable that is not set. Values are never part of a message."""


class NotHere(UsageError):
    """This machine lacks what the command needs. Nothing was started. Exit status 3, NOT RUN."""


class BuildFailed(HostError):
    """An image could not be built. `exit_code` is the builder's own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Transient(HostError):
    """The infrastructure failed, not the agent. The unit is tried again; the cause is journalled."""

    cause = "infra"


class DaemonLost(Transient):
    """The docker daemon, or the service behind a cloud backend, no longer answers."""

    cause = "daemon_lost"


class Lost(Transient):
    """The container, process or sandbox is not there any more, and how it ended is not known."""

    cause = "lost"


class Capacity(Transient):
    """No room for another container or sandbox now."""

    cause = "capacity"


class RateLimit(Transient):
    """The service asked us to come back later."""

    cause = "rate_limit"


class Transfer(Transient):
    """Files could not be brought to the agent, or back."""

    cause = "transfer"


class Unhealthy(Transient):
    """A backend failed in a way that it has no word for; logs/host.log of the unit tells more."""

    cause = "unhealthy"


class NeverStarted(Lost):
    """The agent's container is there, and its surroundings did not come up: mle-bench's own server in
    its image. The agent never ran.
    """

    cause = "unhealthy"


class SubmissionRefused(HostError):
    """What an agent left as its submission is no file that a grader may get: a link, a pipe, too big."""


class GradingFailed(HostError):
    """The grader itself broke or ran out of its limits. Says nothing about the submission."""


class StoreBusy(HostError):
    """The store was locked by others for longer than its time limit."""


class StoreUnusable(UsageError):
    """The store is damaged, or of another version. `reindex` makes it anew from the folders."""


class StoreFull(HostError):
    """The disk of the store is full. Nothing that was told as done is lost."""


class LeaseLost(HostError):
    """Another process owns the unit now: stop following it, touch nothing of it."""


class IllegalMove(HostError):
    """A change of state that the table in states.py does not have. A bug of ours."""
