"""The measurement of large competitions, on small ones."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmark.__main__ import main
from benchmark.errors import NotRunError
from benchmark.measures import big
from utils import big_csv


def test_many_files_are_made_recognised_and_measured(tmp_path: Path) -> None:
    cost = big.measure_files(tmp_path, 1000)
    made = [path for path in (tmp_path / "data").rglob("*.png")]
    assert (len(made), len({path.name for path in made})) == (1000, 1000)
    assert (cost.what, cost.size, cost.rows, cost.folds) == ("files", 1000, 800, 5)
    links = [
        path
        for path in (tmp_path / "workspace" / "views" / "search0").rglob("*.png")
        if path.is_symlink()
    ]
    assert len(links) == 1000
    assert min(cost.inspect_s, cost.views_s, cost.digest_s) > 0
    assert cost.peak_mb > 40


def test_a_csv_is_as_large_as_asked(tmp_path: Path) -> None:
    cost = big.measure_csv(tmp_path, 3 << 20)
    size = (tmp_path / "data" / "train.csv").stat().st_size
    assert size >= 3 << 20
    assert (cost.what, cost.size) == ("csv", size >> 20)
    with (tmp_path / "data" / "train.csv").open() as file:
        assert sum(1 for _ in file) == cost.rows + 1
    assert size < big_csv.BIG_BYTES


def test_what_does_not_fit_on_the_disk_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotRunError, match="inodes are needed"):
        big.check_disk(tmp_path, 1, 1 << 60)
    monkeypatch.chdir(tmp_path)
    assert (
        main(
            ["big", "--files", "0", "--csv-gb", "1e9", "--dir", str(tmp_path), "--json", "big.json"]
        )
        == 3
    )
    assert capsys.readouterr().err.startswith("NOT RUN: ")
    assert list(tmp_path.iterdir()) == []


def test_the_command_keeps_figures_and_removes_what_it_made(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    kept = tmp_path / "big.json"
    assert (
        main(
            [
                "big",
                "--files",
                "300",
                "--csv-gb",
                "0",
                "--dir",
                str(tmp_path / "made"),
                "--json",
                str(kept),
            ]
        )
        == 0
    )
    assert list((tmp_path / "made").iterdir()) == []
    measured = json.loads(kept.read_text(encoding="utf-8"))
    assert measured["command"] == "python -m benchmark big --files 300 --csv-gb 0"
    assert [cost["size"] for cost in measured["costs"]] == [300]


def test_the_table_shows_both_beside_their_targets() -> None:
    files = dataclasses.asdict(big.BigCost("files", 1_000_000, 800_000, 30, 90, 5.5, 900, 1))
    csv = dataclasses.asdict(big.BigCost("csv", 4768, 30_000_000, 60, 40, 0.001, 1192, 1))
    rows = big.big_table({"costs": [files, csv]}).splitlines()
    assert rows[0] == "| | 1,000,000 files | csv of 4,768 MiB | target |"
    assert "| both, s per 200,000 files | 24.0 | | < 60 |" in rows
    assert "| that in sizes of the table | | 0.25 | < 1.5 |" in rows
