"""What a run leaves for other programs, and where: run.json, team.json, journal.json, the steps in
journal.jsonl and the exit status. The standard library only; docs/run_json.md describes the files.

Stable across versions: fields may be added, and readers skip those that they do not know. Where a
field changes its meaning, REPORT_VERSION or LINE_VERSION is raised, and older readers refuse.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from core.records import (
    Author,
    Best,
    BoxFacts,
    EntryKind,
    MetricSource,
    Outcome,
    SplitKind,
    Verdict,
)
from core.score import Direction
from utils.errors import DataError
from utils.json_records import from_json, to_json

# `version` of run.json, and `v` of the lines of journal.jsonl.
REPORT_VERSION = 1
LINE_VERSION = 1

RunStatus = Literal["running", "ok", "degraded", "baseline", "failed"]
# By how a run ended; `usage`: the user asked for what cannot be done, `internal`: our own bug before
# there was a run, or reports that could not be written.
EXIT_STATUS: Mapping[str, int] = types.MappingProxyType(
    {"ok": 0, "degraded": 0, "baseline": 1, "failed": 1, "internal": 1, "usage": 2}
)

# ---------------------------------------------------------------- where things lie


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps its things. submission and code are for the user, logs for both, workspace
    for the run.
    """

    workspace: Path
    logs: Path
    submission: Path
    code: Path

    @property
    def journal(self) -> Path:
        return self.logs / "journal.jsonl"

    @property
    def run_json(self) -> Path:
        return self.logs / "run.json"

    @property
    def team_json(self) -> Path:
        return self.logs / "team.json"

    @property
    def submission_csv(self) -> Path:
        return self.submission / "submission.csv"

    @property
    def submission_copy(self) -> Path:
        """Out of reach of whoever tidies up the output folder."""
        return self.workspace / "submission" / "submission.csv"

    @property
    def predictions(self) -> Path:
        return self.logs / "predictions"


# ---------------------------------------------------------------- run.json


@dataclass(frozen=True, slots=True)
class ReportedMetric:
    """name: `generated` for a written program, else a key of core.metric_names.BY_NAME."""

    name: str
    direction: Direction
    source: MetricSource


@dataclass(frozen=True, slots=True)
class ReportedSplit:
    """How rows are held out. kind: `none` where nothing could be. holdout_rows: all folds together."""

    kind: SplitKind
    folds: int
    holdout_rows: int
    why: str


@dataclass(frozen=True, slots=True)
class ReportedSteps:
    """Distinct programs. resumed_from: how many an earlier session had finished. extra: programs
    that cost no request to a model, and are no steps.
    """

    done: int
    limit: int
    valid: int
    failed: int
    resumed_from: int
    extra: int = 0


@dataclass(frozen=True, slots=True)
class ReportedTime:
    """Seconds. first_valid_s: when the first trained submission was in place, None before."""

    elapsed_s: float
    limit_s: float
    first_valid_s: float | None


@dataclass(frozen=True, slots=True)
class ReportedModel:
    """What the language model was asked. calls: requests over the wire, failed ones too. model: ""
    before the first one. cost_usd: None when a price is unknown.
    """

    provider: str
    model: str
    calls: int
    failed_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class ReportedSubmission:
    """What lies in the output folder. checked_by: local, or the validation server."""

    path: str
    sha256: str
    rows: int
    checked_by: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """run.json."""

    # REPORT_VERSION of the writer.
    version: int
    # How the run ended, or `running`.
    status: RunStatus
    # What was missing, in order of discovery; see core.publishing.reasons.
    reason: str | None
    # As the benchmark names it, "" elsewhere.
    competition_id: str
    # None before the competition is understood.
    metric: ReportedMetric | None
    # How rows were held out.
    split: ReportedSplit
    # What is published.
    best: Best
    # Programs that were tried.
    steps: ReportedSteps
    # Seconds.
    time: ReportedTime
    # What the language model cost.
    llm: ReportedModel
    # Which parts of the box were in force.
    box: BoxFacts
    # None where nothing was published.
    submission: ReportedSubmission | None

    def text(self) -> str:
        """The file."""
        return json.dumps(to_json(self), indent=1, allow_nan=False) + "\n"


# ---------------------------------------------------------------- team.json


@dataclass(frozen=True, slots=True)
class AuthorCounts:
    """Valid programs by who wrote them."""

    model: int
    recipes: int


@dataclass(frozen=True, slots=True)
class SkillCounts:
    """How often a skill was extracted, merged, measured, retired or carried; how many are in use,
    and how many proposals were shown some.
    """

    extracted: int
    merged: int
    measured: int
    retired: int
    carried: int
    in_use: int
    proposals: int


@dataclass(frozen=True, slots=True)
class EmbeddingUse:
    """kind: model, hashed (and why), None while no text was embedded."""

    kind: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class LibraryUse:
    """Lessons that runs share. written: None before the end of the run."""

    path: str
    read: int
    written: int | None


@dataclass(frozen=True, slots=True)
class LessonResources:
    """What lessons were made with. embeddings: None where skills are off. library: None without one."""

    embeddings: EmbeddingUse | None = None
    library: LibraryUse | None = None


@dataclass(frozen=True, slots=True)
class TeamReport:
    """team.json. personas: version of each. on_trial: names. rewritten, kept, rolled_back: how often
    a persona was.
    """

    valid_programs: AuthorCounts
    personas: dict[str, int]
    on_trial: tuple[str, ...]
    rewritten: int
    kept: int
    rolled_back: int
    skills: SkillCounts
    embeddings: EmbeddingUse | None
    library: LibraryUse | None

    def text(self) -> str:
        """The file."""
        return json.dumps(to_json(self), indent=1) + "\n"


# ---------------------------------------------------------------- journal.json and journal.jsonl


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A finished program: a line of type `step` or `extra` in journal.jsonl, and with its code a node
    of journal.json. See core.records.Entry.
    """

    # Unique in a run.
    id: str
    # Index of the proposal, from 0; of what is no step, that of the step before it.
    step: int
    # Of the brief, or ensemble.
    kind: EntryKind
    # Ids of steps, best first.
    parents: tuple[str, ...]
    # Label of the one in whose role.
    persona: str
    # One line of English.
    plan: str
    # Digest of the text; programs/<digest>.py holds it.
    program: str
    # Digest of each locus.
    genes: dict[str, str]
    # Of the run that failed, else of that on the last fold.
    outcome: Outcome
    # Its score is the mean over folds.
    verdict: Verdict
    # Keys of the executions, which are lines of type `fold`.
    folds: tuple[str, ...]
    # Every fold ran.
    complete: bool
    # Probability of beating `incumbent`, None for the first step.
    p_better: float | None
    # Id of the entry that it was compared with.
    incumbent: str | None
    # It became the incumbent.
    steers: bool
    # What a mutation changed.
    locus: str | None
    # Who wrote the program.
    author: Author
    # Ids of those that the author was shown.
    skills: tuple[str, ...]
    # Why it should be better, in the author's words.
    hypothesis: str = ""
    # Seconds on one search view that its author was told of; None where it was told of none.
    told_s: float | None = None
    # It cost no request to a model, and is no step.
    extra: bool = False
    # What is changed of the first parent, in exact words; "" where the plan alone says it.
    change: str = ""
    # Views on which it is right beyond belief: its score is without them.
    suspect: tuple[str, ...] = ()
    # Probability of beating its first parent, of a model's program; None where it was not compared.
    p_parent: float | None = None
    # Another seed, or other values, of a program that has not shown to be better than that.
    unproven: bool = False
    # Text of the program; "" in journal.jsonl.
    code: str = ""


@dataclass(frozen=True, slots=True)
class JournalReport:
    """journal.json: every step and every extra with its code, in the shape that other MLE-bench agents write."""

    nodes: tuple[StepRecord, ...]

    def text(self) -> str:
        """The file."""
        return json.dumps(to_json(self))


# ---------------------------------------------------------------- reading

R = TypeVar("R")


def read_run(path: Path) -> RunReport:
    """run.json. Raises OSError where it cannot be read, DataError where it is damaged or of another
    version.
    """
    return parse_run(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse_run(text: str, name: str = "run.json") -> RunReport:
    """run.json from its text. name: of the file, for errors. Raises DataError as `read_run`."""
    found = _parsed(text, name)
    _refuse_other(found.get("version"), REPORT_VERSION, name)
    return _record(RunReport, found, name)


def read_team(path: Path) -> TeamReport:
    """team.json. Raises OSError where it cannot be read, DataError where it is damaged."""
    return _record(TeamReport, _parsed(path.read_text(encoding="utf-8"), str(path)), str(path))


def read_journal(path: Path) -> JournalReport:
    """journal.json. Raises OSError where it cannot be read, DataError where it is damaged."""
    return _record(JournalReport, _parsed(path.read_text(encoding="utf-8"), str(path)), str(path))


def step_of(line: Mapping[str, Any]) -> StepRecord:
    """A parsed line of journal.jsonl whose type is `step` or `extra`. Raises DataError where it is damaged or
    of another version.
    """
    name = f"line {line.get('seq')} of the journal"
    _refuse_other(line.get("v"), LINE_VERSION, name)
    return _record(StepRecord, line, name)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"{name} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{name} is damaged: it holds no object")
    return found


def _refuse_other(version: object, known: int, name: str) -> None:
    if version != known:
        raise DataError(f"{name} is of version {version}, and this program reads version {known}")


def _record(cls: type[R], value: Mapping[str, Any], name: str) -> R:
    try:
        found = from_json(cls, dict(value))
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{name} is damaged: {error}") from error
    if missing := _empty_field(found):
        raise DataError(f"{name} is damaged: {missing} is null")
    return found


def _empty_field(record: Any) -> str | None:
    """The first field that is None and must not be."""
    hints = typing.get_type_hints(type(record))
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value is None and types.NoneType not in typing.get_args(hints[field.name]):
            return field.name
        if dataclasses.is_dataclass(value) and (inner := _empty_field(value)):
            return f"{field.name}.{inner}"
    return None
