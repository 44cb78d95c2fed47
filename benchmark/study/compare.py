"""Plays policies on filled cases, paired over seeds."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

from benchmark.errors import NotRunError
from benchmark.measure import Figures
from benchmark.study.case import open_case
from benchmark.study.policies import SearchPolicy
from benchmark.study.replay import Table, play
from benchmark.study.tiers import Tier, tier_of
from utils.errors import DataError
from utils.process import end_with_parent

Say = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")
# Cache, tier, competition, policies, seed, numbers of executions.
Task = tuple[str, str, str, tuple[SearchPolicy, ...], int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class CaseRuns:
    """All policies with one seed on one case. library: what is known of it. runs: by number of
    executions.
    """

    competition: str
    seed: int
    library: Figures
    runs: list[list[Figures]]


def measure(
    cache: Path,
    tier: Tier,
    names: Sequence[str],
    policies: Sequence[SearchPolicy],
    seeds: int,
    workers: int,
    say: Say,
    earlier: Sequence[int] = (),
    clock: Callable[[], float] = time.monotonic,
) -> Figures:
    """Figures of every policy with every seed on every filled case; what is not filled is left out
    and named.

    earlier: smaller numbers of executions that are played as well. Raises NotRunError when nothing
    is filled.
    """
    budgets = (*earlier, tier.executions)
    absent: dict[str, str] = {}
    tasks: list[Task] = []
    for name in names:
        if why := _why_absent(cache, tier, name):
            absent[name] = why
            continue
        for seed in range(seeds):
            tasks.append((str(cache), tier.name, name, tuple(policies), seed, budgets))
    found: list[CaseRuns] = []
    begin = clock()
    with contextlib.closing(results(tasks, workers, _play_all)) as played:
        for number, (name, seed, outcome) in enumerate(played, 1):
            if isinstance(outcome, str):
                absent[name] = outcome
            else:
                found.append(CaseRuns(name, seed, *outcome))
            say(f"{number} of {len(tasks)} done")
    if not found:
        raise NotRunError(
            f"nothing to compare in {cache}: {'; '.join(absent.values())}; run `fill` first"
        )
    for reason in absent.values():
        say(f"left out: {reason}")
    found.sort(key=lambda played: (names.index(played.competition), played.seed))
    libraries = {played.competition: played.library for played in found}
    by_budget = [_runs_of(found, place) for place in range(len(budgets))]
    return {
        "tier": tier.name,
        "executions": tier.executions,
        "seeds": seeds,
        "minutes": round((clock() - begin) / 60, 1),
        "policies": [policy.name for policy in policies],
        "absent": sorted(absent),
        "libraries": libraries,
        "runs": by_budget[-1],
        "earlier": dict(zip(map(str, earlier), by_budget[:-1], strict=True)),
    }


def _runs_of(found: Sequence[CaseRuns], place: int) -> list[Figures]:
    """All searches with one number of executions."""
    runs: list[Figures] = []
    for played in found:
        runs += played.runs[place]
    return runs


def _why_absent(cache: Path, tier: Tier, name: str) -> str:
    """What keeps a case from being compared, as far as one look says; "" for nothing."""
    try:
        if open_case(cache, tier, name) is None:
            return f"{name}: nothing is filled"
    except DataError as error:
        return str(error)
    return ""


def results(tasks: Sequence[T], workers: int, work: Callable[[T], R]) -> Generator[R, None, None]:
    """As they come. Closed early, it ends what is under way. work: a function of a module, for new
    processes.
    """
    if workers < 2 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    # Forked workers would inherit locks of threads; new ones do not.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _follow)
    try:
        for future in as_completed([pool.submit(work, task) for task in tasks]):
            yield future.result()
    except BaseException:
        # Nobody waits for what is under way.
        for process in active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _follow() -> None:
    """A worker ends with its parent, which alone answers to the keyboard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(signal.SIGKILL)


def _play_all(task: Task) -> tuple[str, int, str | tuple[Figures, list[list[Figures]]]]:
    """Competition, seed, and the library with the runs per number of executions; or why there is
    nothing.
    """
    cache, tier, name, policies, seed, budgets = task
    try:
        table, library = _table(cache, tier, name)
    except DataError as error:
        return name, seed, str(error)
    runs: list[list[Figures]] = []
    for budget in budgets:
        searches = (play(table, policy, seed, budget) for policy in policies)
        runs.append(list(map(dataclasses.asdict, searches)))
    return name, seed, (library, runs)


@lru_cache(maxsize=1)
def _table(cache: str, tier: str, name: str) -> tuple[Table, Figures]:
    case = open_case(Path(cache), tier_of(tier), name)
    assert case is not None
    table = Table(case)
    scores = table.library_scores()
    best = max
    if case.spec.metric.direction == "minimize":
        best = min
    return table, {
        "metric": case.spec.metric.name,
        "direction": case.spec.metric.direction,
        "programs": len(case.items),
        "valid": len(scores),
        "digest": case.library_digest,
        "commit": case.commit,
        "median": median(scores),
        "best": best(scores),
    }
