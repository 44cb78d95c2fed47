"""Finished steps that tried the same thing, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from statistics import fmean, median

from core.evolution.briefs import changes_one_part
from core.evolution.changes import Change, read_change
from core.evolution.experience import Experience

# Cosine from which two wordings mean the same change.
ALIKE = 0.7
# Newest wordings of models that are compared with each other: the work grows with their square.
MOST_WORDINGS = 40
# Steps that must have gained before a change is a lesson.
LEAST_HELPED = 2
# Steps that must have been lost, with none gained, before a change is warned of.
LEAST_LOST = 3
# Observations of no gain that every lesson starts with: what stands out among many was partly
# lucky.
PSEUDO = 1.0
LEAST_GAIN = 0.01

Vector = Sequence[float]


@dataclass(slots=True)
class Cluster:
    """changes: what each of the steps tried, in its words. The first one founded the cluster."""

    changes: list[Change] = field(default_factory=list)
    steps: list[Experience] = field(default_factory=list)

    @property
    def founder(self) -> Change:
        return self.changes[0]


@dataclass(frozen=True, slots=True)
class Figures:
    """tried, helped: steps. gain: their mean value in spreads, 0 for none."""

    tried: int
    helped: int
    gain: float

    @property
    def sure(self) -> float:
        """The gain that may be counted on."""
        return sure(self.gain, self.tried)

    @property
    def convincing(self) -> bool:
        """It gained more than once and more often than not, and on average."""
        return (
            self.helped >= LEAST_HELPED and 2 * self.helped > self.tried and self.sure >= LEAST_GAIN
        )

    @property
    def worth_telling(self) -> bool:
        return self.convincing or self.discouraging

    @property
    def discouraging(self) -> bool:
        """It was tried again and again, and never helped."""
        return self.tried >= LEAST_LOST and self.helped == 0 and self.sure <= -LEAST_GAIN


def sure(gain: float, tried: int) -> float:
    """A mean over so many steps, shrunk to 0."""
    return gain * tried / (tried + PSEUDO)


def cosine(one: Vector, other: Vector) -> float:
    """Of two unit vectors."""
    return sum(map(mul, one, other))


def values_of(pool: Iterable[Experience]) -> dict[str, float]:
    """What each step brought, in spreads, by entry. One that has no score and did not fail says
    nothing.

    A failure counts like the usual loss: neither is used, so it is no better; but calling it the
    worst of all would let one crash outweigh all that a change has gained.
    """
    steps = list(pool)
    losses = [item.gain for item in steps if item.gain is not None and item.gain < 0]
    usual = median(losses) if losses else 0.0
    values = {}
    for item in steps:
        if item.gain is not None:
            values[item.entry] = item.gain
        elif item.failure:
            values[item.entry] = usual
    return values


def figures_of(entries: Iterable[str], values: Mapping[str, float]) -> Figures:
    """Of those entries that are remembered."""
    found = [values[entry] for entry in entries if entry in values]
    if not found:
        return Figures(0, 0, 0.0)
    return Figures(len(found), sum(value > 0 for value in found), fmean(found))


def same_words(pool: Iterable[Experience], values: Mapping[str, float]) -> list[Cluster]:
    """Steps that tried the same change in the same words, whatever its numbers; in order of first
    use.
    """
    clusters: dict[str, Cluster] = {}
    for item in pool:
        if not (changes_one_part(item.kind) and item.change and item.entry in values):
            continue
        if item.locus is not None:
            change = read_change(item.change, item.locus)
            cluster = clusters.setdefault(change.key, Cluster())
            cluster.changes.append(change)
            cluster.steps.append(item)
    return list(clusters.values())


def same_meaning(clusters: Sequence[Cluster], vectors: Mapping[str, Vector]) -> list[Cluster]:
    """The clusters joined where they sound alike and do not contradict each other; each is compared
    with founders.

    vectors: by the advice of each cluster's first change.
    """
    joined: list[Cluster] = []
    for cluster in clusters:
        closest = _closest(cluster.founder, joined, vectors)
        if closest is not None:
            closest.changes += cluster.changes
            closest.steps += cluster.steps
        else:
            joined.append(Cluster(list(cluster.changes), list(cluster.steps)))
    return joined


def _closest(
    change: Change, clusters: Sequence[Cluster], vectors: Mapping[str, Vector]
) -> Cluster | None:
    """The cluster whose founder means the same as a change; None where none does."""
    likeness, closest = 0.0, None
    for cluster in clusters:
        alike = cosine(vectors[change.advice], vectors[cluster.founder.advice])
        if alike > likeness and not change.contradicts(cluster.founder):
            likeness, closest = alike, cluster
    return closest if likeness >= ALIKE else None


def wording(cluster: Cluster, values: Mapping[str, float]) -> Change:
    """The words, numbers included, that gained most in all."""
    total: dict[str, float] = {}
    for change, item in zip(cluster.changes, cluster.steps, strict=True):
        total[change.text] = total.get(change.text, 0.0) + values[item.entry]
    return max(cluster.changes, key=lambda change: total[change.text])
