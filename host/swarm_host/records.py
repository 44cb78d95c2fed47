"""What the host side talks about: frozen records, plain enough to be JSON. The standard library only.

Times are seconds since the epoch, sizes are bytes, durations are seconds. Paths in records are
absolute strings, since a record may be read on another machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from swarm_host.states import InfraOutcome, State

Network = Literal["none", "bridge", "host"]
# How well an agent is kept from what it must not see, best first. `docker`: a container without the
# answers; `landlock`: a process that the kernel keeps in its folders; `none`: a plain process;
# `open`: the user allowed a mount with answers.
Isolation = Literal["docker", "remote", "landlock", "none", "open"]
Stream = Literal["stdout", "stderr", "entrypoint", "build"]

# Of the agent: final, never tried again, since that would favour lucky agents.
AgentOutcome = Literal[
    "ok",
    "no_submission",
    "invalid_submission",
    "agent_error",
    "timeout",
    "oom",
    "killed",
    "cancelled",
    "build_failed",
    "grading_failed",
]
UnitOutcome = AgentOutcome | InfraOutcome

# ---------------------------------------------------------------- what shall run


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that stays on the host: only its name enters files. Resolved in the call of a backend."""

    # Name of the variable in the host's environment.
    name: str


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """How an image is built before a run. Names are those of specification 000."""

    context: str
    # Relative to the context, or absolute.
    dockerfile: str = "Dockerfile"
    # None: the run's agent_image.
    tag: str | None = None
    # As docker spells it: "linux/amd64". None: the daemon's own.
    platform: str | None = None
    build_args: Mapping[str, str | Secret] = field(default_factory=dict)
    pull: bool = False
    no_cache: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits of one unit. None: no limit of ours."""

    cpus: float | None = None
    memory: int | None = None
    # "all", a number, or docker's device spelling.
    gpus: str | None = None
    shm: int | None = None
    disk: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host that the agent sees at `target`."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the agent leaves its results, as it sees the paths itself. None: not collected."""

    submission: str | None = "/home/submission"
    code: str | None = "/home/code"
    logs: str | None = "/home/logs"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run, resolved: no variable is left in it but secrets. Names are those of specification 000."""

    # Image to start. None only for the local backend, which starts `command` as a process.
    agent_image: str | None
    # Program and arguments. Empty: the image's own.
    command: tuple[str, ...]
    # Folder on the host for logs and submission.
    workspace: str
    # What the agent sees of the host.
    mounts: tuple[Mount, ...] = ()
    # Variables of the agent by name.
    env: Mapping[str, str | Secret] = field(default_factory=dict)
    # Limits.
    resources: Resources = Resources()
    # Seconds, of the agent's own run, without build, start and collection.
    timeout: float = 12 * 3600.0
    # Name of what starts it.
    backend: str = "docker"
    # None: the image is there already.
    build: BuildConfig | None = None
    # What the agent reaches.
    network: Network = "bridge"
    # What is brought back.
    outputs: Outputs = Outputs()
    # As mle-bench starts agents: the base's entrypoint beside, the command as user nonroot in /home.
    mle_bench: bool = False
    # The user said that a mount may hold answers. The result then says isolation `open`.
    allow_private: bool = False
    # How a cloud backend gets the image: pulled, or built there from concatenated Dockerfiles.
    image_source: Literal["registry", "flatten"] = "registry"


@dataclass(frozen=True, slots=True)
class UnitSpec:
    """One agent on one competition with one seed: what is queued, placed, followed and graded."""

    # Lower-case letters, digits and hyphens; unique in a store; also part of container names.
    unit_id: str
    group: str
    agent: str
    # None: nothing is graded (a plain run of specification 000).
    competition: str | None
    seed: int
    # Absolute path of the unit's folder: spec.json, events.jsonl, result.json, submission, code, logs.
    folder: str
    run: RunConfig
    # Where competition comes from: a name in the table of sources, and the source's own folder.
    source: str | None = None
    source_root: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Units of one agent that belong together: one run-group folder in mle-bench's shape."""

    group_id: str
    agent: str
    folder: str
    created: float
    # Groups of one matrix share it; None for a group of its own.
    sweep: str | None = None
    notes: str = ""
    # Sum over the group's units after which no further unit starts; None: no budget.
    budget_hours: float | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None


# ---------------------------------------------------------------- what happens


@dataclass(frozen=True, slots=True)
class Handle:
    """A started unit as its backend knows it. `name` is `<unit>-<attempt>`, known before the start."""

    backend: str
    name: str
    # The backend's own id: container id, process id with start time, sandbox id.
    id: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How the agent's process ended. None as exit_code: not known."""

    exit_code: int | None
    # `exit`: by itself; `stopped`: by us; `killed`: by someone else.
    cause: Literal["exit", "oom", "stopped", "killed", "daemon_lost"]
    started: float | None
    finished: float | None


@dataclass(frozen=True, slots=True)
class CollectLimits:
    """What is brought back at most. More is left out and said."""

    submission_bytes: int = 512 * 1024**2
    total_bytes: int = 5 * 1024**3
    files: int = 50_000
    depth: int = 32
    log_bytes: int = 1024**3


@dataclass(frozen=True, slots=True)
class Collected:
    """Files that were brought back, and what was not, each with the reason."""

    files: int
    bytes: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """What a grader says of a submission."""

    valid: bool
    # None when invalid, or where a grader gives no score.
    score: float | None
    lower_is_better: bool | None
    # Why it is invalid, or a remark; empty when there is none.
    message: str = ""
    # It won any medal, or is better than all references; None where nothing is asked.
    passed: bool | None = None
    # mle-bench's own report, or what the own grader of a source tells beside the score.
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GradingProgram:
    """A program that scores submissions. It runs in worker processes and is never imported here."""

    # Interpreter; its libraries are the program's.
    python: str
    # Dotted name or file of a module with `main(arguments) -> exit status`.
    module: str
    # Folders that the module and what it imports are found in.
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GradingAnswer:
    """How a grading program ended on one submission. Output and complaints are cut to a bound."""

    # None when it was ended by a signal or by its limits.
    status: int | None
    output: str
    complaints: str
    ended_by: Literal["exit", "signal", "time"] = "exit"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a unit cost. None: not known."""

    seconds: float | None = None
    usd: float | None = None
    tokens: int | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a unit, also one that the infrastructure ended."""

    number: int
    outcome: str
    ending: Ending | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """The end of a unit, as result.json holds it."""

    unit_id: str
    outcome: UnitOutcome
    message: str
    ending: Ending | None
    grade: Grade | None
    usage: Usage
    isolation: Isolation
    # Paths below the unit's folder.
    artefacts: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    finished: float


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a unit's events.jsonl, and one row of the store. `seq` grows over the whole store."""

    seq: int
    unit: str
    # `state` with data {from, to, ...}, or a word of the unit's life: `adopt`, `cancel` (asked for),
    # `attempt` (one that the infrastructure ended), `stop` (why we stop the agent), `left_out`,
    # `regrade` (another grade by a user's wish).
    kind: str
    data: Mapping[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit as the store has it now."""

    spec: UnitSpec
    state: State
    attempt: int
    # Process that follows it, and until when the others believe so; None when nobody does.
    owner: str | None
    lease_until: float | None
    cancel: bool
    handle: Handle | None
    result: UnitResult | None
    updated: float


# ---------------------------------------------------------------- competitions and agents


@dataclass(frozen=True, slots=True)
class Competition:
    """A competition that is ready to be mounted. Answers have no field here on purpose."""

    name: str
    source: str
    # Folder with what an agent may see: train, test, sample_submission, description.md.
    public: str
    metric: str | None = None
    lower_is_better: bool | None = None
    # Scores of references on the private answers: {"mean": .5, ...}; shown beside results.
    references: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands in the way of a run, and what to do about it."""

    what: str
    cure: str
    # False: a warning, the run starts anyway.
    refuses: bool = True
    # True: this machine lacks what the backend needs, and nothing is wrong with what was asked for
    # (exit status 3, NOT RUN).
    not_here: bool = False
    # True: what is missing may still be made before a run, such as a folder, an image or the export
    # of a secret: a dry run only warns of it.
    may_come: bool = False
