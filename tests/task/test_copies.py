"""Several files of one row: each of them has its own place in a view, or none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from core.records import CompetitionSpec, FilesById
from tests.task.view_cases import answers, built, put_file, save, spec_of, table


def copies(folder: Path) -> CompetitionSpec:
    """Images of train in two sizes."""
    ids = [f"{i * 7919 % 100003:05x}" for i in range(60)]
    places = ("train", "train_512")
    for i, name in enumerate(ids):
        for place in places if i < 40 else ("test",):
            put_file(folder / place / f"{name}.jpg", f"{place} {name}", 1_600_000_000)
    spec = spec_of(folder, test=None, modality="image", files=FilesById(places, ("test",), ".jpg"))
    train = pd.DataFrame({"id": ids[:40], "target": ["0", "1"] * 20})
    save(spec, train, None, pd.DataFrame({"id": ids[40:], "target": "0"}))
    return spec


def test_of_several_copies_of_an_image_one_stands_among_the_test_files(tmp_path: Path) -> None:
    spec = copies(tmp_path / "data")
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    held = set(answers(view)["ids"][:, 0])
    for name in held:
        assert Path(view.path, "test", f"{name}.jpg").read_text() == f"train {name}"
    for place in ("train", "train_512"):
        assert not held & {path.stem for path in Path(view.path, place).iterdir()}
    assert len(list(Path(view.path, "test").iterdir())) == 20 + len(held)
    assert len(list(Path(view.path, "train_512").iterdir())) == 40 - len(held)


@pytest.mark.parametrize("count", [10, 40])
def test_images_of_train_that_stand_among_those_of_test_as_well(tmp_path: Path, count: int) -> None:
    """A place is taken once, and nothing is written through a link that stands there."""
    spec = copies(tmp_path / "data")
    names = table(spec, None, "train")["id"][:count]
    for name in names:
        shutil.copy(tmp_path / "data" / "train_512" / f"{name}.jpg", tmp_path / "data" / "test")
    views = built(spec, tmp_path / "ws", ["search0", "search1"])
    for view in views.values():
        held = set(answers(view)["ids"][:, 0])
        assert held & set(names)
        shown = {path.stem: path.read_text() for path in Path(view.path, "train").iterdir()}
        assert shown == {name: f"train {name}" for name in table(spec, view, "train")["id"]}
        assert all(
            Path(view.path, "test", f"{name}.jpg").read_text() == f"train {name}" for name in held
        )
