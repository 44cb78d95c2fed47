"""Scripted doubles of the protocols, for tests: what they answer is written down beforehand,
nothing is random.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from core.events import Event, Published
from core.genome import Genome, digest
from core.protocols import BlendParts
from core.records import (
    Answer,
    Author,
    Best,
    Brief,
    Entry,
    FoldResult,
    Job,
    Outcome,
    Proposal,
    Request,
    Suspicion,
    TableFile,
    Verdict,
    View,
)
from utils.errors import ModelError, ProposalError

CLEAN = Outcome(0, None, False, 1.0, 1.0, 10.0, None, "", submission="submission.csv")


class ManualClock:
    """Seconds that pass only when told to."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class ScriptedProposer:
    """Answers briefs with programs from a list; an exception in the list is raised. ProposalError
    when it is empty.
    """

    def __init__(self, programs: Iterable[str | ProposalError], author: Author = "recipes") -> None:
        self._programs = iter(programs)
        self._author = author
        self.briefs: list[Brief] = []

    def propose(self, brief: Brief) -> Proposal:
        self.briefs.append(brief)
        program = next(self._programs, ProposalError("the script is over"))
        if isinstance(program, ProposalError):
            raise program
        return replace(proposal(brief, program), author=self._author)


def proposal(brief: Brief, program: str) -> Proposal:
    plan = (program.strip().splitlines() or [""])[0]
    return Proposal.to(
        brief, plan=plan, program=program, genes=Genome.parse(program).hashes(), locus=brief.locus
    )


class ScriptedRunner:
    """Ends every job at once with the outcome that `script` gives. Takes `seconds` on the clock for
    each.
    """

    def __init__(
        self, script: Callable[[Job], Outcome] = lambda job: CLEAN, clock: ManualClock | None = None
    ) -> None:
        self._script = script
        self._clock = clock
        self.jobs: list[Job] = []
        self.released: list[str] = []

    def run(self, job: Job) -> Outcome:
        self.jobs.append(job)
        outcome = self._script(job)
        if self._clock is not None:
            self._clock.advance(outcome.duration_s)
        return outcome

    def release(self, job: Job) -> None:
        self.released.append(job.key)


class ScriptedJudge:
    """Scores a job by `script`; a challenger is better for sure when its mean is higher, P = .5
    when equal.
    """

    def __init__(
        self,
        script: Callable[[Job], float | None],
        odd: Callable[[Sequence[str]], Suspicion | None] = lambda names: None,
    ) -> None:
        """odd: what is suspected of the program with these predictions."""
        self._script = script
        self._odd = odd
        self.scores: dict[str, float] = {}

    def judge(self, job: Job, outcome: Outcome) -> Verdict:
        score = self._script(job)
        if score is None or outcome.submission is None:
            return Verdict(False, None, None, "none", ("scripted failure",))
        self.scores[job.key] = score
        return Verdict(True, score, 0.01, "holdout", predictions=job.key)

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        if not challenger or not incumbent:
            return None
        gain = self._mean(challenger) - self._mean(incumbent)
        return 0.5 if gain == 0 else float(gain > 0)

    def suspicion(self, names: Sequence[str], rivals: Sequence[Sequence[str]]) -> Suspicion | None:
        return self._odd(names) if rivals else None

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        return sum(weight * self._mean(names) for names, weight in parts), 0.01

    def _mean(self, names: Sequence[str]) -> float:
        return sum(self.scores[name] for name in names) / len(names)


class ScriptedModel:
    """A language model that answers from a list; an exception in the list is raised. ModelError
    when it is empty.
    """

    def __init__(
        self, answers: Iterable[str | Answer | ModelError], available: bool = True
    ) -> None:
        self._answers = iter(answers)
        self.requests: list[Request] = []
        self.available = available

    def complete(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = next(self._answers, ModelError("the script is over"))
        if isinstance(answer, ModelError):
            raise answer
        if isinstance(answer, str):
            return Answer(answer)
        return answer


def view(name: str, fold: int = 0, kind: str = "search", rows: int = 100) -> View:
    """A view that exists on paper only."""
    sample = TableFile("sample_submission.csv")
    return View(name, kind, fold, f"/nowhere/{name}", name, None, sample, rows, 20, 10)  # type: ignore[arg-type]


class PaperViews:
    """Search views that are never opened. broken: names of views that jobs damage."""

    def __init__(self, folds: int = 3, broken: Iterable[str] = ()) -> None:
        self._views = {f"search{fold}": view(f"search{fold}", fold) for fold in range(folds)}
        self._views["probe"] = view("probe", -1, "probe")
        self._broken = set(broken)

    def get(self, name: str) -> View:
        return self._views[name]

    def search(self) -> Sequence[View]:
        return [view for view in self._views.values() if view.kind == "search"]

    def intact(self, view: View) -> bool:
        return view.name not in self._broken


class EventList:
    """A Recorder that keeps events in memory and tells a listener."""

    def __init__(self, listen: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._listen = listen

    def append(self, event: Event) -> None:
        self.events.append(event)
        self._listen(event)

    def of(self, cls: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, cls)]


class FreePace:
    """Grants a minute to everyone. probed: ids of the proposals that are probed first."""

    def __init__(self, probed: Iterable[str] = ()) -> None:
        self._probed = set(probed)

    def probe_limit(self, proposal: Proposal) -> float | None:
        return 60.0 if proposal.id in self._probed else None

    def predict(self, probe_s: float) -> float:
        return probe_s

    def limit(self, proposal: Proposal, view: View) -> float:
        return 60.0

    def affordable(self, parents: Sequence[str] = ()) -> float:
        return 60.0

    def worth_starting(self) -> bool:
        return True

    def search_ends(self) -> float:
        return math.inf


class ProgramDict:
    """Programs in memory."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, program: str) -> str:
        key = digest(program)
        self._texts[key] = program
        return key

    def get(self, key: str) -> str:
        return self._texts[key]


class PublisherList:
    """Remembers what was published and tells a recorder, as the real one does."""

    def __init__(self, record: Callable[[Event], None]) -> None:
        self._record = record
        self.entries: list[Entry] = []

    def publish(self, entry: Entry) -> None:
        self.entries.append(entry)
        verdict = entry.verdict
        best = Best(entry.id, entry.kind, verdict.score, verdict.stderr, verdict.scored_by)
        self._record(Published(best, 10, "0" * 64, "local"))


@dataclass
class ManualStop:
    """Stops when told to."""

    reason: str | None = None


def entry(
    entry_id: str,
    score: float | None,
    *,
    kind: str = "draft",
    parents: tuple[str, ...] = (),
    folds: Sequence[float] | None = None,
    steers: bool = False,
    complete: bool = True,
    locus: str | None = None,
    outcome: Outcome = CLEAN,
) -> Entry:
    """A finished step with these fold scores (by default `score` on three folds); None: it failed."""
    if score is None:
        verdict = Verdict(False, None, None, "holdout", ("bad",))
    else:
        verdict = Verdict(True, score, 0.01, "holdout")
    if folds is None:
        folds = [] if score is None else [score] * 3
    results = []
    for fold, value in enumerate(folds):
        key = f"{entry_id}-{fold}"
        on_fold = Verdict(True, value, 0.01, "holdout", predictions=key)
        results.append(FoldResult(key, f"search{fold}", fold, 7, outcome, on_fold))
    step = int("".join(filter(str.isdigit, entry_id)) or 0)
    finished = Entry(
        entry_id,
        step,
        kind,  # type: ignore[arg-type]
        parents,
        "default",
        f"plan {entry_id}",
        digest(entry_id),
        {},
        outcome,
        verdict,
    )
    return dataclasses.replace(
        finished,
        folds=tuple(results),
        complete=complete and score is not None,
        steers=steers,
        locus=locus,
    )
