"""Rule P3: the sample asks for quantiles of one number, a column each."""

from __future__ import annotations

import os
import re

from core.task.folder.big_tables import big_csv
from core.task.folder.loading import load
from core.task.folder.sniff import FoundTable
from core.task.metric.answers import Answers
from core.task.metric.parameters import quantiles_named
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.roles import where

_ABOUT = re.compile(r"quantile|percentile|pinball", re.I)


def labels_of_quantiles(evidence: Evidence) -> LabelTable | None:
    """Each column's answer is the one number of the train table. None where the targets are not
    called after quantiles, the description speaks of none, or several columns may be that number.
    """
    targets = evidence.submission.targets
    if not quantiles_named(targets) or not _ABOUT.search(evidence.description):
        return None
    for table in evidence.roles.trains:
        name = _answer_column(evidence, table)
        if name is not None and big_csv(evidence.root, table.table) is None:
            frame = load(evidence.root, table.table)
            columns = dict.fromkeys(targets, frame[name])
            frame = frame.drop(columns=name).assign(**columns)
            how = f"labels: P3, {name!r} of {where(table)} for each of {len(targets)} quantiles"
            return LabelTable(how, frame, (table.table.path,))
    return None


def _answer_column(evidence: Evidence, table: FoundTable) -> str | None:
    """The one column of numbers that only train has, or the one of them by which all targets are
    called.
    """
    submission = evidence.submission
    known = {*submission.ids, *submission.sources, *submission.targets}
    if evidence.roles.test is not None:
        known.update(evidence.roles.test.columns)
    names = [name for name in table.columns if name and name not in known]
    prefix = os.path.commonprefix(submission.targets)
    called = [name for name in names if prefix.startswith(name)]
    candidates = called or names
    if len(candidates) != 1:
        return None
    cells = load(evidence.root, table.table, candidates)[candidates]
    if not Answers(cells, None, False).numeric:
        return None
    return candidates[0]
