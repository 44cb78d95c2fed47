"""Large csv files in blocks: the same records as pandas sees, whatever stands in the cells."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from utils import big_csv
from utils.big_csv import BigCsv, is_big

CELLS = [
    "plain",
    "",
    'say "hi"',
    "two\nlines",
    'both\n"of, them"',
    "\u00e9t\u00e9",
    "a,b",
    "  padded ",
]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[BigCsv, pd.DataFrame]:
    """1,000 records; blocks of 700 bytes, so that records are torn everywhere."""
    monkeypatch.setattr(big_csv, "_BLOCK", 700)
    monkeypatch.setattr(big_csv, "BIG_BYTES", 1000)
    monkeypatch.setattr(big_csv, "DRAWN_ROWS", 100)
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(1000)],
            "two\nlined": rng.choice(CELLS, 1000),
            "group": [f"g{i}" for i in rng.integers(0, 60, 1000)],
        },
        dtype=object,
    )
    frame.to_csv(tmp_path / "big.csv", index=False)
    return BigCsv(tmp_path / "big.csv", ",", "utf-8"), frame


def read(raw: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False)


def test_records_are_those_of_pandas(table: tuple[BigCsv, pd.DataFrame]) -> None:
    big, frame = table
    assert big.count == 1000
    numbers = big.draw(3)
    assert len(numbers) == 100
    assert big.rows(numbers).to_numpy().tolist() == frame.iloc[numbers].to_numpy().tolist()
    assert big.rows(numbers, ["id"])["id"].tolist() == frame["id"].iloc[numbers].tolist()
    assert (big.draw(3) == numbers).all()


EVERYTHING = list(range(1000))


@pytest.mark.parametrize(
    "dropped", [[], [0], [999], [0, 1, 2, 500, 998, 999], EVERYTHING[::2], EVERYTHING]
)
def test_a_copy_without_some_records_keeps_the_bytes_of_the_others(
    table: tuple[BigCsv, pd.DataFrame], dropped: list[int]
) -> None:
    big, frame = table
    out = io.BytesIO()
    big.copy_without(np.array(dropped, dtype=np.int64), out)
    kept = frame.drop(index=dropped)
    assert read(out.getvalue()).to_numpy().tolist() == kept.to_numpy().tolist()
    if not dropped:
        assert out.getvalue() == big.path.read_bytes()


def test_groups_are_drawn_whole(table: tuple[BigCsv, pd.DataFrame]) -> None:
    big, frame = table
    numbers = big.draw_groups("group")
    drawn = set(frame["group"].iloc[numbers])
    assert 50 < len(numbers) <= 100
    assert len(numbers) == int(frame["group"].isin(drawn).sum())


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blank_lines_and_a_missing_last_newline(tmp_path: Path, newline: str, end: str) -> None:
    lines = ["id,a", "1,x", "", "2,y", "", "", "3,z"]
    (tmp_path / "a.csv").write_bytes((newline.join(lines) + end).encode())
    big = BigCsv(tmp_path / "a.csv", ",", "utf-8")
    assert big.count == 3
    assert big.rows(np.array([1]))["id"].tolist() == ["2"]
    out = io.BytesIO()
    big.copy_without(np.array([1]), out)
    assert read(out.getvalue())["id"].tolist() == ["1", "3"]


def test_what_counts_as_big(table: tuple[BigCsv, pd.DataFrame], tmp_path: Path) -> None:
    big, _ = table
    (tmp_path / "small.csv").write_text("id\n1\n")
    assert is_big(big.path, "csv", "utf-8", None)
    assert not is_big(big.path, "csv", "utf-16", None)
    assert not is_big(big.path, "csv", "utf-8", "inner.csv")
    assert not is_big(tmp_path / "small.csv", "csv", "utf-8", None)
