"""compare: agents side by side, as text or JSON."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from operator import attrgetter

from swarm_host.cli.finding import LAST, find_units, opened_to_read
from swarm_host.cli.statuses import OK
from swarm_host.cli.tables import cell_text, print_json, print_table
from swarm_host.compare.pairing import compare as compared
from swarm_host.compare.pairing import select
from swarm_host.compare.records import (
    Cell,
    Comparison,
    Cost,
    Difference,
    Duel,
    Measured,
    Sample,
    Standings,
)
from swarm_host.errors import UnknownName, UsageError
from swarm_host.records import UnitRow
from swarm_host.words.names import nearest

# By whether less is better.
_DIRECTION = {True: " (less is better)", False: "", None: " (no direction known)"}


def compare(options: Namespace, environ: Mapping[str, str]) -> int:
    if options.all and options.names:
        raise UsageError("--all and names exclude each other")
    names = options.names if options.names or options.all else [LAST]
    with opened_to_read(options, environ) as store:
        rows = find_units(store, names)
    samples = select(rows, _by_group if options.by == "group" else _by_agent)
    if not samples:
        raise UsageError("none of these units has a competition, so nothing can be compared")
    _check(samples, options.against)
    found = compared(samples, options.against)
    if options.json:
        print_json(found)
    else:
        print_comparison(found)
    return OK


def _by_group(row: UnitRow) -> str:
    return row.spec.group


def _by_agent(row: UnitRow) -> str:
    return row.spec.agent


def _check(samples: Sequence[Sample], against: str | None) -> None:
    known = {sample.who for sample in samples}
    if against is not None and against not in known:
        there = ", ".join(sorted(known))
        raise UnknownName(f"--against: no {against!r}{nearest(against, known)}; there are: {there}")


def print_comparison(found: Comparison) -> None:
    _print_cells(found)
    if found.differences:
        print("\ndifferences (positive: the first is better)")
        print_table(("competition", "first", "second", "difference", "won"), _differences(found))
        print("\nover competitions")
        rows = [_duel(duel) for duel in found.duels]
        print_table(("first", "second", "better", "equal", "worse", "p"), rows)
        print("\nranks")
        ranks = [_rank(one) for one in found.ranks]
        print_table(("agent", "mean rank", "blocks"), ranks, right="blocks")
    print("\ncost of a run")
    print_table(("agent", "minutes", "usd", "tokens"), [_cost(cost) for cost in found.costs])
    remarks = [f"warning: {warning}" for warning in found.warnings]
    for unit, became in found.without_result.items():
        remarks.append(f"without a result: {unit} ({became})")
    for lines in (remarks, _legend(found)):
        if lines:
            print()
        for line in lines:
            print(line)


def _legend(found: Comparison) -> list[str]:
    """What the numbers are, of those that are shown."""
    shown = {
        "spread": found.cells,
        "ended badly": list(filter(None, map(attrgetter("bad_ends"), found.cells))),
        "passed": _known(found.cells, "passed"),
        "difference": _known(found.differences, "mean"),
        "won": _known(found.differences, "won"),
        # Ranks stand beside differences only.
        "rank": found.differences and _known(found.ranks, "rank"),
        "p": _known(found.duels, "p"),
    }
    return [line for line in found.methods if shown[line.partition(":")[0]]]


def _known(records: Sequence[object], name: str) -> list[object]:
    """The values of a field that are there."""
    return [value for value in map(attrgetter(name), records) if value is not None]


# ---------------------------------------------------------------- cells


def _print_cells(found: Comparison) -> None:
    """Competitions downwards, agents across; a mark for who could have read the answers."""
    cells = {(cell.who, cell.competition): cell for cell in found.cells}
    rows = []
    for name in found.competitions:
        shown = [_shown(cells.get((who, name))) for who in found.who]
        rows.append((f"{name}{_DIRECTION[found.lower_is_better.get(name)]}", *shown))
    print_table(("competition", *(f"{who}{_mark(found, who)}" for who in found.who)), rows)
    print("mean and spread of valid runs, (valid/all runs)")
    if any(_mark(found, who) for who in found.who):
        print("* without isolation: see the warnings")


def _mark(found: Comparison, who: str) -> str:
    kinds: set[str] = set()
    for cell in found.cells:
        if cell.who == who:
            kinds |= set(cell.isolation)
    return "*" if kinds & {"none", "open"} else ""


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    ends = f", {cell.bad_ends} ended badly" if cell.bad_ends else ""
    count = f"({cell.valid}/{cell.runs}{ends})"
    passed = "" if cell.passed is None else f", {cell.passed} passed"
    return f"{with_spread(cell.mean, cell.spread)} {count}{passed}"


def with_spread(mean: float | None, spread: float | None) -> str:
    """Never a number without its spread; one run has none, which is said."""
    if mean is None:
        return "-"
    if spread is None:
        return f"{mean:.5g} ± ?"
    return f"{mean:.5g} ± {spread:.2g}"


# ---------------------------------------------------------------- differences


def _differences(found: Comparison) -> list[tuple[str, ...]]:
    return [
        (one.competition, one.first, one.second, _interval(one), _won(one))
        for one in found.differences
    ]


def _interval(one: Difference) -> str:
    if one.mean is None:
        return "no pair of valid runs"
    if one.low is None or one.high is None:
        return f"{one.mean:+.4g} [one pair: no interval]"
    return f"{one.mean:+.4g} [{one.low:+.4g}, {one.high:+.4g}] of {one.pairs} pairs"


def _won(one: Difference) -> str:
    if one.won is None:
        return "-"
    return f"{one.won:.0%} of {one.decided}"


def _duel(duel: Duel) -> tuple[str, ...]:
    counts = (str(duel.better), str(duel.equal), str(duel.worse))
    return duel.first, duel.second, *counts, cell_text(duel.p)


def _cost(one: Cost) -> tuple[str, ...]:
    return one.who, _measured(one.minutes), _measured(one.usd), _measured(one.tokens)


def _measured(one: Measured) -> str:
    return with_spread(one.mean, one.spread)


def _rank(one: Standings) -> tuple[str, ...]:
    return one.who, with_spread(one.rank, one.spread), str(one.blocks)
