"""Calls a generated `score` on pairs of files, in the box: beside it lie score.py, plan.json and
the files.

plan.json: {"ids": number of id columns, which come first, "cases": [{"answers", "submission",
"units", "draws"}]}. units: of each answers row; the n-th of `draws` further values leaves out the
rows of unit n. Writes results.json: [{"values": the value of the whole, then of each draw; None
where there is none, "error": text}].
"""

from __future__ import annotations

import csv
import importlib
import json
import math
from collections.abc import Callable
from typing import Any

_ERROR_CHARS = 200


def main() -> None:
    with open("plan.json", encoding="utf-8") as file:  # noqa: PTH123
        plan = json.load(file)
    score = importlib.import_module("score").score
    results = [_case(score, case, plan["ids"]) for case in plan["cases"]]
    with open("results.json", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(results, file)


def _case(score: Callable[[str, str], float], case: dict[str, Any], ids: int) -> dict[str, Any]:
    try:
        values = [_value(score(case["answers"], case["submission"]))]
        for draw in range(case["draws"]):
            _leave_out(case, ids, draw)
            values.append(_value(score("answers.part.csv", "submission.part.csv")))
    except Exception as error:
        return {"values": [], "error": f"{type(error).__name__}: {error}"[:_ERROR_CHARS]}
    return {"values": values, "error": ""}


def _value(value: float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _leave_out(case: dict[str, Any], ids: int, draw: int) -> None:
    """Writes both files without the rows of one unit."""
    header, rows = _read(case["answers"])
    others = [row for row, unit in zip(rows, case["units"], strict=True) if unit != draw]
    _write("answers.part.csv", header, others)
    wanted = {tuple(row[:ids]) for row in others}
    header, rows = _read(case["submission"])
    _write("submission.part.csv", header, [row for row in rows if tuple(row[:ids]) in wanted])


def _read(path: str) -> tuple[list[str], list[list[str]]]:
    with open(path, encoding="utf-8", newline="") as file:  # noqa: PTH123
        header, *rows = csv.reader(file)
    return header, rows


def _write(path: str, header: list[str], rows: list[list[str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main()
