"""Recipes on what is no plain table: JSON, ids of several columns, texts as answers, images as
answers, recordings.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agents.recipes import catalog
from agents.recipes.assemble import program_text
from agents.recipes.problem import problem_of
from agents.recipes.space import Space
from core.records import CompetitionSpec, FilesById, PixelRows, TableFile
from core.task.hints import NO_HINTS
from tests.agents.test_recipe_programs import PACKAGES, covering_recipes
from tests.shapes.writing import aiff_bytes, image_bytes, wav_bytes

pytestmark = pytest.mark.whole


def run_drafts(
    tools: Any, tmp_path: Path, spec: CompetitionSpec, most: int = 1
) -> list[pd.DataFrame]:
    problem = problem_of(spec)
    drafts = Space(problem, PACKAGES).drafts()[:most]
    programs = {f"draft{i}": program_text(draft, problem) for i, draft in enumerate(drafts)}
    return list(tools.run_many(tmp_path, programs, spec).values())


def test_json_records_with_lists_and_truth_values(tools: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": f"r{i}",
            "groups": ["a"] * int(rng.integers(3)),
            "age": float(rng.normal()),
            "odd": None,
        }
        for i in range(160)
    ]
    for row in rows[:120]:
        row["won"] = bool(row["age"] > 0)
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.json").write_text(json.dumps(rows[:120]))
    with zipfile.ZipFile(data / "test.zip", "w") as archive:
        archive.writestr("test.jsonl", "\n".join(json.dumps(row) for row in rows[120:]))
    tools_sample(data, [row["id"] for row in rows[120:]], {"won": 0})
    spec = tools.make_spec(
        data,
        train=TableFile("train.json", "json"),
        test=TableFile("test.zip", "jsonl", member="test.jsonl"),
        target_columns=("won",),
        label_columns=("won",),
        classes=("False", "True"),
        feature_columns=("groups", "age", "odd"),
    )
    (found,) = run_drafts(tools, tmp_path, spec)
    won = np.array([row["age"] for row in rows[120:]]) > 0
    assert found["won"][won].min() > found["won"][~won].max()


def tools_sample(data: Path, ids: list[Any], targets: dict[str, Any]) -> None:
    pd.DataFrame({"id": ids} | targets).to_csv(data / "sample_submission.csv", index=False)


@pytest.mark.parametrize("suffix", [".csv", ".csv.zip"])
def test_words_for_missing_values_are_labels_like_others(
    tools: Any, tmp_path: Path, suffix: str
) -> None:
    """pandas takes them for gaps, whatever it is told about the type of the column."""
    data = tmp_path / "data"
    data.mkdir()
    table = pd.DataFrame({"id": range(120), "x": np.arange(120) % 3})
    words = np.array(["None", "NA", "null"])[table["x"]]
    table.assign(y=words).to_csv(data / f"train{suffix}", index=False)
    table[::2].to_csv(data / "test.csv", index=False)
    tools_sample(data, list(table["id"][::2]), {"y": "NA"})
    member = "train.csv" if suffix.endswith("zip") else None
    train = TableFile(f"train{suffix}", member=member)
    spec = tools.make_spec(data, "accuracy", train=train, classes=("NA", "None", "null"))
    problem = problem_of(spec)
    assert problem.plain == (member is None)
    program = program_text(Space(problem, PACKAGES).drafts()[0], problem) + "assert len(Y) == 120\n"
    tools.run_many(tmp_path, {"words": program}, spec)
    submission = tmp_path / "runs" / "words" / "submission" / "submission.csv"
    assert list(pd.read_csv(submission, keep_default_na=False)["y"]) == list(words[::2])


def spoken(rows: int, start: int) -> pd.DataFrame:
    """Known words stay, numbers are spelled, `st` is a street after a name and a saint before one."""
    names, digits = (
        ["Main", "Paul", "Rosa"],
        "zero one two three four five six seven eight nine".split(),
    )
    table = []
    for s in range(rows):
        number, name, new = str(start + s), names[s % 3], f"Word{start + s}x"
        told = " ".join(digits[int(digit)] for digit in number)
        saint = [("st", "saint"), (name, name)] if s % 2 else [(name, name), ("st", "street")]
        table += [
            (s, t, *pair)
            for t, pair in enumerate([*saint, (number, told), (new, new), ("NA", "NA")])
        ]
    return pd.DataFrame(table, columns=["s", "t", "before", "after"])


def test_texts_are_remembered_with_their_neighbours_and_new_ones_follow_a_rule(
    tools: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    train, test = spoken(60, 100), spoken(20, 500)
    train.sample(frac=1, random_state=0).to_csv(data / "train.csv", index=False)
    test.drop(columns="after").to_csv(data / "test.csv", index=False)
    tools_sample(
        data, list(test["s"].astype(str) + "_" + test["t"].astype(str)), {"after": test["before"]}
    )
    spec = tools.make_spec(
        data,
        "accuracy",
        value_kind="text",
        classes=(),
        target_columns=("after",),
        label_columns=("after",),
        feature_columns=("before",),
        id_parts=("s", "t"),
    )
    problem = problem_of(spec)
    assert (problem.modality, problem.task) == ("texts", "texts")
    programs = {
        name: program_text(recipe, problem) for name, recipe in covering_recipes(problem).items()
    }
    assert len(programs) >= 3
    tools.run_many(tmp_path, programs, spec)
    for name in programs:
        submission = tmp_path / "runs" / name / "submission" / "submission.csv"
        found = pd.read_csv(submission, keep_default_na=False)["after"]
        assert (found == test["after"]).mean() > 0.95, name


@pytest.mark.parametrize("kind", ["list", "mask"])
def test_masks_and_lists_without_anything_else_get_the_commonest_answer(
    tools: Any, tmp_path: Path, kind: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    answers = ["1 5", "1 5", "2 3"] * 20
    pd.DataFrame({"id": range(60), "y": answers}).to_csv(data / "train.csv", index=False)
    tools_sample(data, list(range(100, 110)), {"y": ""})
    spec = tools.make_spec(data, "accuracy", value_kind=kind, classes=(), test=None)
    drafts = run_drafts(tools, tmp_path, spec, most=2)
    assert len(drafts) == (2 if kind == "mask" else 1)
    assert all(set(found["y"]) == {"1 5"} for found in drafts)


def test_masks_are_the_mean_of_those_of_images_of_the_same_size(tools: Any, tmp_path: Path) -> None:
    """Empty masks count, an image of a new size gets what is masked in most others, cut off at its
    end.
    """
    data = tmp_path / "data"
    for part in ("train", "test"):
        (data / part).mkdir(parents=True)
    small, large = ["3 4", "3 6", "4 5", ""], ["20 30", "25 30", "10 50"]
    for i, (height, cell) in enumerate(
        [*((4, cell) for cell in small), *((10, cell) for cell in large)]
    ):
        Image.new("L", (5 if height == 4 else 10, height)).save(data / "train" / f"{i}.png")
        with (data / "train.csv").open("a") as file:
            file.write(("id,rle\n" if not i else "") + f"{i},{cell}\n")
    for name, size in (("a", (5, 4)), ("b", (10, 10)), ("c", (4, 2))):
        Image.new("L", size).save(data / "test" / f"{name}.png")
    tools_sample(data, ["a", "b", "c"], {"rle": ""})
    names, places = ("rle",), FilesById(("train",), ("test",), ".png")
    more = {"target_columns": names, "label_columns": names, "test": None, "classes": ()}
    spec = tools.make_spec(data, "dice", value_kind="mask", modality="image", files=places, **more)
    found = run_drafts(tools, tmp_path, spec)[0].set_index("id")["rle"]
    assert found["a"] in ("3 5", "3 6", "4 5", "4 3", "3 4")
    assert found["b"] in ("20 30", "20 35", "25 25")
    assert all(int(start) + int(length) <= 9 for start, length in [str(found["c"]).split()[:2]])


def test_masks_of_images_and_classes_are_the_mean_of_each_class(tools: Any, tmp_path: Path) -> None:
    data, rows = tmp_path / "data", []
    for part, names in (("train", "abc"), ("test", "xy")):
        (data / part).mkdir(parents=True)
        for name in names:
            Image.new("L", (5, 4)).save(data / part / f"{name}.png")
            rows += [
                (f"{name}_{kind}", name, kind, cell)
                for kind, cell in (("sky", "2 3"), ("sea", "11 3"), ("sun", "-"))
            ]
    every = pd.DataFrame(rows, columns=["id", "item", "class", "rle"])
    every[:9].to_csv(data / "train.csv", index=False)
    every[9:].drop(columns="rle").to_csv(data / "test.csv", index=False)
    tools_sample(data, list(every["id"][9:]), {"rle": ""})
    names, places = ("rle",), FilesById(("train",), ("test",), ".png")
    more = {
        "target_columns": names,
        "label_columns": names,
        "classes": (),
        "feature_columns": ("item", "class"),
    }
    spec = tools.make_spec(data, "dice", value_kind="mask", modality="image", files=places, **more)
    assert run_drafts(tools, tmp_path, spec)[0]["rle"].tolist() == ["2 3", "11 3", "-"] * 2


def test_pixels_come_back_clean(tools: Any, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(0), tmp_path / "data"
    sample, truth = [], []
    for i in range(9):
        clean = (rng.random((16, 20)) < 0.7).astype(float)
        dirty = 0.2 + 0.6 * clean + 0.1 * np.sin(np.arange(20) / 4)
        part = "train" if i < 7 else "test"
        for folder, pixels in ((part, dirty), ("clean", clean)):
            (data / folder).mkdir(parents=True, exist_ok=True)
            if part == "train" or folder == "test":
                (data / folder / f"{i}.png").write_bytes(image_bytes(pixels, "png"))
        if part == "test":
            sample += [f"{i}_{r + 1}_{c + 1}" for r in range(16) for c in range(20)]
            truth += list(clean.ravel())
    order = rng.permutation(len(sample))
    tools_sample(data, list(np.array(sample)[order]), {"y": 1})
    pd.DataFrame({"id": range(7), "truth": [f"clean/{i}.png" for i in range(7)]}).to_csv(
        data / "t.csv", index=False
    )
    spec = tools.make_spec(
        data,
        "rmse",
        modality="image",
        train=TableFile("t.csv"),
        test=None,
        label_columns=("truth",),
        files=FilesById(("train",), ("test",), ".png"),
        pixels=PixelRows("_", 1, 255.0, "clean"),
        rows_train=7,
    )
    for found in run_drafts(tools, tmp_path, spec, most=2):
        assert np.sqrt(np.mean((found["y"] - np.array(truth)[order]) ** 2)) < 0.2


def test_recordings_are_told_apart_in_both_formats(tools: Any, tmp_path: Path) -> None:
    rng, data = np.random.default_rng(0), tmp_path / "data"
    answers = rng.integers(0, 2, 80)
    for i, high in enumerate(answers):
        tone = np.sin(np.arange(4000) * (0.9 if high else 0.3)) * 0.2 + rng.normal(0, 0.1, 4000)
        place = data / ("train" if i < 60 else "test")
        place.mkdir(parents=True, exist_ok=True)
        raw = b"no sound" if i == 7 else wav_bytes(tone) if i % 2 else aiff_bytes(tone)
        (place / f"{i:05d}.{'wav' if i % 2 else 'aif'}").write_bytes(raw)
    folder = tools.write_folder(
        data, pd.DataFrame(index=range(80)), pd.DataFrame({"y": answers}), test_rows=20
    )
    spec = tools.make_spec(
        folder, modality="audio", files=FilesById(("train",), ("test",), ".wav"), rows_train=60
    )
    (found,) = run_drafts(tools, tmp_path, spec)
    positive = found["id"].astype(int).map(dict(enumerate(answers))) == 1
    assert found["y"][positive].min() > found["y"][~positive].max()


def test_the_columns_of_a_table_join_the_images(tools: Any, tmp_path: Path) -> None:
    """The images say nothing; a column of both tables tells all."""
    data = tmp_path / "data"
    for i in range(80):
        place = data / ("train" if i < 60 else "test")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:05d}.png").write_bytes(
            image_bytes(np.random.default_rng(i).random((8, 8)), "png")
        )
    number = np.random.default_rng(1).normal(size=80)
    table = pd.DataFrame({"age": number, "sex": np.where(number > 1, "m", "f")})
    folder = tools.write_folder(
        data, table, pd.DataFrame({"y": (number > 0).astype(int)}), test_rows=20
    )
    files = FilesById(("train",), ("test",), ".png")
    spec = tools.make_spec(
        folder, modality="image", files=files, feature_columns=("age", "sex"), rows_train=60
    )
    problem = problem_of(spec)
    draft = next(
        item
        for item in Space(problem, PACKAGES).drafts()
        if item.at("MODEL").fragment == "model_lightgbm"
    )
    found = tools.run_many(tmp_path, {"joined": program_text(draft, problem)}, spec)["joined"]
    positive = found["id"].astype(int).map(dict(enumerate(number > 0)))
    assert found["y"][positive].mean() > found["y"][~positive].mean() + 0.5
    wide = tools.make_spec(
        folder, modality="image", files=files, feature_columns=tuple(f"f{i}" for i in range(11))
    )
    assert problem_of(wide).modality == "tabular"


def test_a_table_too_large_for_memory_is_read_in_part(tools: Any, tmp_path: Path) -> None:
    table = tools.features(900)
    folder = tools.write_folder(
        tmp_path / "data", table, pd.DataFrame({"y": (table["b"] > 1).astype(int)})
    )
    spec = tools.make_spec(folder, feature_columns=tuple(table.columns), rows_train=50_000_000)
    problem = problem_of(spec)
    assert problem.constants["TRAIN"]["share"] == pytest.approx(0.25)
    recipe = next(
        item
        for item in Space(problem, PACKAGES).drafts()
        if item.at("MODEL").fragment == "model_linear"
    )
    program = program_text(recipe, problem) + "assert len(train) == 215\n"
    tools.check(tools.run_many(tmp_path, {"part": program}, spec)["part"], spec)


def test_plain_tables_get_the_short_reader() -> None:
    short, general = catalog.preamble(plain=True), catalog.preamble(plain=False)
    assert "json" not in short
    assert "zipfile" not in short
    assert len(short) < len(general)


@pytest.mark.long
@pytest.mark.parametrize("name", ["audio_ragged_labels_composite_ids", "denoising_pixel_rows"])
def test_every_fragment_runs_on_recordings_and_pixels(
    tools: Any, tmp_path: Path, name: str
) -> None:
    from core.task.recognise.spec import inspect_competition
    from tests.shapes.registry import BY_NAME

    shape = BY_NAME[name]
    shape.build(tmp_path / "shape")
    spec = inspect_competition(
        tmp_path / "shape" / "public", shape.description, NO_HINTS, tmp_path / "workspace"
    )
    problem = problem_of(spec)
    recipes = covering_recipes(problem)
    assert len(recipes) >= 6
    programs = {key: program_text(recipe, problem) for key, recipe in recipes.items()}
    tools.run_many(tmp_path, programs, spec)
