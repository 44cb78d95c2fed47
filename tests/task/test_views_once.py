"""A plan and its views read the tables once, and give what two readings would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from core.records import CompetitionSpec, SplitSpec
from core.task import worker
from core.task.hints import UNSET
from core.task.views import last_source
from core.task.views.build import build_views
from core.task.views.cuts import plan
from core.task.views.last_source import forget, load_once
from core.task.views.source import Source, load
from tests.task.view_cases import animals, contents, numbers
from utils.files import remove
from utils.json_records import from_json, to_json


@pytest.fixture(autouse=True)
def _nothing_is_held() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data folders of which tables were read, in order."""
    folders: list[str] = []

    def counted(spec: CompetitionSpec, neutral_ids: bool = True) -> Source:
        folders.append(spec.data_dir)
        return load(spec, neutral_ids)

    monkeypatch.setattr(last_source, "load", counted)
    return folders


def split_of(spec: CompetitionSpec) -> SplitSpec:
    return from_json(SplitSpec, worker.plan_split(to_json(spec), 3, 1000, to_json(UNSET)))


def test_a_plan_and_its_views_read_once_and_hold_nothing_after(
    tmp_path: Path, reads: list[str]
) -> None:
    spec = numbers(tmp_path / "data")
    split = split_of(spec)
    worker.build_views(to_json(spec), to_json(split), str(tmp_path / "ws"))
    assert reads == [spec.data_dir]
    worker.build_views(to_json(spec), to_json(split), str(tmp_path / "ws"), ["final0"])
    assert reads == [spec.data_dir] * 2


def test_tables_that_changed_are_read_again(tmp_path: Path, reads: list[str]) -> None:
    spec = numbers(tmp_path / "data")
    load_once(spec)
    path = tmp_path / "data" / "train.csv"
    path.write_text(path.read_text() + "20000,0.1000,,1\n")
    assert len(load_once(spec).train) == 61
    load_once(replace(spec, modality="text"))
    load_once(replace(spec, modality="text"), neutral_ids=False)
    assert len(reads) == 4


def test_one_competition_is_held_at_a_time(tmp_path: Path, reads: list[str]) -> None:
    first, second = numbers(tmp_path / "first"), numbers(tmp_path / "second")
    for spec in (first, first, second, first):
        load_once(spec)
    assert reads == [first.data_dir, second.data_dir, first.data_dir]


def test_files_are_listed_anew(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    load_once(spec)
    (tmp_path / "data" / "new.md").write_text("x")
    assert "new.md" in [file.path for file in load_once(spec).files]


def test_a_table_that_is_gone_is_told_as_ever(tmp_path: Path) -> None:
    spec = numbers(tmp_path / "data")
    load_once(spec)
    (tmp_path / "data" / "test.csv").unlink()
    with pytest.raises(Exception, match=r"test\.csv cannot be read as a table"):
        load_once(spec)


@pytest.mark.parametrize(
    "make", [numbers, partial(animals, rows=30, tests=12)], ids=["numbers", "animals"]
)
def test_views_after_a_plan_are_those_of_a_reading_of_their_own(
    tmp_path: Path, make: Callable[[Path], CompetitionSpec]
) -> None:
    spec = make(tmp_path / "data")
    split = plan(load_once(spec), 3, 1000)
    views, why = build_views(spec, split, tmp_path / "after")
    assert_untouched(load_once(spec), load(spec))
    forget()
    alone, told = build_views(spec, split, tmp_path / "alone")
    assert (why, [view.name for view in views]) == (told, [view.name for view in alone])
    for name in ("views", "answers"):
        assert contents(tmp_path / "after" / name) == contents(tmp_path / "alone" / name)
    remove(tmp_path / "after")
    remove(tmp_path / "alone")


def assert_untouched(used: Source, fresh: Source) -> None:
    for field in fields(Source):
        assert_alike(getattr(used, field.name), getattr(fresh, field.name))
    for field in fields(fresh.rows):
        assert_alike(getattr(used.rows, field.name), getattr(fresh.rows, field.name))


def assert_alike(used: object, fresh: object) -> None:
    if isinstance(fresh, pd.DataFrame):
        assert isinstance(used, pd.DataFrame)
        pd.testing.assert_frame_equal(used, fresh)
    elif isinstance(fresh, pd.Series):
        assert isinstance(used, pd.Series)
        pd.testing.assert_series_equal(used, fresh)
    elif hasattr(fresh, "tolist"):
        assert used.tolist() == fresh.tolist()  # type: ignore[attr-defined]
    elif not hasattr(fresh, "usable"):
        assert used == fresh
