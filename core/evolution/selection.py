"""Who is better than whom, and who becomes a parent. Pure: entries in, choices out."""

from __future__ import annotations

import hashlib
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

from core.records import Entry
from core.score import Direction, Score

STEER = 0.75
GIVE_UP = 0.1
TWIN = 0.5


def derived_rng(seed: int, step: int, purpose: str) -> random.Random:
    """The generator of one decision: keyed by the run's seed, the step and what it is drawn for."""
    key = hashlib.sha256(f"{seed}/{step}/{purpose}".encode()).digest()
    return random.Random(int.from_bytes(key[:8], "big"))


def takes_the_lead(p_better: float | None, complete: bool, incumbent: Entry | None) -> bool:
    """A complete challenger steers the search when it beats the incumbent with P >= .75 on common
    rows.

    Below that the incumbent stays: ties go to what is already there. Without a comparison the first
    one leads.
    """
    if not complete:
        return False
    return incumbent is None or (p_better is not None and p_better >= STEER)


def race_is_lost(p_better: float | None) -> bool:
    """A candidate does not run its other folds when P(better) < .1 on the folds that it ran.

    Nor does a twin of the incumbent: P is exactly one half where all predictions are the same.
    """
    return p_better is not None and (p_better < GIVE_UP or p_better == TWIN)


def adjusted(entries: Sequence[Entry], direction: Direction) -> dict[str, Score]:
    """Score of each valid entry with the difficulty of its folds taken out.

    A fold's difficulty is its median over all entries; an entry's score is the mean of its
    differences to it, put back on the scale of the metric. Entries that ran different folds become
    comparable this way.
    """
    folds: dict[str, dict[str, float]] = {}
    by_fold: dict[str, list[float]] = defaultdict(list)
    for entry in entries:
        own = fold_scores(entry)
        if own:
            folds[entry.id] = own
        for view, score in own.items():
            by_fold[view].append(score)
    if not by_fold:
        return {}
    difficulty = {view: median(scores) for view, scores in by_fold.items()}
    level = sum(difficulty.values()) / len(difficulty)
    scores = {}
    for entry_id, own in folds.items():
        value = level + sum(score - difficulty[view] for view, score in own.items()) / len(own)
        scores[entry_id] = Score(value, direction)
    return scores


def fold_scores(entry: Entry) -> dict[str, float]:
    """Holdout score of each view that the entry has a valid result on; empty when the entry is not
    valid.
    """
    if not entry.verdict.valid:
        return {}
    return {
        fold.view: fold.verdict.score
        for fold in entry.valid_folds
        if fold.verdict.score is not None
    }


def ranked(entries: Sequence[Entry], direction: Direction) -> list[Entry]:
    """Valid entries, best first; of equal scores the cheaper one is first."""
    return by_score(entries, adjusted(entries, direction))


def by_score(entries: Sequence[Entry], scores: Mapping[str, Score]) -> list[Entry]:
    """The same for scores that are known; entries without one are left out."""
    scored = [entry for entry in entries if entry.id in scores]
    return sorted(scored, key=lambda entry: (-scores[entry.id].utility, entry.seconds))


def pick_parent(candidates: Sequence[Entry], temperature: float, rng: random.Random) -> Entry:
    """One of some entries, best first, by rank with weight exp(-rank / (2 temperature)).

    temperature: 0 always takes the best. Rank and not value: one outlier must not own every draw,
    and values have no common scale across metrics.
    """
    if temperature <= 0:
        return candidates[0]
    weights = [math.exp(-rank / (2 * temperature)) for rank in range(len(candidates))]
    return rng.choices(candidates, weights)[0]


def whole(entry: Entry) -> bool:
    """It is valid and ran every fold, so that its score stands beside others as it is."""
    return entry.complete and entry.verdict.valid


def by_whole_scores(entries: Iterable[Entry], direction: Direction) -> list[Entry]:
    """Those that ran every fold and have a score, best first; of equal ones the cheaper."""
    found = [entry for entry in entries if whole(entry) and entry.score(direction).scored]
    return sorted(found, key=lambda entry: (-entry.score(direction).utility, entry.seconds))


def fold_gains(child: Entry, parent: Entry, direction: Direction) -> list[float]:
    """By how much the child is better on each search fold that both have a valid score on, in units of
    the metric, above 0 for better.
    """
    after, before = fold_scores(child), fold_scores(parent)
    return [
        Score(score, direction).gain_over(Score(before[view], direction))
        for view, score in after.items()
        if view in before
    ]


def common_gain(child: Entry, parent: Entry, direction: Direction) -> float | None:
    """The mean of `fold_gains`; None without a common fold."""
    gains = fold_gains(child, parent, direction)
    return fmean(gains) if gains else None
