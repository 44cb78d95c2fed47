"""The words of the project as frozen records. Stdlib only; every record turns into JSON and back
(utils.json_records).

Paths inside records are text. Times are seconds; memory is MiB; scores are plain floats in the
metric's unit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.persona import NOBODY, Persona
from core.score import Direction, Score
from core.skill import Skill
from utils.json_records import flat, from_flat, json_name, named

# ---------------------------------------------------------------- competition

Modality = Literal["tabular", "text", "image", "audio", "files"]
TableFormat = Literal["csv", "parquet", "json", "jsonl", "json_columns", "json_rows"]
SplitKind = Literal["stratified", "random", "group", "time", "none"]
MetricSource = Literal["config", "description", "llm", "generated", "fallback"]
ScoredBy = Literal["holdout", "holdout_generated", "self_report", "none"]
ValueKind = Literal["probability", "label", "real", "list", "text", "mask"]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """The metric, decided once. `name` is a key of core.metric_names.BY_NAME.

    weight_column: column of the train table with what each row weighs in the score. mean_over:
    column of the train table; the score is the mean of the scores of the rows of each of its
    values. parameters: what a metric with a parameter knows beside its name, a number per target.
    """

    name: str
    direction: Direction
    source: MetricSource
    why: str = ""
    weight_column: str | None = None
    mean_over: str | None = None
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table in the competition folder.

    path: relative to the folder. member: name inside a zip archive, else None. delimiter: for csv,
    one character. format: json is a list of records, json_columns a mapping of columns, json_rows
    one of ids to records. decimal: "," where numbers are written so.
    """

    path: str
    format: TableFormat = "csv"
    delimiter: str = ","
    encoding: str = "utf-8"
    member: str | None = None
    decimal: str = "."


@dataclass(frozen=True, slots=True)
class FilesById:
    """One file per row, found through its id.

    train_dirs, test_dirs: relative folders. suffix: the usual file extension with its dot, "" when
    ids carry it. folders: the id is the name of a folder with the files of one row. column: of
    train and test, names the files where the id does not.
    """

    train_dirs: tuple[str, ...]
    test_dirs: tuple[str, ...]
    suffix: str
    folders: bool = False
    column: str | None = None


@dataclass(frozen=True, slots=True)
class PixelRows:
    """Each item is an image, and the sample submission has one row per pixel: id
    `<item>_<row>_<column>`.

    joint: between the three parts. first: number of the first row and column. scale: what white is
    in the sample, for 8 bits per pixel (255: the sample's 1 is white). truth_dir: folder of the
    images that are the answers.
    """

    joint: str
    first: int
    scale: float
    truth_dir: str


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """How rows are held out, decided once.

    folds: number of search views (1: a single holdout). holdout_rows: rows that score the search,
    all folds together. locked_rows: rows that only the final pick sees (0: the final pick draws new
    folds). locked_blocks: by time, in how many blocks of the last window they lie; 0: they follow it,
    as in journals of earlier versions.
    """

    kind: SplitKind
    folds: int
    holdout_rows: int
    locked_rows: int
    seed: int
    why: str
    group_column: str | None = None
    time_column: str | None = None
    locked_blocks: int = 0


@dataclass(frozen=True, slots=True)
class IdColumns:
    """Which columns name a row."""

    # Columns of the sample submission.
    columns: tuple[str, ...] = named("id_columns")
    # Columns of train and test that hold the same ids, in the same order; usually of the same names.
    sources: tuple[str, ...] = named("id_sources", ())
    # Columns of train and test whose cells, joined by `joint`, are the one id column.
    parts: tuple[str, ...] = named("id_parts", ())
    joint: str = named("id_joint", "_")


@dataclass(frozen=True, slots=True)
class CompetitionTables:
    """The tables, and how many rows they have."""

    sample: TableFile | None
    train: TableFile | None
    test: TableFile | None
    rows_train: int
    rows_test: int
    # The competition's own test table where `test` was made of it, because it has one row for
    # several of the sample or other spellings of the ids.
    items: TableFile | None = None


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """What is predicted."""

    # Class names in the order of `targets` when one-hot, else the distinct labels where predictions
    # are labels or probabilities, else ().
    classes: tuple[str, ...]
    # Columns of the sample submission.
    targets: tuple[str, ...] = named("target_columns")
    # Columns of the train table that hold the answers: equal to `targets`, or one class column when
    # the sample is one-hot.
    labels: tuple[str, ...] = named("label_columns")
    # Several targets are shares of one whole, so that the values of a row sum to 1.
    exclusive: bool = False

    @property
    def one_hot(self) -> bool:
        """True when the sample has one column per class of a single label column."""
        return len(self.labels) == 1 and len(self.targets) > 1

    @property
    def positive(self) -> str | None:
        """The label that a predicted probability is of: the second of two classes, "True" of truth
        values.

        None where the answers are what is predicted (from 0 to 1, or shares of one whole), or there
        are not two.
        """
        if len(self.classes) != 2 or self.one_hot or self.exclusive:
            return None
        if all(map(_is_share, self.classes)):
            return None
        return "True" if set(self.classes) == {"True", "False"} else self.classes[1]


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """What a prediction may be made of."""

    names: tuple[str, ...] = named("feature_columns")
    # Columns of free text.
    texts: tuple[str, ...] = named("text_columns")
    # Column by which rows belong together, and column that orders them.
    group: str | None = named("group_column", None)
    time: str | None = named("time_column", None)
    # Some column may hold words: neither numbers, dates nor free text.
    words: bool = True


@dataclass(frozen=True, slots=True)
class CompetitionFiles:
    """Files beside the tables."""

    by_id: FilesById | None = named("files", None)
    # Files that the train table was made of; they hold answers of any row.
    labels: tuple[str, ...] = named("label_files", ())
    # The answers are images.
    pixels: PixelRows | None = None


@dataclass(frozen=True, slots=True)
class CompetitionSpec:
    """What is known about the competition; nothing here is guessed silently.

    In JSON its parts are flat: `ids.columns` is "id_columns", and so on.
    """

    # The folder that views are built from.
    data_dir: str
    # Digest of the folder's file names, sizes and small contents; resume refuses another one.
    data_digest: str
    # The text of the competition.
    description: str
    # Decided once.
    metric: MetricSpec
    # What the rows are about.
    modality: Modality
    # What a prediction is.
    value_kind: ValueKind
    # Columns that name a row.
    ids: IdColumns = flat()
    # Sample, train and test.
    tables: CompetitionTables = flat()
    # What is predicted.
    answers: AnswerColumns = flat()
    # What it may be predicted from.
    features: FeatureColumns = flat()
    # Beside the tables.
    files: CompetitionFiles = flat()
    # What was decided, and why.
    notes: tuple[str, ...] = ()
    # The competition's own folder where data_dir is a prepared one (archives unpacked, labels made
    # a table), else "".
    original_dir: str = ""
    # Digest of the accepted program that made the train and the test table of a folder that no
    # adaptor understands, else "".
    split_program: str = ""

    @classmethod
    def of(cls, **fields: Any) -> CompetitionSpec:
        """fields: of the specification and of its parts, by the names that they have in JSON."""
        return cls(**from_flat(cls, fields))

    def changed(self, **fields: Any) -> CompetitionSpec:
        """The same with other fields, named as in JSON."""
        now = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        of_parts: dict[str, Any] = {}
        for part in now.values():
            if isinstance(part, _PARTS):
                of_parts |= {json_name(f): getattr(part, f.name) for f in dataclasses.fields(part)}
        whole = {name: value for name, value in now.items() if not isinstance(value, _PARTS)}
        return CompetitionSpec.of(**(whole | of_parts | fields))


_PARTS = (IdColumns, CompetitionTables, AnswerColumns, FeatureColumns, CompetitionFiles)


def _is_share(label: str) -> bool:
    try:
        return 0 <= float(label) <= 1
    except ValueError:
        return False


ViewKind = Literal["probe", "search", "final", "full"]


@dataclass(frozen=True, slots=True)
class View:
    """One folder that a candidate may see, with the file names and columns of the competition."""

    # Unique in a run: probe, full, search0.., final0...
    name: str
    # What it is for.
    kind: ViewKind
    # Index of a search or final view, else -1.
    fold: int
    # The folder.
    path: str
    # Changes when any file below `path` changes; see core.task.view_digest.
    digest: str
    # File with the held-out truth, outside of `path`; None where nothing is held out.
    answers: str | None
    # The sample submission that a program must answer, relative to `path`.
    sample: TableFile
    # Rows with labels.
    rows_train: int
    # Rows without, that score the search.
    rows_holdout: int
    # Rows of the official test.
    rows_test: int
    # Further folders that links below `path` point into (for Landlock).
    readable: tuple[str, ...] = ()
    # What it holds out, in words: from when to when, or how many groups, and how many rows. Of the
    # full view, what the competition asks for. "" in a probe and where an old journal does not say.
    # It names columns and cells of the data: fence it.
    span: str = ""


# ---------------------------------------------------------------- programs

BriefKind = Literal["draft", "rewrite", "mutate", "merge", "debug", "tune", "shrink"]
Author = Literal["recipes", "model"]
# What runs: the answer to a brief, or an earlier program again: with another seed, or on the folds
# that it lacks.
ProgramKind = Literal[BriefKind, "seed", "folds"]
EntryKind = Literal[ProgramKind, "ensemble"]


@dataclass(frozen=True, slots=True)
class Brief:
    """What a proposer is asked for."""

    # Index of the proposal, from 0.
    step: int
    # See core.evolution.briefs.
    kind: BriefKind
    # Drawn from the run's seed and `step`; a proposer draws from it only.
    seed: int
    # Best first.
    parents: tuple[Parent, ...] = ()
    # The part that a mutation may change.
    locus: str | None = None
    # What of that part it is about.
    aspect: str | None = None
    # Plans of the drafts so far.
    siblings: tuple[str, ...] = ()
    # In whose role.
    persona: Persona = NOBODY
    # How long the program may run on a search view.
    seconds: float = math.inf
    # (locus, id of the parent that gives it) for a merge; () where the proposer is free.
    gene_plan: tuple[tuple[str, str], ...] = ()
    # Lessons that fit, the closest first.
    skills: tuple[Skill, ...] = ()


@dataclass(frozen=True, slots=True)
class Parent:
    """What a proposer learns of a finished step: its program, plan and last error.

    score: what it would have on all folds (core.evolution.selection.adjusted); None when it has
    none. change: see Proposal.
    """

    id: str
    program: str
    plan: str
    score: float | None
    error: ErrorInfo | None
    change: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program that answers a brief."""

    # Unique in a run.
    id: str
    # Index of the proposal, from 0; of an extra, that of the step before it.
    step: int
    # Of the brief.
    kind: ProgramKind
    # Ids, best first.
    parents: tuple[str, ...]
    # Label of the one in whose role.
    persona: str
    # One line of English.
    plan: str
    # The text.
    program: str
    # Digest of each locus.
    genes: dict[str, str]
    # Of its executions.
    seed: int
    # The part that was to change, None for all.
    locus: str | None = None
    # Who wrote it.
    author: Author = "recipes"
    # Ids of those that the author was shown.
    skills: tuple[str, ...] = ()
    # Why it should be better, in the author's words: one line, "" for none.
    hypothesis: str = ""
    # Seconds on one search view that its author was told of; None where it was told of none.
    told_s: float | None = None
    # It costs no request to a model, and is no step.
    extra: bool = False
    # What is changed of the first parent, in exact words (core.evolution.change_words); "" where the
    # plan alone says it.
    change: str = ""

    @classmethod
    def to(cls, brief: Brief, **fields: Any) -> Proposal:
        """The answer to a brief. fields: what a brief does not hold, and what is otherwise than it
        asks for.
        """
        parents = tuple(parent.id for parent in brief.parents)
        skills = tuple(skill.id for skill in brief.skills)
        asked: dict[str, Any] = {
            "id": f"s{brief.step:04d}",
            "step": brief.step,
            "kind": brief.kind,
            "parents": parents,
            "persona": brief.persona.label,
            "seed": brief.seed,
            "skills": skills,
        }
        return cls(**(asked | fields))


# ---------------------------------------------------------------- language models

Role = Literal["code", "feedback"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a model."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a language model.

    system: text that stays the same over a run, so that prefix caches work. messages: the last one
    is the user's. purpose: what it is for, in the ledger, e.g. "s0007 mutate". deadline: epoch
    seconds after which no answer helps. schema: JSON schema that the answer must follow; None: free
    text. temperature, model: instead of those of the role; None: as configured.
    """

    system: str
    messages: tuple[Message, ...]
    purpose: str
    deadline: float
    schema: dict[str, Any] | None = None
    temperature: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. complete: False when it was still cut off by length after a continuation.

    data: the parsed value when the request had a schema.
    """

    text: str
    complete: bool = True
    data: Any = None


# ---------------------------------------------------------------- execution

KilledFor = Literal["deadline", "stop", "memory", "processes", "disk", "supervisor_lost"]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """The last traceback of a program (or of its signal). type: exception or signal name."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Job:
    """One execution: a program on a view. key: evaluation key = hash(program, view, fold, seed).

    limit_s: wall seconds granted.
    """

    key: str
    proposal_id: str
    program: str
    view: View
    seed: int
    limit_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended; it decides nothing about the score."""

    # None when ended by `signal`.
    exit_code: int | None
    # Number of the signal that ended it.
    signal: int | None
    # Killed at its limit or at the run's deadline.
    timed_out: bool
    # Wall seconds.
    duration_s: float
    # Seconds of all its processes.
    cpu_s: float
    # MiB of all its processes together.
    peak_rss_mb: float
    # The last traceback.
    error: ErrorInfo | None
    # Last 4 kB of output.
    tail: str
    # The limit that ended it, None when it ended by itself.
    killed_for: KilledFor | None = None
    # Path of ./submission/submission.csv when the program left one.
    submission: str | None = None
    # File with head and tail of the output, at most 64 kB.
    log: str | None = None
    # False when its input changed while it ran.
    view_intact: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of one execution, or of a whole step.

    valid: a submission that would be accepted. score, stderr: holdout score and its standard error,
    None when nothing was held out. warnings never make a verdict invalid. predictions: name in the
    prediction store.
    """

    valid: bool
    score: float | None
    stderr: float | None
    scored_by: ScoredBy
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    predictions: str | None = None


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One judged execution on one view."""

    key: str
    view: str
    fold: int
    seed: int
    outcome: Outcome
    verdict: Verdict

    def without_predictions(self) -> FoldResult:
        return replace(self, verdict=replace(self.verdict, predictions=None))


def prediction_names(results: Sequence[FoldResult]) -> list[str]:
    """Names in the prediction store of the valid results."""
    return [result.verdict.predictions for result in results if result.verdict.predictions]


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished step: a distinct program, its executions and the verdict over them."""

    # Of the proposal.
    id: str
    # Of the proposal.
    step: int
    # Of the brief.
    kind: EntryKind
    # Ids, best first.
    parents: tuple[str, ...]
    # See Proposal.
    persona: str
    # One line of English.
    plan: str
    # Digest of the text.
    program: str
    # Digest of each locus.
    genes: dict[str, str]
    # Of the run that failed, else of that on the last fold.
    outcome: Outcome
    # Its score is the mean over folds.
    verdict: Verdict
    # Its executions on search views.
    folds: tuple[FoldResult, ...] = ()
    # Every fold ran; an entry that was raced out is valid but not complete.
    complete: bool = False
    # Probability of beating the incumbent of that moment on common rows.
    p_better: float | None = None
    # Id of the entry that it was compared with, None for the first.
    incumbent: str | None = None
    # It became the incumbent.
    steers: bool = False
    # See Proposal.
    locus: str | None = None
    # See Proposal.
    author: Author = "recipes"
    # See Proposal.
    skills: tuple[str, ...] = ()
    # See Proposal.
    hypothesis: str = ""
    # See Proposal.
    told_s: float | None = None
    # See Proposal.
    extra: bool = False
    # See Proposal.
    change: str = ""
    # Views on which it is right beyond belief (Suspicion): they count nowhere, and it is not complete.
    suspect: tuple[str, ...] = ()
    # Probability of beating its first parent on common rows, of a model's program; None where it was not
    # compared.
    p_parent: float | None = None
    # Another seed, or other values, of a program that has not shown to be better than that: it is
    # blended with others, and stands for that program nowhere.
    unproven: bool = False

    def score(self, direction: Direction) -> Score:
        if not self.verdict.valid:
            return Score(None, direction)
        return Score(self.verdict.score, direction)

    @property
    def valid_folds(self) -> tuple[FoldResult, ...]:
        """Those that count."""
        trusted = [fold for fold in self.folds if fold.view not in self.suspect]
        return tuple(fold for fold in trusted if fold.verdict.valid)

    @property
    def predictions(self) -> list[str]:
        """Names in the prediction store, one per valid fold that left one."""
        return prediction_names(self.valid_folds)

    @property
    def alone(self) -> tuple[list[str], float]:
        """The only part of a blend: the names of its predictions, and its weight."""
        return self.predictions, 1.0

    @property
    def seconds(self) -> float:
        """Wall seconds over all folds."""
        return sum(fold.outcome.duration_s for fold in self.folds)

    def as_proposal(self, program: str) -> Proposal:
        """The proposal that this entry came from, so that its program can run again. program: its
        text.
        """
        return Proposal(
            id=self.id,
            step=self.step,
            kind=self.kind,  # type: ignore[arg-type]
            parents=self.parents,
            persona=self.persona,
            plan=self.plan,
            program=program,
            genes=self.genes,
            seed=self.folds[0].seed,
            locus=self.locus,
            author=self.author,
            skills=self.skills,
            hypothesis=self.hypothesis,
            told_s=self.told_s,
            extra=self.extra,
            change=self.change,
        )

    def without_predictions(self, keys: Container[str]) -> Entry:
        """What is left of it where the predictions of the named executions are gone; itself where
        none is.
        """
        if not any(fold.key in keys for fold in self.folds):
            return self
        folds = []
        for fold in self.folds:
            if fold.key in keys:
                fold = fold.without_predictions()
            folds.append(fold)
        return replace(self, folds=tuple(folds), complete=False, steers=False)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Held-out rows that have something in common: as many as core.judging.residuals.guards asks for."""

    # What they have in common.
    name: str
    # How many there are.
    rows: int
    # Mean of the program's error on them, in the unit that the table names.
    error: float
    # Mean of prediction minus answer, None where answers are no numbers.
    bias: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """One way of grouping the held-out rows. title: by what, and the unit of `error`."""

    title: str
    groups: tuple[ErrorGroup, ...]


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Where the held-out errors of a program lie: aggregates only, never an answer of a row."""

    # Held-out rows that it rests on.
    rows: int
    # Statements about all of them, in words: bias against spread, and the like.
    summary: tuple[str, ...]
    # The most telling first.
    tables: tuple[ErrorTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """views: where a program is right on far more rows than its other folds explain; at least one of
    its views is not among them. why: in words, of the oddest. p: that an honest program looks so by
    chance, at most.
    """

    views: tuple[str, ...]
    why: str
    p: float


@dataclass(frozen=True, slots=True)
class Idle:
    """What is known when a box is idle."""

    # Finished programs in order.
    entries: Sequence[Entry]
    # Programs in flight, or cut off.
    pending: Sequence[Proposal]
    # Normalised digests of all programs so far.
    known: Collection[str]
    # Of this extra, from 0.
    number: int
    # Index of the step before it.
    step: int
    # That a program may take on a search view.
    seconds: float


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A weighted blend of finished steps. members: (entry id, weight), weights sum to 1. how: mean,
    rank or vote.
    """

    members: tuple[tuple[str, float], ...]
    how: Literal["mean", "rank", "vote"]
    score: float | None
    stderr: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two predictions of the official test rows. rank: mean rank correlation over targets (share of
    equal labels).

    shift: largest difference of mean and quartiles in standard deviations (largest difference of a
    class share).
    """

    rank: float
    shift: float


@dataclass(frozen=True, slots=True)
class Best:
    """What is published. kind: baseline, an entry's kind, ensemble or refit."""

    id: str
    kind: str
    score: float | None
    stderr: float | None
    scored_by: ScoredBy
    final_pick: float | None = None


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """Which parts of the box were in force on this machine, and why a missing one is missing."""

    landlock: bool
    user_switch: bool
    network: Literal["shared", "none"] = "shared"
    notes: tuple[str, ...] = field(default=())
