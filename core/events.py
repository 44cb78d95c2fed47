"""One frozen record per kind of journal line. An event holds every input that a later decision
used.

A line is {"v", "seq", "t", "type", ...fields}; the types and the fields of `step` are fixed by
docs/journal.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.persona import Persona, PersonaChange, SkillChange
from core.records import (
    Best,
    BoxFacts,
    Brief,
    CompetitionSpec,
    Ensemble,
    Entry,
    ErrorReport,
    FoldResult,
    Outcome,
    Proposal,
    SplitSpec,
    Suspicion,
)
from core.skill import Skill
from utils.json_records import from_json, to_json

_FOLD_TEXT = 200


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; `type` is the word in the journal."""

    type: ClassVar[str] = ""

    def fields(self) -> dict[str, Any]:
        return to_json(self)

    def render(self) -> str:
        """One line for people."""
        return self.type


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """started: epoch seconds; deadline: absolute end (epoch seconds). provider: recipes, openai or
    anthropic.
    """

    type: ClassVar[str] = "run_started"
    started: float
    deadline: float
    max_steps: int
    seed: int
    workers: int
    provider: str
    competition_id: str
    config: dict[str, Any]
    box: BoxFacts

    def render(self) -> str:
        return f"run started: {self.provider}, {self.max_steps} steps, {self.deadline - self.started:.0f} s"


@dataclass(frozen=True, slots=True)
class SpecDecided(Event):
    """score_program: digest of an accepted generated score (programs/<digest>.py), "" without one."""

    type: ClassVar[str] = "spec"
    spec: CompetitionSpec
    split: SplitSpec
    views: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...] = ()
    score_program: str = ""

    def render(self) -> str:
        metric = self.spec.metric
        name = f"generated score {self.score_program}" if self.score_program else metric.name
        return f"{self.spec.modality}, {name} ({metric.direction}, from {metric.source}), {self.split.why}"


@dataclass(frozen=True, slots=True)
class BaselineWritten(Event):
    """source: sample (the sample submission itself) or prior (filled with the train prior)."""

    type: ClassVar[str] = "baseline"
    source: str
    rows: int
    sha256: str

    def render(self) -> str:
        return f"baseline published ({self.source}, {self.rows} rows)"


@dataclass(frozen=True, slots=True)
class LlmCall(Event):
    """One request over the wire, failed ones too. Texts are named by their digests."""

    # The word in the journal.
    type: ClassVar[str] = "llm_call"
    # code or feedback, as in the configuration.
    role: str
    # As the provider spells it.
    model: str
    # It was answered.
    ok: bool
    # On the wire.
    seconds: float
    # Of the request.
    prompt_tokens: int
    # Those of the prompt's that the endpoint had in a cache.
    cached_tokens: int
    # Of the answer.
    completion_tokens: int
    # None where the model's price is not known.
    cost_usd: float | None
    # What it was asked for; see core.records.Request.
    purpose: str = ""
    # Digest of the request.
    request: str = ""
    # Digest of the answer, a file beside the journal (answers/<digest>.txt).
    answer: str | None = None
    # The true cause of a failure, without any key.
    error: str | None = None
    # From 1; counts the requests for one answer.
    attempt: int = 1
    # Why the model stopped (stop, length, refusal).
    finish: str = ""

    def render(self) -> str:
        if not self.ok:
            return f"{self.model} failed ({self.purpose}): {self.error}"
        return f"{self.model} answered ({self.purpose}): {self.completion_tokens} tokens, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Proposed(Event):
    """A proposal; the program's text is the file programs/<digest>.py."""

    type: ClassVar[str] = "proposal"
    proposal: Proposal
    program: str

    def fields(self) -> dict[str, Any]:
        fields = to_json(self.proposal)
        return fields | {"program": self.program}

    def render(self) -> str:
        return f"{self.proposal.id} {self.proposal.kind}: {self.proposal.plan}"


@dataclass(frozen=True, slots=True)
class ProposalFailed(Event):
    type: ClassVar[str] = "proposal_failed"
    step: int
    kind: str
    reason: str

    def render(self) -> str:
        return f"no program for {self.kind} (step {self.step}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Probed(Event):
    """predicted_s: upper estimate of a search run; None where the probe failed."""

    type: ClassVar[str] = "probe"
    id: str
    outcome: Outcome
    rejected: bool
    predicted_s: float | None

    def render(self) -> str:
        if self.rejected:
            return f"{self.id} probe: rejected"
        return f"{self.id} probe: search run <= {self.predicted_s or 0:.0f} s"


@dataclass(frozen=True, slots=True)
class FoldScored(Event):
    """limit_s: seconds that were granted."""

    type: ClassVar[str] = "fold"
    id: str
    result: FoldResult
    limit_s: float

    def fields(self) -> dict[str, Any]:
        """Without what the program printed: the step's own line and the log file keep it."""
        fields = Event.fields(self)
        outcome = fields["result"]["outcome"]
        outcome["tail"] = ""
        if outcome["error"]:
            outcome["error"]["message"] = outcome["error"]["message"][:_FOLD_TEXT]
            outcome["error"]["traceback"] = ""
        return fields


@dataclass(frozen=True, slots=True)
class Suspected(Event):
    """A program is right on more rows of some views than its other views explain: these do not count."""

    type: ClassVar[str] = "suspicion"
    id: str
    suspicion: Suspicion

    def render(self) -> str:
        return f"{self.id} is not believed: {self.suspicion.why}"


@dataclass(frozen=True, slots=True)
class StepDone(Event):
    type: ClassVar[str] = "step"
    entry: Entry

    def fields(self) -> dict[str, Any]:
        """The folds are lines of their own; a step names them by key."""
        fields = to_json(self.entry)
        return fields | {"folds": [fold.key for fold in self.entry.folds]}

    def render(self) -> str:
        entry, verdict = self.entry, self.entry.verdict
        if not verdict.valid:
            why = next(iter(verdict.reasons), "invalid")
            return f"{entry.id} {entry.kind} failed: {why}"
        score, mark = "unscored", ""
        if verdict.score is not None:
            score = f"{verdict.score:.5f}"
            if verdict.stderr is not None:
                score += f" ± {verdict.stderr:.5f}"
        if entry.steers:
            mark = " *"
        elif entry.suspect:
            mark = f" (without {', '.join(entry.suspect)})"
        elif not entry.complete:
            mark = " (raced out)"
        return f"{entry.id} {entry.kind} {score}{mark}  {entry.seconds:.1f} s  {entry.plan}"


@dataclass(frozen=True, slots=True)
class ExtraDone(StepDone):
    """What ran without a request to a model, settled like a step and never counted as one."""

    type: ClassVar[str] = "extra"

    def render(self) -> str:
        return f"{StepDone.render(self)} (no step)"


@dataclass(frozen=True, slots=True)
class BriefMade(Event):
    """What the next request to a model asks for, and what that was decided from beside earlier lines:
    a recorded run decides the same again.
    """

    type: ClassVar[str] = "brief"
    step: int
    kind: str
    # Ids, best first.
    parents: tuple[str, ...]
    # The part that is to change, None for all.
    locus: str | None
    # Seconds that the program may take on a search view, None for any.
    seconds: float | None
    # Share of the budget that was spent.
    progress: float
    # Steps in flight, as the search saw them.
    running: tuple[str, ...] = ()
    # Those of them that were still being written.
    writing: tuple[str, ...] = ()

    @classmethod
    def of(cls, brief: Brief, running: Sequence[Proposal], progress: float) -> BriefMade:
        """running: steps in flight, without a text where they are being written."""
        asked = Proposal.to(brief, plan="", program="", genes={})
        unwritten = [step for step in running if not step.program]
        return cls(
            step=brief.step,
            kind=brief.kind,
            parents=asked.parents,
            locus=brief.locus,
            seconds=brief.seconds,
            progress=progress,
            running=_ids(running),
            writing=_ids(unwritten),
        )

    def render(self) -> str:
        about = " and ".join(self.parents) or "nothing"
        return f"s{self.step:04d}: {self.kind} from {about}"


@dataclass(frozen=True, slots=True)
class PlansMade(Event):
    """What the first programs of a model will rest on, a plan each, asked for in one request."""

    type: ClassVar[str] = "plans"
    plans: tuple[str, ...]

    def render(self) -> str:
        return f"{len(self.plans)} first programs are planned"


@dataclass(frozen=True, slots=True)
class ErrorsSeen(Event):
    """Where the held-out errors of an entry lie; an author was told."""

    type: ClassVar[str] = "errors"
    id: str
    report: ErrorReport

    def render(self) -> str:
        return f"{self.id}: errors of {self.report.rows} held-out rows looked at"


@dataclass(frozen=True, slots=True)
class LikenessSeen(Event):
    """How alike the held-out errors of two entries are: their correlation, 1 where they are the same."""

    type: ClassVar[str] = "likeness"
    first: str
    second: str
    value: float

    def render(self) -> str:
        return f"{self.first} and {self.second}: errors correlate by {self.value:.3f}"


@dataclass(frozen=True, slots=True)
class BlendSeen(Event):
    """The ensemble as it would be if the search ended now, for those who write partners of it."""

    type: ClassVar[str] = "blend"
    ensemble: Ensemble

    def render(self) -> str:
        return f"ensemble so far: {len(self.ensemble.members)} members"


@dataclass(frozen=True, slots=True)
class EpochClosed(Event):
    type: ClassVar[str] = "epoch"
    epoch: int
    steps: int
    best: float | None

    def render(self) -> str:
        line = f"epoch {self.epoch}: {self.steps} steps"
        if self.best is None:
            return line
        return f"{line}, best {self.best:.5f}"


@dataclass(frozen=True, slots=True)
class PersonaChanged(Event):
    """A persona as it is from now on. step: the first one that it can steer. evidence: figures of
    the decision.

    change: joined the team; rewritten, on probation; kept, or rolled_back to what it was before.
    """

    type: ClassVar[str] = "persona"
    persona: Persona
    change: PersonaChange
    step: int
    evidence: dict[str, Any] = field(default_factory=dict)

    def render(self) -> str:
        return f"persona {self.persona.label} {self.change.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class SkillChanged(Event):
    """A skill as it is from now on. change: extracted from steps, merged with a like one, carried
    from a library, measured anew, or retired. evidence: figures of the decision.
    """

    type: ClassVar[str] = "skill"
    skill: Skill
    change: SkillChange
    evidence: dict[str, Any] = field(default_factory=dict)

    def render(self) -> str:
        line = f"skill {self.skill.id} {self.change}: {self.skill.text}"
        if not self.skill.uses:
            return line
        return f"{line}, {self.skill.uses} uses, lift {self.skill.lift:+.2f}"


@dataclass(frozen=True, slots=True)
class Published(Event):
    type: ClassVar[str] = "published"
    best: Best
    rows: int
    sha256: str
    checked_by: str

    def render(self) -> str:
        line = f"published {self.best.id} ({self.best.kind})"
        if self.best.score is None:
            return line
        return f"{line} at {self.best.score:.5f}"


@dataclass(frozen=True, slots=True)
class EnsembleBuilt(Event):
    type: ClassVar[str] = "ensemble"
    id: str
    ensemble: Ensemble

    def render(self) -> str:
        members = ", ".join(f"{name} {weight:.2f}" for name, weight in self.ensemble.members)
        if self.ensemble.score is None:
            return f"ensemble of {members}"
        return f"ensemble of {members} at {self.ensemble.score:.5f} (cross-fitted)"


@dataclass(frozen=True, slots=True)
class FinalPicked(Event):
    """Scores of the finalists on data that never steered the search; `winner` is published."""

    type: ClassVar[str] = "final_pick"
    finalists: tuple[str, ...]
    scores: tuple[float | None, ...]
    stderrs: tuple[float | None, ...]
    winner: str
    on: str

    def render(self) -> str:
        return f"final pick on {self.on}: {self.winner}"


@dataclass(frozen=True, slots=True)
class Refitted(Event):
    type: ClassVar[str] = "refit"
    id: str
    accepted: bool
    reasons: tuple[str, ...]
    outcome: Outcome | None = None

    def render(self) -> str:
        notes = "; ".join(self.reasons)
        if not self.accepted:
            return f"refit of {self.id} not used: {notes}"
        return f"refit of {self.id} accepted{_in_brackets(notes)}"


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """steps: finished steps found in the journal. consumed_s: seconds that earlier sessions used.
    limit_s: seconds granted over all sessions.
    """

    type: ClassVar[str] = "resumed"
    at: float
    deadline: float
    max_steps: int
    steps: int
    consumed_s: float
    limit_s: float

    def render(self) -> str:
        return f"resumed: {self.steps} steps are done, {self.deadline - self.at:.0f} s are left"


@dataclass(frozen=True, slots=True)
class PredictionsLost(Event):
    """A resumed run found executions without their predictions. keys: evaluation keys, which may
    run again.

    again: entries that are evaluated again, best first; the others keep their scores and are no
    candidates any more.
    """

    type: ClassVar[str] = "lost"
    keys: tuple[str, ...]
    again: tuple[str, ...]

    def render(self) -> str:
        return f"predictions of {len(self.keys)} executions are lost: {len(self.again)} programs are evaluated again"


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    type: ClassVar[str] = "run_ended"
    status: str
    reason: str | None
    elapsed_s: float

    def render(self) -> str:
        return f"run ended: {self.status}{_in_brackets(self.reason)}"


def _ids(steps: Sequence[Proposal]) -> tuple[str, ...]:
    return tuple(step.id for step in steps)


def _in_brackets(text: str | None) -> str:
    """A note behind a line; nothing where there is none."""
    return f" ({text})" if text else ""


TYPES: dict[str, type[Event]] = {
    cls.type: cls for cls in (*Event.__subclasses__(), *StepDone.__subclasses__())
}


def revive(line: dict[str, Any]) -> Event:
    """The event of a parsed journal line. `step` and `proposal` lines need History: their parts are
    elsewhere.

    Raises KeyError for an unknown type.
    """
    return from_json(TYPES[line["type"]], line)
