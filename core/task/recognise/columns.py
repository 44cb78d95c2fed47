"""Decides which columns are ids, targets and labels."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from core.task.folder.files_by_id import FileIndex
from core.task.folder.loading import load
from core.task.folder.sniff import FoundTable
from core.task.hints import Hints
from core.task.recognise.composite import Composite, composite_of
from core.task.recognise.roles import Roles, where
from utils.errors import ConfigError, SpecError

_MATCH_SHARE = 0.5
_TARGET_NAME = re.compile(
    r"^(?:target|label|class|category|y|outcome|response|score|output|value)s?(?:_?id)?$", re.I
)
_ID_NAME = re.compile(
    r"(?:^|_|\b)(?:id|key|index|name|uuid)(?:s|_code)?$|^$|(?<=[a-z])I[Dd]$", re.I
)


@dataclass(frozen=True, slots=True)
class AskedColumns:
    """What a submission looks like. ids, targets: columns of the sample submission (or of the test
    table).

    sources: the column of train and test behind each id where its name differs, else the id itself.
    composite: columns whose cells, joined, are the id.
    """

    ids: tuple[str, ...]
    targets: tuple[str, ...]
    sources: tuple[str, ...]
    how: tuple[str, ...] = ()
    composite: Composite | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """Where the answers are. classes: label of each target when the sample is one-hot, else ()."""

    train: FoundTable
    targets: tuple[str, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    how: str


def decide_columns(data_dir: Path, roles: Roles, files: FileIndex, hints: Hints) -> AskedColumns:
    """Ids and targets of a submission. Raises SpecError when they cannot be told, ConfigError for a
    wrong override.
    """
    ids, targets = hints.id_columns, hints.target_columns
    if roles.sample is None:
        return _from_test(data_dir, roles, ids, targets)
    frame = load(data_dir, roles.sample.table)
    _check_known((*ids, *targets), tuple(frame.columns), where(roles.sample))
    if len(frame) == 0:
        raise SpecError(f"{where(roles.sample)} has no rows")
    given = _find_ids(data_dir, frame, roles, files, targets)
    if ids and ids != given.ids:
        given = AskedColumns(ids, (), ids)
    ids = given.ids
    left = targets or tuple(name for name in frame.columns if name not in ids)
    if not left:
        raise SpecError(f"{where(roles.sample)} has no target column")
    _check_rows(frame, ids, where(roles.sample))
    return replace(given, targets=left)


def find_labels(data_dir: Path, roles: Roles, asked: AskedColumns) -> Labels | None:
    """The table and columns that hold the answers, by names and values; None when no table has
    them.
    """
    return _search((_same_names, _one_hot, _some_names), data_dir, roles, asked)


def guess_labels(data_dir: Path, roles: Roles, asked: AskedColumns) -> Labels:
    """The only column that can be the answers under another name. Raises SpecError when there is
    none.
    """
    found = _search((_other_name, _other_prefix), data_dir, roles, asked)
    if found is not None:
        return found
    tables = ", ".join(where(train) for train in roles.trains) or "no table besides sample and test"
    raise SpecError(f"the targets {_listed(asked.targets)} are in no train table ({tables})")


def _search(
    searches: Sequence[Callable[[Path, FoundTable, Roles, AskedColumns], Labels | None]],
    data_dir: Path,
    roles: Roles,
    asked: AskedColumns,
) -> Labels | None:
    for search in searches:
        for train in roles.trains:
            found = search(data_dir, train, roles, asked)
            if found is not None:
                return found
    return None


def _check_known(names: Sequence[str], columns: Sequence[str], table: str) -> None:
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise ConfigError(
            f"task overrides name {_listed(unknown)}, but {table} has the columns {_listed(columns)}"
        )


def _check_rows(frame: pd.DataFrame, ids: tuple[str, ...], table: str) -> None:
    if ids and bool(frame.duplicated(list(ids)).any()):
        raise SpecError(f"{table} contradicts itself: several rows have the same {_listed(ids)}")


# ---------------------------------------------------------------- ids


def _find_ids(
    data_dir: Path, sample: pd.DataFrame, roles: Roles, files: FileIndex, targets: tuple[str, ...]
) -> AskedColumns:
    """The id columns; targets are still to be told."""
    columns = [name for name in sample.columns if name not in targets]
    known = roles.test.columns if roles.test else ()
    ids = tuple(name for name in columns if name in known)
    if ids and len(ids) == len(sample.columns):
        ids = _without_targets(sample, ids, roles)
    if ids:
        return AskedColumns(
            ids, (), ids, (f"ids: {_listed(ids)}, columns of sample and test table",)
        )
    ids = tuple(name for name in columns if files.match(list(sample[name])))
    if ids:
        return AskedColumns(ids, (), ids, (f"ids: {_listed(ids)}, names of files",))
    if roles.test is not None:
        found = _made_of_test(load(data_dir, roles.test.table), sample, columns)
        if found is not None:
            return found
    likely = _likely_id(sample, columns)
    return AskedColumns(
        (likely,),
        (),
        (likely,),
        (f"ids: {likely!r}, by its values; no test table or file has them",),
    )


def _made_of_test(
    test: pd.DataFrame, sample: pd.DataFrame, columns: Sequence[str]
) -> AskedColumns | None:
    """A column of the sample whose values are those of a test column of another name, or of
    several, joined.
    """
    renamed = _renamed_id(test, sample, columns)
    if renamed is not None:
        mine, theirs = renamed
        return AskedColumns(
            (mine,), (), (theirs,), (f"ids: {mine!r}, the values of column {theirs!r} of test",)
        )
    for mine in columns:
        found = composite_of(sample[mine], test) if sample[mine].is_unique else None
        if found is not None:
            how = (
                f"ids: P3, {mine!r} is {_listed(found.columns)} of test, joined by {found.joint!r}"
            )
            return AskedColumns((mine,), (), (mine,), (how,), found)
    return None


def _without_targets(sample: pd.DataFrame, ids: tuple[str, ...], roles: Roles) -> tuple[str, ...]:
    """Every column of the sample is in the test table: those that repeat, or the last one, are the
    targets.
    """
    unique = tuple(name for name in ids if sample[name].is_unique and len(sample) > 1)
    return unique if 0 < len(unique) < len(ids) else ids[:-1]


def _renamed_id(
    test: pd.DataFrame, sample: pd.DataFrame, columns: Sequence[str]
) -> tuple[str, str] | None:
    """(sample column, test column) with the same distinct values."""
    for mine in columns:
        values = set(sample[mine])
        for theirs in test.columns if len(values) == len(sample) else ():
            if test[theirs].is_unique and values == set(test[theirs]):
                return mine, str(theirs)
    return None


def _likely_id(sample: pd.DataFrame, columns: Sequence[str]) -> str:
    unique = [name for name in columns if sample[name].is_unique]
    named = [name for name in unique if _ID_NAME.search(name)]
    return next(iter([*named, *unique, *columns]), sample.columns[0])


def _from_test(
    data_dir: Path, roles: Roles, ids: tuple[str, ...], targets: tuple[str, ...]
) -> AskedColumns:
    """Without a sample: targets are what train has and test lacks."""
    if roles.test is None:
        raise SpecError(
            "no sample submission and no test table: what should be predicted is not known"
        )
    test = roles.test
    if not roles.trains:
        raise SpecError(f"no train table besides {where(test)}")
    train = next(
        (each for each in roles.trains if set(each.columns) & set(test.columns)), roles.trains[0]
    )
    extra = tuple(name for name in train.columns if name not in test.columns)
    if len(extra) > 1 and not targets:
        extra = tuple(name for name in extra if _TARGET_NAME.match(name))
    chosen = targets or extra
    _check_known(chosen, train.columns, where(train))
    _check_known(ids, test.columns, where(test))
    if len(chosen) != 1 and not targets:
        raise SpecError(
            f"no sample submission, and {where(train)} has no single column more than {where(test)}"
        )
    frame = load(data_dir, test.table)
    ids = ids or (_likely_id(frame, list(frame.columns)),)
    _check_rows(frame, ids, where(test))
    return AskedColumns(
        ids,
        chosen,
        ids,
        (f"targets: {_listed(chosen)}, columns of {where(train)} that test lacks",),
    )


# ---------------------------------------------------------------- labels


def _same_names(
    data_dir: Path, train: FoundTable, roles: Roles, asked: AskedColumns
) -> Labels | None:
    """All targets are columns of the table, case and punctuation aside."""
    by_name = {folded(name): name for name in reversed(train.columns)}
    columns = tuple(
        name if name in train.columns else by_name.get(folded(name), "") for name in asked.targets
    )
    if "" in columns or len(set(columns)) < len(columns):
        return None
    return Labels(
        train, asked.targets, columns, (), f"labels: {_listed(columns)} of {where(train)}"
    )


def _one_hot(data_dir: Path, train: FoundTable, roles: Roles, asked: AskedColumns) -> Labels | None:
    """The targets are the values of one column."""
    if len(asked.targets) < 2:
        return None
    known = set(asked.ids) | set(roles.test.columns if roles.test else ())
    candidates = [name for name in train.columns if name not in known]
    if not candidates:
        return None
    frame = load(data_dir, train.table, candidates)
    for name in candidates:
        classes = classes_among(asked.targets, list(frame[name].unique()))
        if classes:
            how = f"labels: column {name!r} of {where(train)}, one target column per class"
            return Labels(train, asked.targets, (name,), classes, how)
    return None


def _some_names(
    data_dir: Path, train: FoundTable, roles: Roles, asked: AskedColumns
) -> Labels | None:
    """Some columns of the sample are labels; the others are carried through."""
    both = tuple(name for name in asked.targets if name in train.columns)
    if not both:
        return None
    carried = tuple(name for name in asked.targets if name not in both)
    how = f"labels: {_listed(both)} of {where(train)}; {_listed(carried)} stay as in the sample"
    return Labels(train, both, both, (), how)


def _other_name(
    data_dir: Path, train: FoundTable, roles: Roles, asked: AskedColumns
) -> Labels | None:
    """One target, and one column that can be it under another name."""
    known = set(asked.ids) | set(asked.sources) | set(roles.test.columns if roles.test else ())
    rest = [name for name in train.columns if name not in known and name]
    if len(asked.targets) != 1 or not known & set(train.columns):
        return None
    named = [name for name in rest if _TARGET_NAME.match(name)]
    chosen = rest if len(rest) == 1 else named
    if len(chosen) != 1:
        return None
    how = f"labels: column {chosen[0]!r} of {where(train)} for target {asked.targets[0]!r}, the only one that fits"
    return Labels(train, asked.targets, (chosen[0],), (), how)


def _other_prefix(
    data_dir: Path, train: FoundTable, roles: Roles, asked: AskedColumns
) -> Labels | None:
    """Several targets that differ from the columns that only train has by what stands before each
    (is_a, prob_a).
    """
    known = set(asked.ids) | set(asked.sources) | set(roles.test.columns if roles.test else ())
    rest = [name for name in train.columns if name not in known and name]
    if len(asked.targets) < 2 or len(rest) != len(asked.targets) or not known & set(train.columns):
        return None
    behind, wanted = _behind_prefix(rest), _behind_prefix(asked.targets)
    if behind.keys() != wanted.keys() or len(behind) != len(rest):
        return None
    columns = tuple(behind[stem] for stem in wanted)
    how = f"labels: columns {_listed(columns)} of {where(train)} for targets {_listed(asked.targets)}, but for a prefix"
    return Labels(train, asked.targets, columns, (), how)


def _behind_prefix(names: Sequence[str]) -> dict[str, str]:
    """Each name by what is left of it without what all of them begin with."""
    prefix = os.path.commonprefix([folded(name) for name in names])
    return {folded(name)[len(prefix) :]: name for name in names}


def classes_among(targets: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    """The label value of each target: equal, equal but for case and punctuation, or behind a
    prefix; () if it fails.
    """
    values = [value for value in values if value != ""]
    if not 2 <= len(values) <= 2 * len(targets):
        return ()
    prefix = os.path.commonprefix([folded(target) for target in targets])
    by_name = {folded(value): value for value in values}
    for cut in (0, len(prefix)):
        found = {target: by_name.get(folded(target)[cut:]) for target in targets}
        hits = {value for value in found.values() if value is not None}
        if len(hits) == len(values) and len(hits) >= _MATCH_SHARE * len(targets):
            return tuple(value if value is not None else target for target, value in found.items())
    return ()


def folded(name: str) -> str:
    """A name without case and punctuation."""
    return re.sub(r"[^\w]|_", "", name).casefold() or name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
