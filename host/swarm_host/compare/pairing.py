"""Agents on competitions, side by side: means with their spread, paired differences, ranks.

Every comparison is paired: two agents are compared where both ran the same competition with the same
seed. A submission that is missing or invalid through the agent's own doing loses against a valid one.
What the infrastructure or a user ended says nothing about an agent, and is left out and told.
Standard library only; METHODS in records.py says what the numbers are.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from swarm_host.compare.records import (
    Cell,
    Comparison,
    Cost,
    Difference,
    Duel,
    Measured,
    Sample,
    Standings,
    Verdict,
)
from swarm_host.life.outcomes import outcome_of_row
from swarm_host.records import RunConfig, UnitResult, UnitRow, Usage
from swarm_host.states import FINAL, INFRASTRUCTURE

# They end a run without a word about the agent.
_NOT_OF_THE_AGENT = INFRASTRUCTURE | {"cancelled", "grading_failed"}
Key = tuple[str, int]
# Quantile .975 of Student's t by degrees of freedom, from 1 on.
_T = (
    (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
    + (2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860)
    + (2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423)
)  # fmt: skip


# ---------------------------------------------------------------- from units


def sample_of(row: UnitRow, who: str) -> Sample | None:
    """None for a unit that is not graded: a plain run without a competition."""
    spec, result = row.spec, row.result
    if spec.competition is None:
        return None
    grade = getattr(result, "grade", None)
    outcome = outcome_of_row(row)
    verdict: Verdict = "failed"
    score = None
    if row.state not in FINAL or outcome in _NOT_OF_THE_AGENT:
        verdict = "no result"
    elif grade is not None and grade.valid and _is_number(grade.score):
        verdict, score = "valid", grade.score
    return Sample(
        unit=spec.unit_id,
        who=who,
        competition=spec.competition,
        seed=spec.seed,
        verdict=verdict,
        score=score,
        lower_is_better=getattr(grade, "lower_is_better", None),
        passed=getattr(grade, "passed", None),
        became=str(outcome or row.state),
        isolation=getattr(result, "isolation", None),
        timeout=spec.run.timeout,
        place=_place(spec.run),
        again=_was_run_again(result),
        usage=result.usage if result else Usage(),
    )


def _place(run: RunConfig) -> str:
    limits = asdict(run.resources).items()
    return " ".join([run.backend, *(f"{name}={value}" for name, value in limits if value)])


def _was_run_again(result: UnitResult | None) -> bool:
    """An earlier attempt was the agent's own failure: such are tried again only by a user's wish."""
    earlier = result.attempts[:-1] if result else ()
    return any(attempt.outcome not in _NOT_OF_THE_AGENT for attempt in earlier)


def _is_number(score: float | None) -> bool:
    return score is not None and math.isfinite(score)


# ---------------------------------------------------------------- the comparison


def compare(samples: Sequence[Sample], against: str | None = None) -> Comparison:
    """against: only differences from this one, which comes first in none of them."""
    who = tuple(dict.fromkeys(sample.who for sample in samples))
    competitions = tuple(sorted({sample.competition for sample in samples}))
    lower, warnings = _directions(samples)
    couples = list(itertools.combinations(who, 2))
    if against is not None:
        couples = [(one, against) for one in who if one != against]
    differences = [
        _difference(samples, couple, name, lower.get(name))
        for couple in couples
        for name in competitions
    ]
    missing = {one.unit: one.became for one in samples if one.verdict == "no result"}
    duels = [_duel(differences, couple) for couple in couples]
    costs = [_cost(samples, one) for one in who]
    return Comparison(
        who=who,
        competitions=competitions,
        lower_is_better=lower,
        cells=_cells(samples, who, competitions),
        costs=tuple(costs),
        differences=tuple(differences),
        duels=tuple(duels),
        ranks=_ranks(samples, who, lower),
        without_result=missing,
        warnings=(*warnings, *_unfair(samples)),
    )


def _directions(samples: Iterable[Sample]) -> tuple[dict[str, bool], list[str]]:
    """Competition to whether less is better, where it is known and agreed upon."""
    said: dict[str, set[bool]] = {}
    for sample in samples:
        known = said.setdefault(sample.competition, set())
        if sample.lower_is_better is not None:
            known.add(sample.lower_is_better)
    warnings = []
    for name in sorted(said):
        if len(said[name]) != 1:
            why = "graders disagree on" if said[name] else "no grader says"
            warnings.append(f"{name}: {why} which direction is better, so nothing is compared")
    return {name: known.pop() for name, known in said.items() if len(known) == 1}, warnings


def _unfair(samples: Sequence[Sample]) -> list[str]:
    found = []
    for what, value in (("time limits", _shown_limit), ("places", _shown_place)):
        for name, values in _values(samples, lambda one: one.competition, value).items():
            if len(values) > 1:
                found.append(f"{name}: {what} differ ({', '.join(sorted(values))})")
    for who, kinds in _values(
        samples, lambda one: one.who, lambda one: one.isolation or ""
    ).items():
        for kind in sorted(kinds & _REASONS.keys()):
            found.append(f"{who}: isolation {kind}, {_REASONS[kind]}")
    for who, units in _values(samples, lambda one: one.who, _shown_again).items():
        if again := sorted(units - {""}):
            found.append(
                f"{who}: run again after they had failed, by a user's wish: {', '.join(again)}"
            )
    return found


def _values(
    samples: Iterable[Sample], key: Callable[[Sample], str], value: Callable[[Sample], str]
) -> dict[str, set[str]]:
    """The different values of samples with the same key."""
    found: dict[str, set[str]] = {}
    for sample in samples:
        found.setdefault(key(sample), set()).add(value(sample))
    return found


def _shown_limit(sample: Sample) -> str:
    return f"{sample.timeout:g} s"


def _shown_place(sample: Sample) -> str:
    return sample.place


def _shown_again(sample: Sample) -> str:
    return sample.unit if sample.again else ""


_REASONS = {
    "none": "so an agent could have read the answers",
    "open": "so the answers were mounted by the user's wish",
}


def _cells(
    samples: Sequence[Sample], who: Sequence[str], competitions: Sequence[str]
) -> tuple[Cell, ...]:
    cells = []
    for one, name in itertools.product(who, competitions):
        mine = [sample for sample in samples if (sample.who, sample.competition) == (one, name)]
        if mine:
            cells.append(_cell(mine))
    return tuple(cells)


def _cell(mine: Sequence[Sample]) -> Cell:
    scores = [sample.score for sample in mine if sample.score is not None]
    passed = [sample.passed for sample in mine if sample.passed is not None]
    verdicts = [sample.verdict for sample in mine]
    kinds = {sample.isolation for sample in mine if sample.isolation}
    bad_ends = sum(sample.verdict == "valid" and sample.became != "ok" for sample in mine)
    mean, spread = _mean_and_spread(scores)
    return Cell(
        who=mine[0].who,
        competition=mine[0].competition,
        runs=len(mine),
        valid=verdicts.count("valid"),
        bad_ends=bad_ends,
        failed=verdicts.count("failed"),
        no_result=verdicts.count("no result"),
        mean=mean,
        spread=spread,
        passed=sum(passed) if passed else None,
        isolation=tuple(sorted(kinds)),
    )


def _cost(samples: Iterable[Sample], who: str) -> Cost:
    """Of runs that say something of the agent."""
    mine = [one.usage for one in samples if one.who == who and one.verdict != "no result"]
    minutes = [usage.seconds / 60 for usage in mine if usage.seconds is not None]
    usd = [usage.usd for usage in mine if usage.usd is not None]
    tokens = [float(usage.tokens) for usage in mine if usage.tokens is not None]
    return Cost(who, _measured(minutes), _measured(usd), _measured(tokens))


def _measured(values: Sequence[float]) -> Measured:
    return Measured(*_mean_and_spread(values), len(values))


def _mean_and_spread(values: Sequence[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    mean = statistics.fmean(values)
    return mean, statistics.stdev(values) if len(values) > 1 else None


# ---------------------------------------------------------------- pairs


def _by_seed(samples: Iterable[Sample], who: str, competition: str) -> dict[int, list[Sample]]:
    """Runs that say something of the agent, by seed."""
    found: dict[int, list[Sample]] = {}
    for sample in samples:
        mine = (sample.who, sample.competition) == (who, competition)
        if mine and sample.verdict != "no result":
            found.setdefault(sample.seed, []).append(sample)
    return found


def _value(runs: Sequence[Sample], lower: bool) -> float:
    """Greater is better; of several runs of one seed the mean. A failed one is the worst of all."""
    scores = [sample.score for sample in runs if sample.score is not None]
    if len(scores) < len(runs):
        return -math.inf
    mean = statistics.fmean(scores)
    return -mean if lower else mean


def _difference(
    samples: Sequence[Sample], couple: tuple[str, str], competition: str, lower: bool | None
) -> Difference:
    mine, theirs = (_by_seed(samples, who, competition) for who in couple)
    common = sorted(mine.keys() & theirs.keys())
    if lower is None:
        return Difference(*couple, competition, 0, 0, None, None, None, None)
    pairs = [(_value(mine[seed], lower), _value(theirs[seed], lower)) for seed in common]
    both = [a - b for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    won = [_won(a, b) for a, b in pairs]
    mean, low, high = interval(both)
    share = statistics.fmean(won) if won else None
    return Difference(*couple, competition, len(both), len(pairs), mean, low, high, share)


def _won(mine: float, theirs: float) -> float:
    return 0.5 if mine == theirs else float(mine > theirs)


def interval(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Mean and its 95 % interval by Student's t; no interval of fewer than two values."""
    mean, spread = _mean_and_spread(values)
    if mean is None or spread is None:
        return mean, None, None
    half = t_quantile(len(values) - 1) * spread / math.sqrt(len(values))
    return mean, mean - half, mean + half


def t_quantile(freedom: int) -> float:
    """.975 of Student's t; beyond the table by its expansion at the normal, within 1e-4."""
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    first, second = z**3 + z, 5 * z**5 + 16 * z**3 + 3 * z
    return z + first / (4 * freedom) + second / (96 * freedom**2)


def _duel(differences: Iterable[Difference], couple: tuple[str, str]) -> Duel:
    mine = [one for one in differences if (one.first, one.second) == couple]
    shares = [one.won for one in mine if one.won is not None]
    better = sum(share > 0.5 for share in shares)
    worse = sum(share < 0.5 for share in shares)
    equal = len(shares) - better - worse
    return Duel(*couple, better, equal, worse, sign_test(better, worse))


def sign_test(better: int, worse: int) -> float | None:
    """Exact two-sided p that both are equally likely. None without a decision."""
    total = better + worse
    if total == 0:
        return None
    tail = sum(math.comb(total, k) for k in range(min(better, worse) + 1))
    return min(1.0, 2.0 * tail / 2.0**total)


# ---------------------------------------------------------------- ranks


def _ranks(
    samples: Sequence[Sample], who: Sequence[str], lower: Mapping[str, bool]
) -> tuple[Standings, ...]:
    values: dict[Key, dict[str, float]] = {}
    for one, name in itertools.product(who, lower):
        for seed, runs in _by_seed(samples, one, name).items():
            values.setdefault((name, seed), {})[one] = _value(runs, lower[name])
    blocks = [block for block in values.values() if len(block) == len(who)]
    found = []
    for one in who:
        mean, spread = _mean_and_spread([_rank(block, one) for block in blocks])
        found.append(Standings(one, mean, spread, len(blocks)))
    return tuple(found)


def _rank(block: Mapping[str, float], who: str) -> float:
    mine = block[who]
    better = sum(other > mine for other in block.values())
    equal = sum(other == mine for other in block.values())
    return better + (equal + 1) / 2


def select(rows: Sequence[UnitRow], name: Callable[[UnitRow], str]) -> list[Sample]:
    """Samples of graded units; `name` says what each is compared as."""
    found = (sample_of(row, name(row)) for row in rows)
    return [sample for sample in found if sample is not None]
