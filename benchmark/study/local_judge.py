"""The judge of the product in this process: its arithmetic, its records, but no helper process and
no files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.study.evaluations import KnownPredictions
from core.blending import is_voted
from core.judging import agreement, blend, compare, greedy, scorer
from core.judging.metrics import Metric
from core.judging.samples import official_sample
from core.judging.service import HoldoutJudge
from core.judging.statistic import Array
from core.judging.values import is_text
from core.records import CompetitionSpec, View
from utils.json_records import from_json
from utils.process import WorkerProcess

Members = list[tuple[list[str], float]]


class LocalWorker(WorkerProcess):
    """Answers what core.judging.service asks as core.judging.worker does, and remembers it.

    All answers but verdicts are functions of kept predictions, and policies ask the same again and
    again.
    """

    def __init__(self, spec: CompetitionSpec, store: KnownPredictions) -> None:
        super().__init__("core.judging.worker")
        self._spec = spec
        self._store = store
        self._answers: dict[str, Any] = {}
        self._official: dict[str, Array] = {}

    def call(
        self, method: str, *, timeout: float = 600.0, spec: str = "", store: str = "", **params: Any
    ) -> Any:
        answer: Callable[..., Any] = getattr(self, f"_{method}")
        if method == "judge":
            return answer(**params)
        key = json.dumps([method, params])
        if key not in self._answers:
            self._answers[key] = answer(**params)
        return self._answers[key]

    def official(self, parts: Members, how: str) -> Array:
        """Predictions of a blend for the official test rows, in the order of the official sample."""
        key = json.dumps([parts, how])
        if key not in self._official:
            sample = official_sample(self._spec)
            self._official[key] = blend.official_values(self._spec, parts, how, sample, self._store)
        return self._official[key]

    def _judge(self, view: dict[str, Any], submission: str, name: str) -> dict[str, Any]:
        return asdict(
            scorer.judge(self._spec, from_json(View, view), Path(submission), self._store, name)
        )

    def _p_better(self, challenger: list[str], incumbent: list[str]) -> float | None:
        pairs = blend.pairs(self._spec, challenger, incumbent, self._store)
        return compare.p_better(Metric.of(self._spec), pairs)

    def _score_blend(self, parts: Members, how: str, part: str) -> list[float | None]:
        return list(blend.score_blend(self._spec, parts, how, part, self._store))

    def _greedy(self, candidates: list[tuple[str, list[str]]]) -> dict[str, Any] | None:
        found = greedy.greedy(self._spec, candidates, self._store)
        if found is None:
            return None
        return asdict(found)

    def _agree(self, a: Members, b: Members, how: str) -> list[float]:
        first, second = self.official(a, how), self.official(b, how)
        if is_text(self._spec) or is_voted(self._spec):
            return list(agreement.labels_agree(first, second))
        return list(agreement.numbers_agree(first, second))


def local_judge(
    spec: CompetitionSpec, store: KnownPredictions, folder: Path
) -> tuple[HoldoutJudge, LocalWorker]:
    """The judge and what answers it. folder: takes the judge's file about the competition."""
    worker = LocalWorker(spec, store)
    return partial(HoldoutJudge, worker=worker)(spec, folder), worker
