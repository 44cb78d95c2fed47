"""Which rows are held out, decided once and repeatable from the split alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from core.records import SplitKind, SplitSpec
from core.task.folder.cells import Floats, Integers, Mask

FOLDS_BELOW_ROWS = 20_000
FOLDS = 5
WINDOWS = 3
# Share of the rows in one window: of a length that is not known, and bounds of one that follows the
# horizon of the test. Half of the rows at least stay for the training of the first window.
WINDOW_SHARE = 0.15
LEAST_WINDOW, MOST_WINDOW = 0.05, 0.5 / WINDOWS
# The last window holds the rows that are most like those that are asked for: a third of it is locked,
# in blocks that are spread over all of it, so that both the search and the final pick see such rows.
LOCKED_BLOCKS = 5
_PIECES = 3
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
    horizon: float | None = None,
) -> SplitSpec:
    """The split of this kind, with its counts; `none` where too few rows can be held out for it.

    single: one holdout instead of folds, because a view is expensive. horizon: how far the rows that
    are asked for reach beyond the last train row, in the unit of `rows.times`; None where that is not
    known.
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
    blocks = 0
    if kind == "time":
        holdout, locked, folds = _rows_of_windows(rows, holdout_max_rows, horizon), 0, WINDOWS
        blocks = LOCKED_BLOCKS
    elif total < FOLDS_BELOW_ROWS and not single:
        holdout, locked, folds = usable, 0, _fold_count(rows)
    else:
        holdout, locked = _single_sizes(usable, holdout_max_rows)
        folds = 1
    draft = SplitSpec(kind, folds, holdout, locked, seed, "", group_column, time_column, blocks)
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
    found = replace(draft, folds=len(parts), holdout_rows=holdout, locked_rows=locked)
    if draft.kind == "time" and found.folds < draft.folds:
        # Windows of one moment each: what is left is cut anew, as it will be from these counts.
        return _counted(found, rows)
    return replace(found, why=_why(found, total, holdout, locked))


def _why(draft: SplitSpec, total: int, holdout: int, locked: int) -> str:
    if draft.kind == "time":
        apart = f"{locked} more, in blocks within the last window, are locked"
        if not locked:
            apart = "none are locked"
        windows = f"{draft.folds} expanding windows of {draft.time_column} up to the last row"
        return f"{windows} score {holdout} of {total} rows, {apart}"
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


def _rows_of_windows(rows: Rows, holdout_max_rows: int, horizon: float | None) -> int:
    """How many rows all windows have together."""
    times = _sorted_times(rows)
    total = len(times)
    share = WINDOW_SHARE
    if horizon is not None:
        ahead = total - int(np.searchsorted(times, times[-1] - horizon, side="right"))
        share = float(np.clip(ahead / total, LEAST_WINDOW, MOST_WINDOW))
    window = min(round(share * total), holdout_max_rows)
    return total - _snap(times, total - WINDOWS * window)


def _windows(rows: Rows, split: SplitSpec) -> list[Part]:
    """Blocks that follow each other; each view trains on what lies before its block. The last one
    holds the locked rows, or shows them too where they follow it. Rows after a view's block are
    absent from it.
    """
    times = _sorted_times(rows)
    held = split.holdout_rows
    end = len(times)
    if split.locked_blocks:
        held += split.locked_rows
    else:
        end -= split.locked_rows
    offsets = [held * k // split.folds for k in range(split.folds)]
    cuts = [_snap(times, end - held + offset) for offset in offsets]
    windows = []
    for low, high in pairwise([*cuts, end]):
        if 0 < low < high:
            locked = None
            if high == end and split.locked_blocks:
                locked = _blocks(rows, times, (low, high), split.locked_blocks)
            elif high == end:
                locked = rows.eligible & ~_before(rows, times, high)
            windows.append(_window(rows, times, low, high, locked))
    return windows


def _window(rows: Rows, times: Floats, low: int, high: int, locked: Mask | None) -> Part:
    train = _before(rows, times, low)
    holdout = rows.eligible & ~train & _before(rows, times, high)
    if locked is None:
        locked = np.zeros_like(holdout)
    return Part(train, holdout & ~locked, locked)


def _blocks(rows: Rows, times: Floats, window: tuple[int, int], most: int) -> Mask:
    """The middle of each of `most` equal stretches of the window, of fewer where it has few moments.
    The rows of its last moment are never among them.
    """
    low, high = window
    moments = np.unique(times[low:high])
    count = min(most, max(1, len(moments) // _PIECES))
    pieces = count * _PIECES
    piece = np.searchsorted(
        np.arange(1, pieces) * len(moments) // pieces, np.arange(len(moments)), "right"
    )
    assert rows.times is not None
    return rows.eligible & np.isin(rows.times, moments[piece % _PIECES == 1])


def _before(rows: Rows, times: Floats, position: int) -> Mask:
    """Rows earlier than the eligible one at this position; all where there is none."""
    assert rows.times is not None
    if position >= len(times):
        return np.ones_like(rows.eligible)
    return np.asarray(rows.times < times[position])
