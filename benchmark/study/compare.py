"""Plays policies on filled cases, paired over seeds."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import active_children, get_context
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from benchmark.errors import NotRunError
from benchmark.study.case import open_case
from benchmark.study.policies import SearchPolicy
from benchmark.study.replay import Table, play
from benchmark.study.tiers import Tier, tier_of
from utils.errors import DataError
from utils.process import end_with_parent

Say = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")


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
) -> dict[str, Any]:
    """Figures of every policy with every seed on every filled case; what is not filled is left out
    and named.

    earlier: smaller numbers of executions that are played as well. Raises NotRunError when nothing
    is filled.
    """
    budgets = (*earlier, tier.executions)
    absent = {name: why for name in names if (why := _why_absent(cache, tier, name))}
    filled = [name for name in names if name not in absent]
    tasks = [
        (str(cache), tier.name, name, tuple(policies), seed, budgets)
        for name in filled
        for seed in range(seeds)
    ]
    found: list[tuple[str, int, dict[str, Any]]] = []
    begin = clock()
    with contextlib.closing(results(tasks, workers, _play_all)) as played:
        for number, (name, seed, made) in enumerate(played, 1):
            if isinstance(made, str):
                absent[name] = made
            else:
                found.append((name, seed, made))
            say(f"{number} of {len(tasks)} done")
    if not found:
        raise NotRunError(
            f"nothing to compare in {cache}: {'; '.join(absent.values())}; run `fill` first"
        )
    for reason in absent.values():
        say(f"left out: {reason}")
    found.sort(key=lambda item: (names.index(item[0]), item[1]))
    libraries = {name: made["library"] for name, _, made in found}
    return {
        "tier": tier.name,
        "executions": tier.executions,
        "seeds": seeds,
        "minutes": round((clock() - begin) / 60, 1),
        "policies": [policy.name for policy in policies],
        "absent": sorted(absent),
        "libraries": libraries,
        "runs": [run for _, _, made in found for run in made["runs"][-1]],
        "earlier": {
            str(budget): [run for _, _, made in found for run in made["runs"][place]]
            for place, budget in enumerate(earlier)
        },
    }


def _why_absent(cache: Path, tier: Tier, name: str) -> str:
    """What keeps a case from being compared, as far as one look says; "" for nothing."""
    try:
        return "" if open_case(cache, tier, name) is not None else f"{name}: nothing is filled"
    except DataError as error:
        return str(error)


Task = tuple[str, str, str, tuple[SearchPolicy, ...], int, tuple[int, ...]]


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


def _play_all(task: Task) -> tuple[str, int, Any]:
    """(competition, seed, {"library", "runs": a list per number of executions}, or why there is
    nothing).
    """
    cache, tier, name, policies, seed, budgets = task
    try:
        table, library = _table(cache, tier, name)
    except DataError as error:
        return name, seed, str(error)
    runs = [
        [dataclasses.asdict(play(table, policy, seed, budget)) for policy in policies]
        for budget in budgets
    ]
    return name, seed, {"library": library, "runs": runs}


@lru_cache(maxsize=1)
def _table(cache: str, tier: str, name: str) -> tuple[Table, dict[str, Any]]:
    case = open_case(Path(cache), tier_of(tier), name)
    assert case is not None
    table = Table(case)
    scores = table.library_scores()
    best = max if case.spec.metric.direction == "maximize" else min
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
