"""Evaluates the libraries of a tier once. Killed at any moment it goes on later, and evaluates
nothing twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import NotRunError
from benchmark.study.case import SEED, Case, locked, make_case
from benchmark.study.evaluations import Evaluation, EvaluationStore, KnownPredictions
from benchmark.study.fork_runner import ForkRunner, imported_modules
from benchmark.study.library import Item
from benchmark.study.local_judge import LocalWorker, local_judge
from benchmark.study.private_scores import Private
from benchmark.study.tiers import Tier
from core.blending import how_to_combine
from core.execution.stop import StopSignal
from core.judging.service import HoldoutJudge
from core.protocols import Runner
from core.records import FoldResult, Job, View
from core.task.keeper import ViewKeeper
from core.task.service import TaskService
from utils.errors import DataError, Interrupted

Say = Callable[[str], None]
_SAY_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Machine:
    """cpus: ids that may be used. workers: programs at a time. stop: ends the fill early; what was
    done stays.
    """

    cpus: Sequence[int]
    workers: int
    stop: StopSignal


@dataclass(frozen=True, slots=True)
class FillReport:
    """What one call of `fill` did. evaluations: of the libraries. made: of them by this call, in so
    many minutes.
    """

    tier: str
    competitions: int
    evaluations: int
    made: int
    minutes: float


def fill(
    tier: Tier, names: Sequence[str], cache: Path, dest: Path, machine: Machine, say: Say
) -> FillReport:
    """Evaluates all that is missing.

    Raises NotRunError at the end when the data of a competition are not to be had, Interrupted when
    it is stopped.
    """
    cases, missing = [], []
    for name in names:
        try:
            cases.append(make_case(cache, tier, name, dest))
        except NotRunError as error:
            missing.append(str(error))
            say(f"{name}: left out, {error}")
    work, total = [], 0
    for case in cases:
        keys = case.keys()
        total += len(keys)
        work.append((case, EvaluationStore(case).missing(keys)))
    progress = Progress(total, sum(len(keys) for _, keys in work), say)
    for case, keys in work:
        say(
            f"{case.competition.name}: {len(case.items)} programs on {len(case.views)} views, {len(keys)} to do"
        )
        if keys:
            fill_case(case, keys, machine, progress)
    progress.report()
    if missing:
        raise NotRunError("; ".join(missing))
    return progress.filled(tier.name, len(cases))


class Progress:
    """Counts evaluations and says how many are done, now and then."""

    def __init__(
        self, total: int, to_do: int, say: Say, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._before = total - to_do
        self._done = 0
        self._say = say
        self._clock = clock
        self._begin = self._said = clock()
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self._done += 1
            if self._clock() - self._said >= _SAY_EVERY_S:
                self._said = self._clock()
                self.report()

    def report(self) -> None:
        left = self._total - self._before - self._done
        guess = ""
        if left and self._done:
            minutes = left * (self._clock() - self._begin) / self._done / 60
            guess = f", about {minutes:.0f} minutes left"
        self._say(f"{self._before + self._done} of {self._total} done{guess}")

    def filled(self, tier: str, competitions: int) -> FillReport:
        minutes = round((self._clock() - self._begin) / 60, 1)
        return FillReport(tier, competitions, self._total, self._done, minutes)


def fill_case(case: Case, keys: Sequence[str], machine: Machine, progress: Progress) -> None:
    """Evaluates the named ones, as many at a time as there are workers."""
    stop, log = machine.stop, case.folder / "workers.log"
    modules = imported_modules(item.program for item in case.items)
    with locked(case.folder), contextlib.ExitStack() as opened:
        runner = ForkRunner(
            case.workspace, log, machine.cpus, machine.workers, modules, SEED, stop, time.time
        )
        opened.callback(runner.close)
        bench = Bench(case, runner)
        wanted = set(keys)
        jobs = (job for job in _jobs(case) if job.key in wanted)
        _each(jobs, machine.workers, lambda job: _keep(bench, job, progress), stop)


def _keep(bench: Bench, job: Job, progress: Progress) -> None:
    """Raises DataError where the view was damaged twice while the program ran: nothing is kept of
    that.
    """
    evaluation = bench.evaluate_on_whole(job) or bench.evaluate_on_whole(job)
    if evaluation is None:
        raise DataError(f"{job.view.path} changes while programs run")
    if evaluation.result.outcome.killed_for != "stop":
        bench.evaluations.save(evaluation)
        progress.count()


def _jobs(case: Case) -> Iterator[Job]:
    """Program by program, so that a library that is half done holds whole programs."""
    for number, item in enumerate(case.items):
        for view in case.views:
            yield job_of(case, item, view, number)


def job_of(case: Case, item: Item, view: View, number: int) -> Job:
    return Job(case.key(item, view), f"p{number:04d}", item.program, view, SEED, case.tier.limit_s)


def _each(jobs: Iterator[Job], workers: int, work: Callable[[Job], None], stop: StopSignal) -> None:
    """Works on the jobs in order; the first error ends everything, and so does the stop signal."""
    lock = threading.Lock()

    def lane() -> None:
        while not stop.is_set():
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            work(job)

    with ThreadPoolExecutor(workers, "fill") as pool:
        lanes = [pool.submit(lane) for _ in range(workers)]
        done, _ = wait(lanes, return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            stop.set("an error")
    for future in lanes:
        error = future.exception()
        if error is not None and not isinstance(error, Interrupted):
            raise error
    if stop.is_set():
        raise Interrupted(f"stopped by {stop.reason}; the same command goes on where this one was")


class Bench:
    """One case with what it takes to evaluate a program of it."""

    def __init__(self, case: Case, runner: Runner) -> None:
        self._case = case
        self._runner = runner
        self._store = KnownPredictions.of(case)
        judge: tuple[HoldoutJudge, LocalWorker] = local_judge(case.spec, self._store, case.folder)
        self._judge = judge[0]
        self._private = Private.of(case)
        self._views = ViewKeeper(case.views, self._rebuild)
        self.evaluations = EvaluationStore(case)

    def evaluate_on_whole(self, job: Job) -> Evaluation | None:
        """None where the view was damaged before or meanwhile; it has been made again then."""
        job = dataclasses.replace(job, view=self._views.get(job.view.name))
        evaluation = self.evaluate(job)
        if not self._views.intact(job.view):
            return None
        return evaluation

    def _rebuild(self, name: str) -> View:
        task = TaskService(log=self._case.folder / "workers.log")
        try:
            return task.build_views(
                self._case.spec, self._case.split, self._case.workspace, [name]
            )[0][0]
        finally:
            task.close()

    def evaluate(self, job: Job) -> Evaluation:
        """Runs and judges one program on one view; nothing is kept yet."""
        try:
            outcome = self._runner.run(job)
            verdict = self._judge.judge(job, outcome)
        finally:
            self._runner.release(job)
        result = FoldResult(job.key, job.view.name, job.view.fold, job.seed, outcome, verdict)
        if not verdict.valid:
            return Evaluation(result, None, None)
        prediction = self._store.load(job.key)
        worker = LocalWorker(self._case.spec, self._store)
        values = worker.official([([job.key], 1.0)], how_to_combine(self._case.spec))
        self._store.take(job.key)
        return Evaluation(result, self._private.score(values), prediction.values)
