"""One search on a filled case: the product's loop, race, ensemble and final pick, over evaluations
that were kept.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmark.study.case import SEED, Case
from benchmark.study.evaluations import Evaluation, EvaluationStore, KnownPredictions
from benchmark.study.library import Item
from benchmark.study.local_judge import LocalWorker, local_judge
from benchmark.study.policies import SearchPolicy
from benchmark.study.private_scores import Private
from benchmark.study.proposer import LibraryProposer, RandomProposer
from core.blending import how_to_combine
from core.budget import Budget
from core.doubles import ManualClock, ManualStop, ProgramDict, PublisherList
from core.ending.end_game import decide, finalists
from core.ending.final_pick import FinalPick, PickSettings
from core.ending.likeness import likeness_of
from core.evaluation import Evaluator
from core.events import Event
from core.evolution.selection import race_is_lost, ranked, takes_the_lead
from core.execution.probe import probe_fault
from core.journal.history import History
from core.judging.service import HoldoutJudge
from core.loop import Loop, LoopParts, Rules
from core.protocols import Proposer
from core.publishing.result import Result, single
from core.records import Job, Outcome, Proposal, Suspicion, Verdict, View, prediction_names
from utils.errors import DataError

FINALISTS = 5
_STEPS_PER_EPOCH = 10
# Seconds on the clock of a replay: no deadline, but a number to do sums with.
_NEVER = 1e12


@dataclass(frozen=True, slots=True)
class PlayedSearch:
    """One search. Scores are private but for `picked`."""

    # Of the case.
    competition: str
    # Its name.
    policy: str
    # Of the search.
    seed: int
    # Fold runs of the search.
    executions: int
    # Programs that it finished, and those of them that ran on all views.
    steps: int
    # Programs that ran on all views.
    complete: int
    # Of what would be published.
    private: float
    # Of the program with the best search score.
    alone: float
    # Of `private`.
    stderr: float
    # The final pick's score on unseen folds, and its standard error.
    picked: float | None
    # Standard error of `picked`.
    picked_stderr: float | None
    # The best that the final pick could have taken.
    best_finalist: float
    # Kind of what won.
    winner: str
    # Of all executions.
    seconds: float


class Table:
    """A filled case in memory: evaluations by key, the judge and the private answers."""

    def __init__(self, case: Case) -> None:
        """Raises DataError when evaluations are missing or damaged."""
        self.case = case
        store, evaluations = KnownPredictions.of(case), EvaluationStore(case)
        self._evaluations: dict[str, Evaluation] = {}
        for key in case.keys():
            evaluation = evaluations.load(key)
            if evaluation is not None:
                self._evaluations[key] = evaluation
                store.put(evaluation)
        if absent := len(case.keys()) - len(self._evaluations):
            raise DataError(
                f"{case.competition.name}: {absent} of {len(case.keys())} evaluations are missing"
            )
        found: tuple[HoldoutJudge, LocalWorker] = local_judge(case.spec, store, case.folder)
        self.judge, self._worker = found
        self._private = Private.of(case)

    def evaluation(self, key: str) -> Evaluation:
        return self._evaluations[key]

    def private(self, result: Result) -> tuple[float, float]:
        """Private score of a result and its standard error."""
        values = self._worker.official(result.parts, result.how)
        return self._private.score(values), self._private.stderr(values)

    def library_scores(self) -> list[float]:
        """Private score of every program that is valid on all search views."""
        scores = []
        for item in self.case.items:
            names = self._names(item)
            if len(names) == len(self.case.search):
                values = self._worker.official([(names, 1.0)], how_to_combine(self.case.spec))
                scores.append(self._private.score(values))
        return scores

    def _names(self, item: Item) -> list[str]:
        keys = [self.case.key(item, view) for view in self.case.search]
        return prediction_names([self.evaluation(key).result for key in keys])


def play(table: Table, policy: SearchPolicy, seed: int, executions: int) -> PlayedSearch:
    """One run of a policy. executions: fold runs that the search may have; those of the final pick
    are not counted.
    """
    case = table.case
    programs = ProgramDict()
    history, clock = History(programs.get), ManualClock(0.0)
    recorder = Memory(history, clock)
    meter = Meter(executions)
    replayed = KnownResults(table, meter, clock)
    evaluator = Evaluator(
        replayed,
        FixedViews(case),
        replayed,
        meter,
        recorder,
        history,
        ManualStop(),
        probe_fault,
    )
    direction = case.spec.metric.direction
    parts = LoopParts(
        proposer=_proposer(policy, case),
        search=policy.make(
            direction, seed, programs.get, likeness_of(table.judge, case.spec), history
        ),
        evaluator=evaluator,
        pace=meter,
        recorder=recorder,
        state=history,
        programs=programs,
        publisher=PublisherList(recorder.append),
        stop=ManualStop(),
        clock=clock,
        learner=policy.learner(direction, seed, history, recorder),
    )
    lost = race_is_lost
    if not policy.racing:
        lost = _is_never_lost
    rules = Rules(1, _STEPS_PER_EPOCH, lambda program: (), takes_the_lead, lost)
    Loop(parts, rules, MeteredBudget(executions, 0.0, _NEVER, 0.0, meter=meter)).run()
    pick = FinalPick(
        PickSettings(FINALISTS, 1, direction),
        evaluator,
        table.judge,
        programs,
        recorder,
        lambda: case.final,
        clock,
    )
    blender = None
    if policy.ensemble:
        blender = table.judge
    contenders = finalists(case.spec, history, FINALISTS, blender, recorder)
    winner = decide(contenders, history, pick, case.split.locked_rows, _NEVER)
    return _played(
        table, policy.name, seed, meter.used, history, contenders, winner or contenders[0]
    )


def _played(
    table: Table,
    policy: str,
    seed: int,
    used: int,
    history: History,
    contenders: Sequence[Result],
    winner: Result,
) -> PlayedSearch:
    case = table.case
    entries = [entry for entry in history.entries if entry.complete]
    direction = case.spec.metric.direction
    private, stderr = table.private(winner)
    chances = [table.private(result)[0] for result in contenders]
    picked, errors = history.final_pick, {}
    if picked is not None:
        errors = dict(zip(picked.finalists, picked.stderrs, strict=True))
    best = max
    if direction == "minimize":
        best = min
    return PlayedSearch(
        competition=case.competition.name,
        policy=policy,
        seed=seed,
        executions=used,
        steps=history.steps_done,
        complete=len(entries),
        private=private,
        alone=table.private(single(ranked(entries, direction)[0], winner.how))[0],
        stderr=stderr,
        picked=winner.best.final_pick,
        picked_stderr=errors.get(winner.best.id),
        best_finalist=best(chances),
        winner=winner.best.kind,
        seconds=sum(fold.outcome.duration_s for fold in history.folds.values()),
    )


def _proposer(policy: SearchPolicy, case: Case) -> Proposer:
    if policy.search == "random":
        return RandomProposer(case.items, SEED)
    return LibraryProposer(case.items, SEED)


def _is_never_lost(p_better: float | None) -> bool:
    return False


# ---------------------------------------------------------------- parts of the loop


class Memory:
    """Implements core.protocols.Recorder: the journal without its file."""

    def __init__(self, history: History, clock: Callable[[], float]) -> None:
        self._history = history
        self._clock = clock
        self._lock = threading.Lock()

    def append(self, event: Event) -> None:
        with self._lock:
            self._history.apply({"t": self._clock(), "type": event.type} | event.fields())


class Meter:
    """Implements core.protocols.Pace: so many executions on search views, and no other limit."""

    def __init__(self, executions: int) -> None:
        self._most = executions
        self.used = 0

    @property
    def share(self) -> float:
        """Of the executions that are spent."""
        return min(self.used / self._most, 1.0)

    def count(self, view: View) -> None:
        self.used += view.kind == "search"

    def probe_limit(self, proposal: Proposal) -> float | None:
        return None

    def predict(self, probe_s: float) -> float:
        return probe_s

    def limit(self, proposal: Proposal, view: View) -> float:
        if view.kind == "search" and self.used >= self._most:
            return 0.0
        return math.inf

    def affordable(self, parents: Sequence[str] = ()) -> float:
        return math.inf

    def worth_starting(self) -> bool:
        return self.used < self._most

    def search_ends(self) -> float:
        return math.inf


@dataclass(frozen=True, slots=True)
class MeteredBudget(Budget):
    """A budget whose progress is the share of executions that are spent."""

    meter: Meter = field(kw_only=True)

    def progress(self, steps: int, now: float) -> float:
        return self.meter.share


class KnownResults:
    """Implements core.protocols.Runner and Judge with what is known already."""

    def __init__(self, table: Table, meter: Meter, clock: ManualClock) -> None:
        self._table = table
        self._meter = meter
        self._clock = clock

    def run(self, job: Job) -> Outcome:
        self._meter.count(job.view)
        outcome = self._table.evaluation(job.key).result.outcome
        self._clock.advance(outcome.duration_s)
        return outcome

    def release(self, job: Job) -> None:
        pass

    def judge(self, job: Job, outcome: Outcome) -> Verdict:
        return self._table.evaluation(job.key).result.verdict

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        return self._table.judge.p_better(challenger, incumbent)

    def suspicion(self, names: Sequence[str], rivals: Sequence[Sequence[str]]) -> Suspicion | None:
        return self._table.judge.suspicion(names, rivals)


class FixedViews:
    """Implements core.protocols.Views: nothing is run, so nothing is damaged."""

    def __init__(self, case: Case) -> None:
        self._views = {view.name: view for view in case.views}
        self._search = case.search

    def get(self, name: str) -> View:
        return self._views[name]

    def search(self) -> Sequence[View]:
        return self._search

    def intact(self, view: View) -> bool:
        return True
