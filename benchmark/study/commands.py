"""The commands fill, search and ablate."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.arguments import count, result_file, subcommand
from benchmark.provenance import keep_figures
from benchmark.study.compare import measure
from benchmark.study.fill import Machine, fill
from benchmark.study.policies import ABLATED, COMPARED, SearchPolicy, policies_named
from benchmark.study.tables import ablate_table, fill_table, search_table
from benchmark.study.tiers import TIERS, Tier, tier_of
from core.execution.stop import StopSignal
from utils.errors import UsageError
from utils.hardware import usable_cpus

_CACHE = Path("out/cache")
_WORKERS = 2


def add_commands(commands: Any, dest: Path) -> None:
    """commands: the sub-parsers of `python -m benchmark`. dest: usual folder of the competitions."""
    filling = subcommand(
        commands,
        "fill",
        "evaluate the fixed library of each competition once; goes on where it was",
    )
    filling.add_argument(
        "--dest", type=Path, default=dest, help=f"folder of the competitions (default {dest})"
    )
    filling.add_argument(
        "--json", type=result_file, help="keep how long it took here, e.g. docs/results/fill.json"
    )
    filling.set_defaults(action=_fill)
    searching = subcommand(
        commands, "search", "evolved, greedy and random search on what `fill` has evaluated"
    )
    searching.set_defaults(
        action=lambda options: _compare(options, "search", COMPARED, search_table, True)
    )
    ablating = subcommand(
        commands, "ablate", "the search without one of its parts, on what `fill` has evaluated"
    )
    ablating.set_defaults(action=lambda options: _compare(options, "ablate", ABLATED, ablate_table))
    for parser in (filling, searching, ablating):
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help="competitions of the tier (default: all)"
        )
        parser.add_argument(
            "--tier", default="quick", help=f"one of {', '.join(TIERS)} (default quick)"
        )
        parser.add_argument(
            "--cache",
            type=Path,
            default=_CACHE,
            help=f"folder of the evaluations (default {_CACHE})",
        )
        parser.add_argument(
            "--workers",
            type=count,
            default=_WORKERS,
            help=f"processes at a time (default {_WORKERS})",
        )
    for parser in (searching, ablating):
        parser.add_argument(
            "--seeds",
            type=count,
            default=5,
            help="runs of each policy on each competition (default 5)",
        )
        parser.add_argument(
            "--policy",
            action="append",
            default=[],
            help="compare only these with the first; may repeat",
        )
        parser.add_argument(
            "--json", type=result_file, help="keep the figures here, e.g. docs/results/search.json"
        )


def _fill(options: argparse.Namespace) -> None:
    tier, stop = tier_of(options.tier), StopSignal()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stop.set(signal.Signals(signum).name))
    machine = Machine(usable_cpus(), options.workers, stop)
    found = fill(tier, _names(tier, options.names), options.cache, options.dest, machine, _say)
    print(fill_table(asdict(found)))
    if options.json is not None:
        words = " ".join([*options.names, f"--tier {tier.name}"])
        keep_figures(options.json, f"python -m benchmark fill {words}", asdict(found))


def _compare(
    options: argparse.Namespace,
    word: str,
    known: Sequence[SearchPolicy],
    table: Any,
    over_time: bool = False,
) -> None:
    """over_time: after fewer executions as well."""
    tier = tier_of(options.tier)
    names = _names(tier, options.names)
    policies = policies_named(options.policy, known)
    earlier = tier.earlier if over_time else ()
    found = measure(
        options.cache, tier, names, policies, options.seeds, options.workers, _say, earlier
    )
    print(table(found))
    if options.json is not None:
        words = [*options.names, f"--tier {tier.name}", f"--seeds {options.seeds}"]
        words += [f'--policy "{name}"' for name in options.policy]
        keep_figures(options.json, f"python -m benchmark {word} {' '.join(words)}", found)


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
