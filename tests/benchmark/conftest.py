"""Small made-up competitions: the pack without any data package."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.competitions import references
from benchmark.competitions.classification import CHURN
from benchmark.competitions.competition import Competition

MadeOf = Callable[[Competition, pd.DataFrame], Competition]


@pytest.fixture
def provenance_of(monkeypatch: pytest.MonkeyPatch) -> MadeOf:
    """Puts other data into a competition, and leaves the first of its reference models."""

    def change(competition: Competition, frame: pd.DataFrame) -> Competition:
        quick = dict(list(references.REFERENCES[competition.kind].items())[:1])
        monkeypatch.setitem(references.REFERENCES, competition.kind, quick)

        def load(cache: Path) -> pd.DataFrame:
            return frame.copy()

        return dataclasses.replace(competition, load=load)

    return change


@pytest.fixture
def small(provenance_of: MadeOf) -> Competition:
    """Churn on 300 rows."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"tenure": rng.normal(size=300), "contract": rng.choice(["a", "b"], 300)})
    frame["churn"] = (frame["tenure"] + rng.normal(size=300) > 0).astype(int)
    return provenance_of(CHURN, frame)
