"""Rule P1: one table holds the rows of both parts, those of the test without an answer."""

from __future__ import annotations

from core.task.folder.big_tables import big_csv
from core.task.folder.loading import load
from core.task.folder.names import without
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.label_columns import Labels
from core.task.recognise.roles import where


def labels_of_some_rows(evidence: Evidence, labels: Labels) -> LabelTable | None:
    """Rows with an answer are train, those that the sample asks for are test. None where a test
    table is there, or the rows that the sample asks for have answers or no features.
    """
    key, table = evidence.submission.ids[0], labels.train
    if evidence.sample is None or evidence.roles.test is not None:
        return None
    if len(evidence.submission.ids) > 1 or key not in table.columns:
        return None
    answers = {*labels.columns, *labels.targets}
    if not set(table.columns) - {key} - answers or big_csv(evidence.root, table.table) is not None:
        return None
    frame = load(evidence.root, table.table)
    is_test = frame[key].isin(set(evidence.sample[key]))
    test = frame[is_test].set_index(key, drop=False)
    if not test.index.is_unique or len(test) < len(evidence.sample):
        return None
    if bool((test[list(labels.columns)] != "").any(axis=None)):
        return None
    test = test.loc[evidence.sample[key], without(frame.columns, answers)]
    how = f"labels: P1, {where(table)} has the {len(test)} rows of the sample too, without answers"
    return LabelTable(how, frame[~is_test], (table.table.path,), test)
