"""Rule P3: the sample asks for quantiles of one number, a column each."""

from __future__ import annotations

import os
import re

from core.task.folder.big_tables import big_csv
from core.task.folder.loading import load
from core.task.folder.sniff import FoundTable
from core.task.metric.answers import Answers
from core.task.metric.parameters import quantiles_named
from core.task.recognise.evidence import DerivedLabels, Evidence
from core.task.recognise.roles import where

_ABOUT = re.compile(r"quantile|percentile|pinball", re.I)


def labels_of_quantiles(seen: Evidence) -> DerivedLabels | None:
    """Each column's answer is the one number of the train table. None where the targets are not
    called after quantiles, the description speaks of none, or several columns may be that number.
    """
    targets = seen.asked.targets
    if not quantiles_named(targets) or not _ABOUT.search(seen.description):
        return None
    for table in seen.roles.trains:
        name = _answer_column(seen, table)
        if name is not None and big_csv(seen.root, table.table) is None:
            frame = load(seen.root, table.table)
            columns = dict.fromkeys(targets, frame[name])
            frame = frame.drop(columns=name).assign(**columns)
            how = f"labels: P3, {name!r} of {where(table)} for each of {len(targets)} quantiles"
            return DerivedLabels(how, frame, (table.table.path,))
    return None


def _answer_column(seen: Evidence, table: FoundTable) -> str | None:
    """The one column of numbers that only train has, or the one of them by which all targets are
    called.
    """
    known = {*seen.asked.ids, *seen.asked.sources, *seen.asked.targets}
    if seen.roles.test is not None:
        known.update(seen.roles.test.columns)
    names = [name for name in table.columns if name and name not in known]
    prefix = os.path.commonprefix(seen.asked.targets)
    called = [name for name in names if prefix.startswith(name)]
    candidates = called or names
    if len(candidates) != 1:
        return None
    cells = load(seen.root, table.table, candidates)[candidates]
    if not Answers(cells, None, False).numeric:
        return None
    return candidates[0]
