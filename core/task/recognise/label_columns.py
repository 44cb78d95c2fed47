"""Which columns of which table hold the answers."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.task.folder.loading import load
from core.task.folder.names import among, without
from core.task.folder.sniff import FoundTable
from core.task.recognise.roles import Roles, where
from core.task.recognise.submission_columns import TARGET_NAME, SubmissionColumns, listed
from utils.errors import SpecError

_MATCH_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the answers are. classes: label of each target when the sample is one-hot, else ()."""

    train: FoundTable
    targets: tuple[str, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    how: str


def find_labels(data_dir: Path, roles: Roles, submission: SubmissionColumns) -> Labels | None:
    """The table and columns that hold the answers, by names and values; None when no table has
    them.
    """
    return _search((_same_names, _one_hot, _some_names), data_dir, roles, submission)


def guess_labels(data_dir: Path, roles: Roles, submission: SubmissionColumns) -> Labels:
    """The only column that can be the answers under another name. Raises SpecError when there is
    none.
    """
    found = _search((_other_name, _other_prefix), data_dir, roles, submission)
    if found is not None:
        return found
    tables = ", ".join(map(where, roles.trains)) or "no table besides sample and test"
    raise SpecError(f"the targets {listed(submission.targets)} are in no train table ({tables})")


def classes_among(targets: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    """The label value of each target: equal, equal but for case and punctuation, or behind a
    prefix; () if it fails.
    """
    by_name = {folded(value): value for value in values if value != ""}
    count = len(values) - values.count("")
    if not 2 <= count <= 2 * len(targets):
        return ()
    names = list(map(folded, targets))
    for cut in (0, len(os.path.commonprefix(names))):
        classes = [by_name.get(name[cut:]) for name in names]
        hits = set(classes) - {None}
        if len(hits) == count and len(hits) >= _MATCH_SHARE * len(targets):
            return tuple(map(_either, classes, targets))
    return ()


def _either(value: str | None, target: str) -> str:
    return target if value is None else value


def folded(name: str) -> str:
    """A name without case and punctuation."""
    return re.sub(r"[^\w]|_", "", name).casefold() or name


def _search(
    searches: Sequence[Callable[[Path, FoundTable, Roles, SubmissionColumns], Labels | None]],
    data_dir: Path,
    roles: Roles,
    submission: SubmissionColumns,
) -> Labels | None:
    for search in searches:
        for train in roles.trains:
            found = search(data_dir, train, roles, submission)
            if found is not None:
                return found
    return None


def _same_names(
    data_dir: Path, train: FoundTable, roles: Roles, submission: SubmissionColumns
) -> Labels | None:
    """All targets are columns of the table, case and punctuation aside."""
    by_name = {folded(name): name for name in reversed(train.columns)}
    columns = []
    for target in submission.targets:
        name = target if target in train.columns else by_name.get(folded(target), "")
        if name == "" or name in columns:
            return None
        columns.append(name)
    how = f"labels: {listed(columns)} of {where(train)}"
    return Labels(train, submission.targets, tuple(columns), (), how)


def _one_hot(
    data_dir: Path, train: FoundTable, roles: Roles, submission: SubmissionColumns
) -> Labels | None:
    """The targets are the values of one column."""
    if len(submission.targets) < 2:
        return None
    candidates = without(train.columns, {*submission.ids, *_test_columns(roles)})
    if not candidates:
        return None
    frame = load(data_dir, train.table, candidates)
    for name in candidates:
        classes = classes_among(submission.targets, list(frame[name].unique()))
        if classes:
            how = f"labels: column {name!r} of {where(train)}, one target column per class"
            return Labels(train, submission.targets, (name,), classes, how)
    return None


def _some_names(
    data_dir: Path, train: FoundTable, roles: Roles, submission: SubmissionColumns
) -> Labels | None:
    """Some columns of the sample are labels; the others are carried through."""
    both = tuple(among(submission.targets, train.columns))
    if not both:
        return None
    others = listed(without(submission.targets, both))
    how = f"labels: {listed(both)} of {where(train)}; {others} stay as in the sample"
    return Labels(train, both, both, (), how)


def _other_name(
    data_dir: Path, train: FoundTable, roles: Roles, submission: SubmissionColumns
) -> Labels | None:
    """One target, and one column that can be it under another name."""
    rest = _only_in_train(train, roles, submission)
    if len(submission.targets) != 1:
        return None
    chosen = rest if len(rest) == 1 else list(filter(TARGET_NAME.match, rest))
    if len(chosen) != 1:
        return None
    column, target = chosen[0], submission.targets[0]
    how = f"labels: column {column!r} of {where(train)} for target {target!r}"
    return Labels(train, submission.targets, (column,), (), f"{how}, the only one that fits")


def _other_prefix(
    data_dir: Path, train: FoundTable, roles: Roles, submission: SubmissionColumns
) -> Labels | None:
    """Several targets that differ from the columns that only train has by what stands before each
    (is_a, prob_a).
    """
    targets = submission.targets
    rest = _only_in_train(train, roles, submission)
    if len(targets) < 2 or len(rest) != len(targets):
        return None
    behind, wanted = _behind_prefix(rest), _behind_prefix(targets)
    if behind.keys() != wanted.keys() or len(behind) != len(rest):
        return None
    columns = tuple(behind[stem] for stem in wanted)
    how = f"labels: columns {listed(columns)} of {where(train)} for targets {listed(targets)}"
    return Labels(train, targets, columns, (), f"{how}, but for a prefix")


def _only_in_train(train: FoundTable, roles: Roles, submission: SubmissionColumns) -> list[str]:
    """Columns that neither test nor the ids have; [] where train shares none with them."""
    known = {*submission.ids, *submission.sources, *_test_columns(roles)}
    if known.isdisjoint(train.columns):
        return []
    return without(train.columns, {*known, ""})


def _test_columns(roles: Roles) -> tuple[str, ...]:
    return roles.test.columns if roles.test else ()


def _behind_prefix(names: Sequence[str]) -> dict[str, str]:
    """Each name by what is left of it without what all of them begin with."""
    keys = list(map(folded, names))
    cut = len(os.path.commonprefix(keys))
    return {key[cut:]: name for key, name in zip(keys, names, strict=True)}
