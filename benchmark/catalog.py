"""The measures, by the word behind `python -m benchmark`."""

from __future__ import annotations

from benchmark.measure import Measure
from benchmark.measures import (
    big,
    embeddings,
    epochs,
    error_reports,
    faults,
    flaml_runs,
    imports,
    journal_replay,
    overlap,
    peer,
    real_model,
    recorded,
    runs,
    strong,
    whole,
)
from benchmark.study.commands import ABLATE, FILL, SEARCH

MEASURES: tuple[Measure, ...] = (
    runs.MEASURE,
    real_model.MEASURE,
    strong.MEASURE,
    peer.MEASURE,
    recorded.MEASURE,
    overlap.MEASURE,
    journal_replay.MEASURE,
    faults.MEASURE,
    imports.MEASURE,
    error_reports.MEASURE,
    embeddings.MEASURE,
    epochs.MEASURE,
    FILL,
    SEARCH,
    ABLATE,
    whole.MEASURE,
    flaml_runs.MEASURE,
    big.MEASURE,
)
