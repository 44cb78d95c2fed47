"""Whether a generated score may be believed: invariants over cases of known quality. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

from core.score import Direction, Score

Values = Mapping[str, float | None]

# Relative; two correct programs differ in the order of sums only.
SAME = 1e-6
_MOST_SINGLES_EQUAL = 0.5


def faults(first: Values, second: Values, direction: Direction, best: float | None) -> list[str]:
    """Why the first of two independent programs may not be believed; [] when it may.

    first, second: their values by the names of core.judging.score_cases. best: the bound that
    perfect answers are said to reach, None where there is none.
    """
    missing = [name for name, value in first.items() if value is None]
    if missing or not first:
        return [f"no value for {', '.join(missing) or 'anything'}"]
    known = {name: value for name, value in first.items() if value is not None}
    return [
        *_order_of_rows(known),
        *_bound(known, direction, best),
        *_quality(known, direction),
        *_agree(known, second),
    ]


def _order_of_rows(values: Mapping[str, float]) -> Iterator[str]:
    pairs = (("perfect", "perfect_turned"), ("noise1", "noise1_turned"), ("noise1", "both_turned"))
    if not all(_same(values[a], values[b]) for a, b in pairs):
        yield "it depends on the order of the rows"


def _bound(values: Mapping[str, float], direction: Direction, best: float | None) -> Iterator[str]:
    perfect = Score(values["perfect"], direction)
    if best is not None and not _same(values["perfect"], best):
        yield f"perfect answers score {values['perfect']:.6g}, not the best value {best:.6g}"
    better = []
    for name, value in values.items():
        if Score(value, direction) > perfect and not _same(value, values["perfect"]):
            better.append(name)
    if better:
        yield f"{', '.join(better[:3])} scores better than perfect answers"


def _quality(values: Mapping[str, float], direction: Direction) -> Iterator[str]:
    def gap(name: str) -> float:
        return Score(values["perfect"], direction).gain_over(Score(values[name], direction))

    def as_good(name: str) -> bool:
        return gap(name) <= 0 or _same(values[name], values["perfect"])

    worthless = [name for name in values if name.startswith("shuffled") or name == "constant"]
    if any(map(as_good, worthless)):
        yield "shuffled or constant answers are not worse than perfect ones"
    levels = sorted(name for name in values if name.startswith("noise") and "_" not in name)
    losses = list(map(gap, levels))
    if any(low >= high for low, high in pairwise(losses)):
        yield "more noise is not worse"
    singles = [name for name in values if name.startswith("single")]
    unseen = sum(_same(values[name], values["perfect"]) for name in singles)
    if unseen > _MOST_SINGLES_EQUAL * len(singles):
        yield f"{unseen} of {len(singles)} single wrong rows go unseen"


def _agree(first: Mapping[str, float], second: Values) -> Iterator[str]:
    for name, value in first.items():
        other = second.get(name)
        if other is not None and _same(value, other):
            continue
        theirs = "nothing"
        if other is not None:
            theirs = f"{other:.6g}"
        yield f"two versions disagree on {name}: {value:.6g} and {theirs}"
        return


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=SAME, abs_tol=SAME)
