"""The judging worker: answers core.judging.service over JSON lines. Runs in a worker process.

Every call names the competition (`spec`: path of its JSON file) and the folder of predictions
(`store`), so that a worker that was started again needs nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.blending import is_voted
from core.judging import agreement, blend, compare, leaks, score_cases, scorer
from core.judging import greedy as selection
from core.judging import suspicion as suspicions
from core.judging.metrics import Metric
from core.judging.residuals import report, rivals
from core.judging.samples import official_sample
from core.judging.store import Store
from core.judging.submission import check_file as check_submission
from core.judging.values import is_text
from core.records import CompetitionSpec, View
from utils.json_records import from_json, to_json
from utils.process import serve

JsonParts = list[tuple[list[str], float]]


def judge(
    spec: str, store: str, view: dict[str, Any], submission: str, name: str
) -> dict[str, Any]:
    kept = _store(store)
    return asdict(scorer.judge(_spec(spec), from_json(View, view), Path(submission), kept, name))


def p_better(spec: str, store: str, challenger: list[str], incumbent: list[str]) -> float | None:
    competition = _spec(spec)
    pairs = blend.pairs(competition, challenger, incumbent, _store(store))
    return compare.p_better(Metric.of(competition), pairs)


def suspicion(
    spec: str, store: str, names: list[str], rivals: list[list[str]]
) -> dict[str, Any] | None:
    found = suspicions.suspicion(_spec(spec), names, rivals, _store(store))
    if found is None:
        return None
    made: dict[str, Any] = to_json(found)
    return made


def combine(spec: str, store: str, parts: JsonParts, how: str, out_csv: str) -> dict[str, Any]:
    rows, sha256 = blend.combine(_spec(spec), parts, how, Path(out_csv), _store(store))
    return {"rows": rows, "sha256": sha256}


def score_blend(spec: str, store: str, parts: JsonParts, how: str, part: str) -> list[float | None]:
    return list(blend.score_blend(_spec(spec), parts, how, part, _store(store)))


def greedy(spec: str, store: str, candidates: list[tuple[str, list[str]]]) -> dict[str, Any] | None:
    found = selection.greedy(_spec(spec), candidates, _store(store))
    if found is None:
        return None
    return asdict(found)


def agree(spec: str, store: str, a: JsonParts, b: JsonParts, how: str) -> list[float]:
    competition = _spec(spec)
    sample = official_sample(competition)
    first = blend.official_values(competition, a, how, sample, _store(store))
    second = blend.official_values(competition, b, how, sample, _store(store))
    if is_text(competition) or is_voted(competition):
        return list(agreement.labels_agree(first, second))
    return list(agreement.numbers_agree(first, second))


def error_correlation(spec: str, store: str, a: list[str], b: list[str]) -> float | None:
    return rivals.error_correlation(_spec(spec), a, b, _store(store))


def error_report(
    spec: str, store: str, names: list[str], views: list[dict[str, Any]]
) -> dict[str, Any] | None:
    shown = [from_json(View, view) for view in views]
    found = report.error_report(_spec(spec), names, shown, _store(store))
    if found is None:
        return None
    made: dict[str, Any] = to_json(found)
    return made


def check_file(spec: str, store: str, path: str) -> dict[str, Any]:
    competition = _spec(spec)
    checked = check_submission(Path(path), official_sample(competition), competition)
    return {"reasons": checked.reasons, "warnings": checked.warnings}


def trial_cases(spec: str, store: str, folder: str) -> list[dict[str, Any]]:
    return score_cases.trial_cases(_spec(spec), Path(folder))


def kept_cases(
    spec: str, store: str, parts: JsonParts, how: str, part: str, folder: str
) -> list[dict[str, Any]]:
    return score_cases.kept_cases(_spec(spec), parts, how, part, _store(store), Path(folder))


def leak_warnings(spec: str, store: str) -> list[str]:
    return leaks.leak_warnings(_spec(spec))


@lru_cache(maxsize=2)
def _store(folder: str) -> Store:
    return Store(Path(folder))


def _spec(path: str) -> CompetitionSpec:
    return _read_spec(path, Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_spec(path: str, _stamp: int) -> CompetitionSpec:
    return from_json(CompetitionSpec, json.loads(Path(path).read_text(encoding="utf-8")))


METHODS: dict[str, Callable[..., Any]] = {
    "judge": judge,
    "p_better": p_better,
    "suspicion": suspicion,
    "combine": combine,
    "score_blend": score_blend,
    "greedy": greedy,
    "agree": agree,
    "error_correlation": error_correlation,
    "error_report": error_report,
    "check_file": check_file,
    "leak_warnings": leak_warnings,
    "trial_cases": trial_cases,
    "kept_cases": kept_cases,
}

if __name__ == "__main__":
    serve(METHODS)
