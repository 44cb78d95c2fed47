"""Private scores: what the official test rows say, which no policy sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.competitions import grading
from benchmark.study.case import Case
from core.judging.compare import HeldTruth, standard_error
from core.judging.metrics import Metric
from core.judging.statistic import Array


@dataclass(frozen=True, slots=True)
class Private:
    """The answers to the official test rows, in the order of the official sample."""

    case: Case
    answers: pd.DataFrame

    @classmethod
    def of(cls, case: Case) -> Private:
        return cls(case, pd.read_csv(case.private))

    def score(self, values: Array) -> float:
        """values: [rows, target columns]."""
        return grading.score(self.case.competition, self.answers, values[:, 0])

    def stderr(self, values: Array) -> float:
        """Standard error of the score, from the rows that it is a mean over."""
        truth = self.answers[[self.case.competition.target]].to_numpy()
        if self.case.spec.value_kind == "label":
            return self._stderr_of_shares(values)
        found = standard_error(
            Metric.of(self.case.spec), HeldTruth(truth.astype(float)), values.astype(float)
        )
        if found is None:
            return float("nan")
        return found

    def _stderr_of_shares(self, values: Array) -> float:
        """Of an accuracy."""
        share = self.score(values)
        return float(np.sqrt(share * (1 - share) / len(values)))
