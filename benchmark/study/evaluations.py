"""Evaluations on disk: one file per program and view, complete or not there."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmark.study.case import Case
from core.judging.samples import load_sample
from core.judging.scorer import load_answers, split_rows
from core.judging.statistic import Array
from core.judging.store import Prediction, Store
from core.records import FoldResult, View
from utils.files import is_archive, write_atomic
from utils.json_records import from_json, to_json


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of a program on a view. private: score of this run's own test predictions.

    values: [rows, target columns] in the order of the judge's store, None for an invalid run.
    """

    result: FoldResult
    private: float | None
    values: Array | None


class EvaluationStore:
    """The evaluations of one case. Safe to use from several threads."""

    def __init__(self, case: Case) -> None:
        self._folder = case.folder / "evaluations"

    def path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npz"

    def save(self, evaluation: Evaluation) -> None:
        """Raises OSError and leaves nothing when the folder refuses it."""
        facts = {"result": to_json(evaluation.result), "private": evaluation.private}
        arrays = {"facts": np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)}
        if evaluation.values is not None:
            arrays["values"] = evaluation.values
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_atomic(self.path(evaluation.result.key), buffer.getvalue())

    def load(self, key: str) -> Evaluation | None:
        """None where it is missing or damaged: archives carry checksums."""
        if not is_archive(self.path(key)):
            return None
        try:
            with self.path(key).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                facts = json.loads(file["facts"].tobytes())
                values = file.get("values")
            result = from_json(FoldResult, facts["result"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        lacks_values = values is None and result.verdict.valid
        if result.key != key or lacks_values:
            return None
        return Evaluation(result, facts["private"], values)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Those that have to be evaluated (again)."""
        return [key for key in keys if self.load(key) is None]


@dataclass
class KnownPredictions(Store):
    """The judge's predictions out of kept evaluations, all in memory; what is saved here stays in
    memory too.
    """

    case: Case = field(kw_only=True)
    _known: dict[str, Prediction] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case) -> KnownPredictions:
        return cls(case.folder / "evaluations", case=case)

    def save(self, name: str, prediction: Prediction) -> None:
        self._known[name] = prediction

    def put(self, evaluation: Evaluation) -> None:
        """Takes the predictions of a valid evaluation."""
        if evaluation.values is None:
            return
        rows = self._rows(evaluation.result.view)
        name = evaluation.result.key
        self._known[name] = Prediction(
            rows.view, rows.answers, rows.ids, evaluation.values, rows.part
        )

    def load(self, name: str) -> Prediction:
        """Raises KeyError for a name that was not put here."""
        return self._known[name]

    def take(self, name: str) -> Prediction | None:
        """The prediction, which is forgotten; None where there is none."""
        return self._known.pop(name, None)

    def _rows(self, name: str) -> Prediction:
        """Whose rows the predictions on a view are: the same for every program."""
        template = f"rows of {name}"
        if template not in self._known:
            view = next(view for view in self.case.views if view.name == name)
            self._known[template] = rows_of(self.case, view)
        return self._known[template]


def rows_of(case: Case, view: View) -> Prediction:
    """A prediction of zeros on a view: its ids and parts in the order of the store."""
    sample = load_sample(Path(view.path), view.sample, case.spec.ids.columns)
    answers = None
    if view.answers:
        answers = load_answers(Path(view.answers), case.spec)
    zeros = np.zeros((len(sample), len(case.spec.answers.targets)))
    return split_rows(view, sample, answers, zeros)
