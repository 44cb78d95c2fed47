"""Which rows are held out, decided once and repeatable from the split alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.records import SplitKind, SplitSpec
from core.task.folder.cells import Floats, Integers, Mask

FOLDS_BELOW_ROWS = 20_000
FOLDS = 5
WINDOWS = 3
WINDOW_SHARE = 0.15
HOLDOUT_SHARE = 0.2
HOLDOUT_MIN_ROWS = 2_000
LOCKED_SHARE = 0.1
MIN_ROWS = 10

_SEARCH, _FINAL = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a split may look at, one value per train row.

    eligible: may be held out. strata: class code (all 0 where nothing is stratified). groups: group
    code. times: seconds, numbers or ranks that order the rows; missing ones are minus infinity
    (always past).
    """

    eligible: Mask
    strata: Integers
    groups: Integers | None = None
    times: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The rows of one view, disjoint. train: with labels; holdout and locked: among the test rows,
    without.
    """

    train: Mask
    holdout: Mask
    locked: Mask

    @property
    def held(self) -> Mask:
        return self.holdout | self.locked


def decide(
    kind: SplitKind,
    rows: Rows,
    seed: int,
    holdout_max_rows: int,
    group_column: str | None = None,
    time_column: str | None = None,
    single: bool = False,
) -> SplitSpec:
    """The split of this kind, with its counts; `none` where too few rows can be held out for it.

    single: one holdout instead of folds, because a view is expensive.
    """
    total, usable = len(rows.eligible), int(rows.eligible.sum())
    if kind == "none" or usable < MIN_ROWS:
        return SplitSpec(
            "none",
            0,
            0,
            0,
            seed,
            f"no holdout: {usable} of {total} rows have a usable id and label",
        )
    if kind == "time":
        holdout, locked, folds = _time_sizes(rows, holdout_max_rows)
    elif total < FOLDS_BELOW_ROWS and not single:
        holdout, locked, folds = usable, 0, _fold_count(rows)
    else:
        holdout, locked = _single_sizes(usable, holdout_max_rows)
        folds = 1
    draft = SplitSpec(kind, folds, holdout, locked, seed, "", group_column, time_column)
    return _counted(draft, rows)


def assign(rows: Rows, split: SplitSpec) -> list[Part]:
    """The search views' rows. The same rows and split always give the same parts."""
    if split.folds == 0:
        return []
    if split.kind == "time":
        return _windows(rows, split)
    if split.folds == 1:
        return [_single(rows, split, _SEARCH)]
    return _fold_parts(_folds(rows, split, _SEARCH), split.folds, rows.groups)


def assign_final(rows: Rows, split: SplitSpec) -> list[Part]:
    """New folds that never steered the search; [] where locked rows (already in the search views)
    serve instead.

    Groups may be too large for a locked part beside a single holdout: then the final view is a new
    holdout.
    """
    if split.locked_rows or split.folds == 0 or split.kind == "time":
        return []
    if split.folds == 1:
        return [_single(rows, split, _FINAL)]
    return _fold_parts(_folds(rows, split, _FINAL), split.folds, rows.groups)


def _counted(draft: SplitSpec, rows: Rows) -> SplitSpec:
    """The draft with the counts that its assignment really has (groups and equal times cannot be
    cut).
    """
    parts = assign(rows, draft)
    holdout = sum(int(part.holdout.sum()) for part in parts)
    locked = sum(int(part.locked.sum()) for part in parts)
    total = len(rows.eligible)
    if not parts or holdout == 0 or any(not part.train.any() for part in parts):
        return SplitSpec(
            "none", 0, 0, 0, draft.seed, f"no holdout: {total} rows cannot be split by {draft.kind}"
        )
    why = _why(draft, total, holdout, locked)
    columns = (draft.group_column, draft.time_column)
    return SplitSpec(draft.kind, len(parts), holdout, locked, draft.seed, why, *columns)


def _why(draft: SplitSpec, total: int, holdout: int, locked: int) -> str:
    if draft.kind == "time":
        last = f"the last {locked} rows are locked" if locked else "none are locked"
        return f"{draft.folds} expanding windows of {draft.time_column} score {holdout} of {total} rows, {last}"
    by = f" by {draft.group_column}" if draft.kind == "group" else ""
    if draft.folds > 1:
        return f"{draft.folds} {draft.kind} folds{by}: {total} rows < {FOLDS_BELOW_ROWS}"
    size = "a view is expensive"
    if total >= FOLDS_BELOW_ROWS:
        size = f"{total} rows >= {FOLDS_BELOW_ROWS}"
    return f"one {draft.kind} holdout{by} of {holdout} rows and {locked} locked: {size}"


def _single_sizes(usable: int, holdout_max_rows: int) -> tuple[int, int]:
    holdout = int(
        np.clip(round(HOLDOUT_SHARE * usable), HOLDOUT_MIN_ROWS, max(holdout_max_rows, 1))
    )
    locked = min(round(LOCKED_SHARE * usable), holdout_max_rows)
    # Few of many rows may be eligible: two thirds stay for training whatever the bounds say.
    return min(holdout, usable // 5), min(locked, usable // 10)


def _fold_count(rows: Rows) -> int:
    if rows.groups is None:
        return FOLDS
    return min(FOLDS, len(np.unique(rows.groups[rows.eligible])))


def _random(split: SplitSpec, stream: int) -> np.random.Generator:
    return np.random.default_rng([split.seed, stream])


def _by_stratum(rows: Rows, rng: np.random.Generator) -> Integers:
    """Indexes of the eligible rows, class by class, random within a class."""
    index = np.flatnonzero(rows.eligible)
    return index[np.lexsort((rng.random(len(index)), rows.strata[index]))]


def _folds(rows: Rows, split: SplitSpec, stream: int) -> Integers:
    """Fold of each row, -1 for rows that always train. A class of two or more never loses all its
    rows at once.
    """
    rng = _random(split, stream)
    fold = np.full(len(rows.eligible), -1, dtype=np.int64)
    if rows.groups is not None:
        fold[rows.eligible] = _group_folds(rows.groups[rows.eligible], split.folds, rng)
        return fold
    order = _by_stratum(rows, rng)
    fold[order] = np.arange(len(order)) % split.folds
    return fold


def _group_folds(groups: Integers, folds: int, rng: np.random.Generator) -> Integers:
    """Groups in random order, each into the fold that is lightest by then."""
    names, codes = np.unique(groups, return_inverse=True)
    sizes = np.bincount(codes, minlength=len(names))
    weight, fold_of = np.zeros(folds), np.zeros(len(names), dtype=np.int64)
    for group in rng.permutation(len(names)):
        fold_of[group] = np.argmin(weight)
        weight[fold_of[group]] += sizes[group]
    return fold_of[codes]


def _fold_parts(fold: Integers, folds: int, groups: Integers | None) -> list[Part]:
    none = np.zeros(len(fold), dtype=bool)
    parts = []
    for k in range(folds):
        held = absent = fold == k
        if groups is not None:
            # Rows of a held-out group that cannot be scored must not train either.
            absent = np.isin(groups, np.unique(groups[held]))
        parts.append(Part(~absent, held, none))
    return parts


def _single(rows: Rows, split: SplitSpec, stream: int) -> Part:
    rng = _random(split, stream)
    total = len(rows.eligible)
    if rows.groups is not None:
        holdout, locked = _group_single(rows.groups, rows.eligible, split, rng)
        # Rows of a held-out group that cannot be scored must not train either.
        held_groups = np.isin(rows.groups, np.unique(rows.groups[holdout | locked]))
        return Part(~held_groups, holdout, locked)
    order = _by_stratum(rows, rng)
    chosen = order[_spread(len(order), split.holdout_rows + split.locked_rows)]
    is_locked = np.zeros(len(chosen), dtype=bool)
    is_locked[_spread(len(chosen), split.locked_rows)] = True
    holdout, locked = np.zeros(total, dtype=bool), np.zeros(total, dtype=bool)
    holdout[chosen[~is_locked]] = True
    locked[chosen[is_locked]] = True
    return Part(~(holdout | locked), holdout, locked)


def _spread(total: int, count: int) -> Integers:
    """`count` positions among `total`, evenly apart, so that sorted classes keep their shares."""
    return (np.arange(count) * total) // max(count, 1)


def _group_single(
    groups: Integers, eligible: Mask, split: SplitSpec, rng: np.random.Generator
) -> tuple[Mask, Mask]:
    """Whole groups in random order, as long as they fit; taking the result's own size again gives
    the same groups.
    """
    names, codes = np.unique(groups, return_inverse=True)
    sizes = np.bincount(codes, weights=eligible, minlength=len(names)).astype(np.int64)
    order = rng.permutation(len(names))
    first = _fill(order, sizes, split.holdout_rows)
    second = _fill(order[~np.isin(order, first)], sizes, split.locked_rows)
    return np.isin(codes, first) & eligible, np.isin(codes, second) & eligible


def _fill(order: Integers, sizes: Integers, room: int) -> Integers:
    chosen = []
    for group in order:
        if 0 < sizes[group] <= room:
            chosen.append(group)
            room -= sizes[group]
    return np.array(chosen, dtype=np.int64)


def _sorted_times(rows: Rows) -> Floats:
    assert rows.times is not None
    return np.sort(rows.times[rows.eligible])


def _snap(times: Floats, position: int) -> int:
    """The first position of the time that stands at `position`: equal times are never parted."""
    if position >= len(times):
        return len(times)
    return int(np.searchsorted(times, times[max(position, 0)], side="left"))


def _time_sizes(rows: Rows, holdout_max_rows: int) -> tuple[int, int, int]:
    times = _sorted_times(rows)
    total = len(times)
    end = _snap(times, total - min(round(LOCKED_SHARE * total), holdout_max_rows))
    window = min(round(WINDOW_SHARE * total), holdout_max_rows)
    start = _snap(times, end - WINDOWS * window)
    return end - start, total - end, WINDOWS


def _windows(rows: Rows, split: SplitSpec) -> list[Part]:
    """Blocks that follow each other; each view trains on what lies before its block. The last one
    shows the locked rows too. Rows after a view's block are absent from it.
    """
    assert rows.times is not None
    times = _sorted_times(rows)
    end = len(times) - split.locked_rows
    start = end - split.holdout_rows
    offsets = [split.holdout_rows * k // split.folds for k in range(split.folds)]
    cuts = [_snap(times, start + offset) for offset in offsets]
    windows = []
    for low, high in pairwise([*cuts, end]):
        if 0 < low < high:
            windows.append(_window(rows, times, low, high, last=high == end))
    return windows


def _window(rows: Rows, times: Floats, low: int, high: int, last: bool) -> Part:
    assert rows.times is not None
    after = np.inf if high >= len(times) else times[high]
    late = rows.eligible & (rows.times >= after)
    holdout = rows.eligible & (rows.times >= times[low]) & (rows.times < after)
    locked = late if last else np.zeros_like(late)
    return Part(rows.times < times[low], holdout, locked)
