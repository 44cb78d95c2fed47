"""Scores a submission by a metric of this project's registry. Runs in a worker process.

Arguments: JSON {"metric", "answers", "sample", "train", "ids", "parameters"} and the submission.
answers: csv with id and target columns. sample: the sample submission, which says which columns and
rows are asked for. train: csv that tells further labels, or null. ids: id columns, [] for the first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core.judging.metrics import Metric, score
from core.judging.samples import load_sample
from core.judging.submission import check_file
from core.judging.values import truth_values
from core.metric_names import BY_NAME
from core.records import CompetitionSpec, MetricSpec, TableFile


def main(arguments: Sequence[str]) -> int:
    words, submission = json.loads(arguments[0]), Path(arguments[1])
    sample, answers = Path(words["sample"]), _text_table(Path(words["answers"]))
    header = list(_text_table(sample, rows=0).columns)
    ids = tuple(words["ids"]) or (header[0],)
    targets = tuple(name for name in header if name not in ids)
    if missing := [name for name in (*ids, *targets) if name not in answers]:
        raise ValueError(f"the answers have no column {missing[0]!r}, which the sample asks for")
    spec = _specification(words, sample, ids, targets, _labels(words, answers, targets))
    rows = load_sample(sample.parent, TableFile(sample.name), ids)
    checked = check_file(submission.absolute(), rows, spec)
    lower = spec.metric.direction == "minimize"
    if checked.values is None:
        _say(False, None, lower, "; ".join(checked.reasons), spec)
        return 0
    places, _ = rows.positions(answers[list(ids)].to_numpy(dtype=str))
    if (places < 0).any() or len(set(places)) != len(places):
        raise ValueError("the answers have ids that the sample submission does not have once")
    truth = truth_values(answers[list(targets)].to_numpy(dtype=str), spec)
    value = score(Metric.of(spec), truth, checked.values[places])
    if not math.isfinite(value):
        _say(False, None, lower, f"{spec.metric.name} has no value for these predictions", spec)
        return 0
    _say(True, value, lower, "; ".join(checked.warnings), spec)
    return 0


def _text_table(path: Path, rows: int | None = None) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, nrows=rows)


def _labels(
    words: dict[str, Any], answers: pd.DataFrame, targets: tuple[str, ...]
) -> tuple[str, ...]:
    """Labels that may be predicted, where a single column holds labels."""
    known = BY_NAME[words["metric"]]
    if known.predicts not in ("label", "probability") or len(targets) > 1:
        return ()
    labels = set(answers[targets[0]])
    if known.predicts == "label":
        for path in filter(None, (words["train"], words["sample"])):
            table = _text_table(Path(path))
            labels |= set(table.get(targets[0], ()))
    return tuple(sorted(labels))


def _specification(
    words: dict[str, Any],
    sample: Path,
    ids: tuple[str, ...],
    targets: tuple[str, ...],
    labels: tuple[str, ...],
) -> CompetitionSpec:
    known = BY_NAME[words["metric"]]
    parameters = tuple(float(number) for number in words["parameters"])
    return CompetitionSpec.of(
        data_dir=str(sample.parent),
        data_digest="",
        description="",
        metric=MetricSpec(known.name, known.direction, "config", parameters=parameters),
        modality="tabular",
        value_kind=known.predicts,
        sample=TableFile(sample.name),
        train=None,
        test=None,
        rows_train=0,
        rows_test=0,
        id_columns=ids,
        target_columns=targets,
        label_columns=targets,
        classes=labels,
        feature_columns=(),
        text_columns=(),
    )


def _say(
    valid: bool, value: float | None, lower: bool, message: str, spec: CompetitionSpec
) -> None:
    report = {"metric": spec.metric.name}
    line = {
        "valid": valid,
        "score": value,
        "lower_is_better": lower,
        "message": message,
        "report": report,
    }
    print(json.dumps(line))
