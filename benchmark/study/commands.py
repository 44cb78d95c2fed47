"""The measures fill, search and ablate."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmark.arguments import count
from benchmark.measure import DEST, Figures, Measure, Option, folder, number
from benchmark.study.compare import measure
from benchmark.study.fill import Machine, fill
from benchmark.study.policies import ABLATED, COMPARED, SearchPolicy, policies_named
from benchmark.study.tables import ablate_table, fill_table, search_table
from benchmark.study.tiers import TIERS, Tier, tier_of
from core.execution.stop import StopSignal
from utils.errors import UsageError
from utils.hardware import usable_cpus

_NAMES = Option(
    "names",
    {"nargs": "*", "metavar": "NAME", "help": "competitions of the tier (default: all)"},
    lambda names: names,
)
_TIER = Option(
    "--tier",
    {"default": "quick", "help": f"one of {', '.join(TIERS)} (default quick)"},
    lambda name: [f"--tier {name}"],
)
_POLICY = Option(
    "--policy",
    {
        "action": "append",
        "default": [],
        "help": "compare only these with the first; may repeat",
    },
    lambda names: [f'--policy "{name}"' for name in names],
)
_CACHE = folder("--cache", Path("out/cache"), "folder of the evaluations")
_WORKERS = Option(
    "--workers", {"type": count, "default": 2, "help": "processes at a time (default 2)"}
)
_SEEDS = number("--seeds", 5, "runs of each policy on each competition")


def _fill(options: argparse.Namespace) -> Iterator[Figures]:
    tier, stop = tier_of(options.tier), StopSignal()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _: stop.set(signal.Signals(number).name))
    machine = Machine(usable_cpus(), options.workers, stop)
    names = _names(tier, options.names)
    yield asdict(fill(tier, names, options.cache, options.dest, machine, _say))


def _compare(
    options: argparse.Namespace, known: Sequence[SearchPolicy], earlier: Sequence[int]
) -> Figures:
    """earlier: smaller numbers of executions that are looked at as well."""
    tier = tier_of(options.tier)
    names, policies = _names(tier, options.names), policies_named(options.policy, known)
    return measure(
        options.cache, tier, names, policies, options.seeds, options.workers, _say, earlier
    )


def _search(options: argparse.Namespace) -> Iterator[Figures]:
    yield _compare(options, COMPARED, tier_of(options.tier).earlier)


def _ablate(options: argparse.Namespace) -> Iterator[Figures]:
    yield _compare(options, ABLATED, ())


def _names(tier: Tier, names: Sequence[str]) -> list[str]:
    """Raises UsageError for a competition that is not in the tier."""
    for name in names:
        if name not in tier.competitions:
            raise UsageError(
                f"the {tier.name} tier has no {name}; it has {', '.join(tier.competitions)}"
            )
    return [name for name in tier.competitions if not names or name in names]


def _say(line: str) -> None:
    print(line, flush=True)


FILL = Measure(
    name="fill",
    help="evaluate the fixed library of each competition once; goes on where it was",
    options=(_NAMES, _TIER, _CACHE, _WORKERS, DEST),
    figures=_fill,
    line=fill_table,
    table=fill_table,
    sections=("fill",),
)


def _comparison(
    name: str,
    help: str,
    figures: Callable[[argparse.Namespace], Iterator[Figures]],
    table: Callable[[Figures], str],
    sections: tuple[str, ...],
) -> Measure:
    options = (_NAMES, _TIER, _SEEDS, _POLICY, _CACHE, _WORKERS)
    return Measure(name, help, options, figures, table, table, sections)


SEARCH = _comparison(
    "search",
    "evolved, greedy and random search on what `fill` has evaluated",
    _search,
    search_table,
    ("search", "search-full"),
)
ABLATE = _comparison(
    "ablate",
    "the search without one of its parts, on what `fill` has evaluated",
    _ablate,
    ablate_table,
    ("ablate",),
)
