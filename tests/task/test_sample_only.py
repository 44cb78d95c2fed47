"""Folders of which only the sample submission is understood."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.task.folder.inventory import list_files
from core.task.hints import NO_HINTS, Hints
from core.task.look.collect import look
from core.task.look.first_lines import first_lines
from core.task.preview_text import preview_text
from core.task.recognise.sample_only import bare_split, bare_view, inspect_bare
from core.task.recognise.spec import inspect_competition
from core.task.views.written_tables import turn_rows
from tests.shapes.unforeseen import UNFORESEEN, build
from utils.errors import ConfigError, SpecError

EXPECTED = {
    "database": (("id",), ("y",), "roc_auc", "probability"),
    "truth_per_folder": (("tripId", "time"), ("latitude", "longitude"), "rmse", "real"),
    "nested_answers": (("example_id",), ("PredictionString",), "f1_micro", "list"),
    "only_a_sample": (("id",), ("value",), "rmse", "real"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_sample_says_what_is_asked(name: str, tmp_path: Path) -> None:
    root = build(name, tmp_path).public
    text = (root / "description.md").read_text()
    with pytest.raises(SpecError):
        inspect_competition(root, text, NO_HINTS, tmp_path / "run")
    spec = inspect_bare(root, text, NO_HINTS, tmp_path / "run", "nobody knows")
    assert (spec.ids.columns, spec.answers.targets, spec.metric.name, spec.value_kind) == EXPECTED[
        name
    ]
    assert spec.tables.train is spec.tables.test is None
    split, view = bare_split(spec, 3), bare_view(spec)
    assert (split.kind, split.folds, split.why) == ("none", 0, "nobody knows")
    assert (view.kind, view.answers, view.rows_test) == ("full", None, spec.tables.rows_test)
    assert Path(view.path) == root.resolve()


def test_overrides_hold(tmp_path: Path) -> None:
    root = build("truth_per_folder", tmp_path).public
    spec = inspect_bare(
        root, "", Hints.of(target_columns=("longitude",), metric="mae"), None, "unknown"
    )
    assert (spec.ids.columns, spec.answers.targets) == (
        ("tripId", "time", "latitude"),
        ("longitude",),
    )
    assert spec.metric.name == "mae"
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "readme.txt").write_text("later")
    with pytest.raises(SpecError, match="unknown"):
        inspect_bare(tmp_path / "nothing", "", NO_HINTS, None, "unknown")


def test_archives_are_unpacked(tmp_path: Path) -> None:
    root = build("database", tmp_path).public
    with zipfile.ZipFile(root / "data.zip", "w") as archive:
        archive.write(root / "data.sqlite", "data.sqlite")
    (root / "data.sqlite").unlink()
    spec = inspect_bare(root, "", NO_HINTS, tmp_path / "run", "unknown")
    assert (Path(spec.data_dir) / "data.sqlite").is_file()
    assert spec.original_dir == str(root)
    assert bare_view(spec).readable == (str(root.resolve()),)


def test_how_files_begin(tmp_path: Path) -> None:
    for name in UNFORESEEN:
        root = build(name, tmp_path / name).public
        assert all(
            len(line) <= 200 and "\n" not in line for line in first_lines(root, list_files(root))
        )
    text = preview_text(
        look(inspect_bare(tmp_path / "database" / "public", "", NO_HINTS, None, "unknown"))
    )
    assert "create table train (id integer, a real, y integer)" in text.lower()
    text = preview_text(
        look(inspect_bare(tmp_path / "truth_per_folder" / "public", "", NO_HINTS, None, "unknown"))
    )
    assert "ground_truth.csv and 5 like it begins:" in text
    assert "time,latitude,longitude" in text


def test_turned_rows(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (root / "deep").mkdir(parents=True)
    (root / "a.csv").write_text('id,x\n1,"two\nlines"\n2,b\n')
    (root / "deep" / "b.jsonl").write_text('{"a": 1}\n{"a": 2}')
    (root / "c.tsv").write_bytes(b"\xff\xfe\x00")
    (root / "d.txt").write_text("1\n2\n")
    turn_rows(root, tmp_path / "turned")
    assert (tmp_path / "turned" / "a.csv").read_text().split("\n", 2)[:2] == ["id,x", "2,b"]
    lines = (tmp_path / "turned" / "deep" / "b.jsonl").read_text().splitlines()
    assert [json.loads(line)["a"] for line in lines] == [2, 1]
    for name in ("c.tsv", "d.txt"):
        assert (tmp_path / "turned" / name).is_symlink()
        assert (tmp_path / "turned" / name).read_bytes() == (root / name).read_bytes()


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    root = build("database", tmp_path).public
    with pytest.raises((SpecError, ConfigError)):
        inspect_bare(root, "", Hints.of(target_columns=("z",)), None, "unknown")
