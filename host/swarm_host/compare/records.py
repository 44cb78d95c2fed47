"""What a comparison of agents is made of, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from swarm_host.records import Usage

# Each with the word that it explains before its colon.
METHODS = (
    "spread: standard deviation over the runs of one competition",
    "ended badly: valid runs whose agent ended by an error, its time or its memory; their scores count",
    "passed: runs with a medal, or better than every reference where there is no leaderboard",
    "difference: mean over pairs of one competition and seed, in the metric's own units, positive "
    "where the first is better; in brackets its 95 % interval by Student's t, which needs two pairs",
    "won: share of pairs of one competition and seed that the first won; a tie is half a win, and a "
    "failed run loses against a valid one",
    "rank: mean over competition and seed, 1 is best, ties share, a failed run is last",
    "p: exact two-sided sign test over competitions; the smallest that n competitions allow is 2^(1-n)",
)
Verdict = Literal["valid", "failed", "no result"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One unit, as far as a comparison needs it."""

    # Its id.
    unit: str
    # What is compared: an agent, or a group.
    who: str
    # What it ran on.
    competition: str
    # Runs of one competition and seed are compared.
    seed: int
    # Whether it counts, and as what.
    verdict: Verdict
    # None unless valid.
    score: float | None
    # As its grader says; None where it does not.
    lower_is_better: bool | None
    # A medal, or better than the references. None where nobody says.
    passed: bool | None
    # Outcome, or the state of a unit that has not ended.
    became: str
    # None before the end.
    isolation: str | None
    # Seconds that the agent was granted.
    timeout: float
    # Backend and limits that it had, for people.
    place: str
    # A user had it run again after its agent had failed.
    again: bool = False
    # What it cost.
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean, its spread, and how many values it is of."""

    mean: float | None
    spread: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One agent on one competition. Spread and mean are None where too few runs are valid."""

    # What is compared.
    who: str
    # What it ran on.
    competition: str
    # All of them.
    runs: int
    # Those with a valid submission.
    valid: int
    # Valid ones whose agent ended by an error, by its time or by its memory.
    bad_ends: int
    # Those without a valid submission, by the agent's own doing.
    failed: int
    # Those that say nothing of the agent.
    no_result: int
    # Of scores of valid runs.
    mean: float | None
    # Standard deviation of these scores.
    spread: float | None
    # Runs that passed, of those that say so; None when none does.
    passed: int | None
    # Kinds of isolation that its runs had.
    isolation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two agents on one competition. Numbers are None where pairs are too few, or nobody says which
    direction is better.
    """

    first: str
    second: str
    competition: str
    # Pairs of which both are valid, and all that say something.
    pairs: int
    decided: int
    mean: float | None
    low: float | None
    high: float | None
    # Share of the decided pairs that the first won; ties are halves.
    won: float | None


@dataclass(frozen=True, slots=True)
class Duel:
    """Two agents over all competitions, each counted once."""

    first: str
    second: str
    better: int
    equal: int
    worse: int
    # None when every competition is equal.
    p: float | None


@dataclass(frozen=True, slots=True)
class Standings:
    """Mean rank of one agent over the competitions and seeds that all of them ran."""

    who: str
    rank: float | None
    spread: float | None
    blocks: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What the runs of one agent cost in the mean, each with its spread over runs and the runs that say it.

    None where no run says it, and for the spread of a single run.
    """

    who: str
    # Of the agent's own run.
    minutes: Measured
    usd: Measured
    tokens: Measured


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it, in the order in which the agents were given."""

    # What is compared: agents, or groups.
    who: tuple[str, ...]
    # In alphabetical order.
    competitions: tuple[str, ...]
    # Whether less is better, of competitions whose graders say so.
    lower_is_better: Mapping[str, bool]
    # By who, then by competition.
    cells: tuple[Cell, ...]
    # In the order of `who`.
    costs: tuple[Cost, ...]
    # Of two on one competition.
    differences: tuple[Difference, ...]
    # Of two over all competitions.
    duels: tuple[Duel, ...]
    # In the order of `who`.
    ranks: tuple[Standings, ...]
    # Units without a result, each with what became of it.
    without_result: Mapping[str, str]
    # What makes the comparison less fair than it looks.
    warnings: tuple[str, ...]
    # What the numbers are.
    methods: tuple[str, ...] = METHODS
