"""Submissions that are made to cost: wide, long and deep ones are refused before they are parsed, and
what remains costs in proportion to the file.
"""

from __future__ import annotations

import re
import time
import tracemalloc
from pathlib import Path

import pytest

from core.judging.samples import load_sample
from core.judging.submission import CheckedSubmission, check_bytes
from core.records import TableFile
from tests.judging.arena import make_spec

SAMPLE = "id,target\na,0\nb,0\nc,0\n"


def checked(content: str, tmp_path: Path) -> CheckedSubmission:
    path = tmp_path / "sample.csv"
    path.write_text(SAMPLE)
    sample = load_sample(tmp_path, TableFile("sample.csv"), ("id",))
    return check_bytes(content.encode(), sample, make_spec("rmse"))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("id,target" + "," * 100_000 + "\na,0\nb,0\nc,0\n", "columns"),
        ("id,target\na,0\nb,0\nc,0" + "," * 100_000 + "\n", "columns"),
        ("id,target\na,0\rb,0\rc,0" + "," * 100_000 + "\r", "columns"),
        ("id,target\n" + "a,0\n" * 200_000, "lines"),
        ("\n" * 500_000, "empty"),
        ("\n" * 500_000 + SAMPLE, "lines"),
        # One cell, longer than csv reads unless somebody allowed more in this process; or no wanted column.
        (";" * 3_000_000 + "\n" + SAMPLE, "the header cannot be read|columns missing"),
        ("id,target\n" + "x" * 1_000_000 + ",0\nb,0\nc,0\n", "ids are"),
        ("id,target\n" + "1" * 1_000_000 + ",0\nb,0\nc,0\n", "ids are"),
    ],
)
def test_a_file_that_is_made_to_cost_is_refused_for_little(
    content: str, why: str, tmp_path: Path
) -> None:
    checked(SAMPLE, tmp_path)
    tracemalloc.start()
    begun = time.process_time()
    try:
        found = checked(content, tmp_path)
        spent = time.process_time() - begun
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.values is None
    assert any(re.search(why, reason) for reason in found.reasons), found.reasons
    assert all(len(reason) < 400 for reason in found.reasons)
    assert peak < (2 << 20) + 20 * len(content)
    assert spent < 3.0


def test_one_long_cell_is_not_multiplied_by_the_rows(tmp_path: Path) -> None:
    rows = [f"r{row}" for row in range(1_000)]
    (tmp_path / "sample.csv").write_text("id,target\n" + "".join(f"{row},0\n" for row in rows))
    sample = load_sample(tmp_path, TableFile("sample.csv"), ("id",))
    ids = ["x" * 400_000, *rows[1:]]
    content = "id,target\n" + "".join(f"{row},1\n" for row in ids)
    tracemalloc.start()
    try:
        found = check_bytes(content.encode(), sample, make_spec("rmse"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "1 of 1000 ids are missing" in found.reasons[0]
    assert peak < 60 << 20


def test_a_few_surplus_columns_and_rows_are_judged_as_before(tmp_path: Path) -> None:
    wide = "id,target" + "".join(f",c{i}" for i in range(100)) + "\n"
    content = wide + "".join(f"{row},1" + ",0" * 100 + "\n" for row in "abc")
    found = checked(content, tmp_path)
    assert found.values is not None
    assert "100 surplus columns dropped" in found.warnings[0]


def test_names_of_columns_bring_no_escapes_into_a_reason(tmp_path: Path) -> None:
    found = checked("id,\x1b]0;title\x07\x1b[31mred\u202e\na,0\n", tmp_path)
    assert found.reasons == ("1 columns missing: target; the file has id, red",)
