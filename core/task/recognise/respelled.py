"""Ids that the test table writes in another way than the sample submission."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from core.task.folder.big_tables import big_csv
from core.task.folder.loading import head, load
from core.task.recognise.roles import Roles
from core.task.recognise.submission_columns import SubmissionColumns
from utils.text import WHOLE_NUMBER

_WHOLE = WHOLE_NUMBER.pattern


def by_value(ids: pd.Series, official: pd.Series) -> pd.Series:
    """Ids as text, unknown ones replaced by the official id of the same value where there is one:
    "007" and 7.0 are 7. Only where all official ids are whole numbers, and no two of them are the
    same.
    """
    known = pd.Series(official.unique(), dtype=object)
    values = known.str.replace(_WHOLE, r"\1\2", regex=True)
    if not bool(known.str.match(_WHOLE).all()) or not values.is_unique:
        return ids
    names = pd.Series(known.array, index=pd.Index(values))
    found = names.reindex(ids.str.replace(_WHOLE, r"\1\2", regex=True))
    return ids.where(ids.isin(set(known)) | found.isna().to_numpy(), found.to_numpy())


def respelled_test(
    data_dir: Path, roles: Roles, submission: SubmissionColumns, sample: pd.DataFrame | None
) -> pd.DataFrame | None:
    """The test table with its ids as the sample writes them; None where they are the same already,
    or others.
    """
    if sample is None or roles.test is None or big_csv(data_dir, roles.test.table) is not None:
        return None
    first = head(data_dir, roles.test.table)
    pairs = {}
    for mine, theirs in zip(submission.ids, submission.sources, strict=True):
        if theirs in first.columns:
            pairs[theirs] = sample[mine]
    if all(bool(first[name].isin(set(ids)).any()) for name, ids in pairs.items()):
        return None
    frame = load(data_dir, roles.test.table)
    changed = frame.assign(**{name: by_value(frame[name], ids) for name, ids in pairs.items()})
    return None if changed.equals(frame) else changed
