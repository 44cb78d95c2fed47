"""Rules P3, P7 and P10: labels in cells that list, in columns, in rows and in images; and what
hides them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.task import folders
from tests.task.rule_cases import Built, build, check_rows, everything, numbers_of, truth
from tests.task.view_cases import answers, contents, table
from utils.errors import SpecError

BIRDS = ("crow", "jay", "owl", "wren")


def sung(i: int) -> list[str]:
    return [name for k, name in enumerate(BIRDS) if (i + k) % 3 == 0 or (i * 5 + k) % 7 == 0] or [
        "owl"
    ]


def recordings(data: Path, count: int = 60, test: int = 15) -> list[str]:
    """train_audio and test_audio with a file per id, and a sample with a column per bird; returns
    the ids of train.
    """
    ids = [f"{i * 7919 % 100003:05x}.wav" for i in range(count + test)]
    for i, name in enumerate(ids):
        path = data / ("train_audio" if i < count else "test_audio") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"sound {i}".encode())
    folders.put(
        data / "sample_submission.csv",
        ("fname", *BIRDS),
        [(name, 0, 0, 0, 0) for name in ids[count:]],
    )
    return ids[:count]


def check_birds(made: Built, ids: list[str], label_file: str) -> None:
    check_rows(made)
    assert not made.spec.answers.one_hot
    seen: set[str] = set()
    for view in made.searches:
        held = truth(view)
        for name, row in held.items():
            assert row == [float(bird in sung(ids.index(name))) for bird in BIRDS]
            assert everything(view)[f"test_audio/{name}"] == f"sound {ids.index(name)}".encode()
        left = everything(view)[label_file].decode()
        assert not any(name in left for name in held)
        assert all(name in left for name in set(ids) - set(held))
        seen |= set(held)
    assert seen == set(ids)


def test_rows_without_an_answer_in_the_train_table_are_the_test_rows(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows = [
        (i, i % 7, f"c{i % 3}", "" if i % 4 == 2 else f"{int(i % 7 > 3)}.0") for i in range(120)
    ]
    folders.put(data / "data.csv", ("shot", "a", "b", "made"), rows)
    asked = [row[0] for row in reversed(rows) if row[3] == ""]
    folders.put(data / "sample_submission.csv", ("shot", "made"), [(key, 0.5) for key in asked])
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert "P1, data.csv has the 30 rows of the sample too" in made.notes
    assert (made.spec.tables.rows_train, made.spec.tables.rows_test, made.spec.features.names) == (
        90,
        30,
        ("a", "b"),
    )
    check_rows(made)
    for view in made.searches:
        test = table(made.spec, view, "test")
        assert test["shot"].tolist() == table(made.spec, view, "sample")["shot"].tolist()
        assert all((int(row.a), row.b) == rows[int(row.shot)][1:3] for row in test.itertuples())
        assert "data.csv" not in everything(view)
        assert truth(view) == {key: [float(rows[int(key)][3])] for key in truth(view)}


def test_a_cell_that_lists_classes_becomes_columns(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ids = recordings(data)
    rows = [(name, ",".join(sung(i)), i % 3) for i, name in enumerate(ids)]
    folders.put(data / "train_curated.csv", ("fname", "labels", "verified"), rows)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nMean column-wise AUC.\n")
    assert "P3, 'labels' of train_curated.csv lists classes" in made.notes
    assert list(table(made.spec, None, "train").columns) == ["fname", "verified", *BIRDS]
    check_birds(made, ids, "train_curated.csv")


def test_a_row_per_label_becomes_a_row_per_item(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ids = recordings(data)
    folders.put(
        data / "train.csv",
        ("fname", "bird"),
        [(name, bird) for i, name in enumerate(ids) for bird in sung(i)],
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nMean column-wise AUC.\n")
    assert "P7, several rows per 'fname' in train.csv" in made.notes
    check_birds(made, ids, "train.csv")


def test_columns_of_train_become_rows_and_folders_of_a_group_move_together(tmp_path: Path) -> None:
    data, asked = tmp_path / "data", ("patient_overall", "C1", "C2")
    studies = [f"1.2.826.{i * 7919 % 100003:06d}" for i in range(40)]
    for i, study in enumerate(studies):
        for k in range(2):
            path = data / ("train_images" if i < 30 else "test_images") / study / f"{k + 1}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"slice {i} {k}".encode())
    wide = [(study, int(i % 3 == 0), int(i % 3 == 0), 0) for i, study in enumerate(studies[:30])]
    folders.put(data / "train.csv", ("StudyInstanceUID", *asked), wide)
    folders.put(
        data / "train_bounding_boxes.csv",
        ("StudyInstanceUID", "x", "y"),
        [(s, 1, 2) for s in studies[:30:2]],
    )
    rows = [(f"{study}_{name}", study, name) for study in studies[30:] for name in asked]
    folders.put(data / "test.csv", ("row_id", "StudyInstanceUID", "prediction_type"), rows)
    folders.put(
        data / "sample_submission.csv", ("row_id", "fractured"), [(row[0], 0.5) for row in rows]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert "P7, 3 columns of train.csv become rows" in made.notes
    assert made.spec.features.names == ("StudyInstanceUID", "prediction_type")
    assert (made.split.kind, made.split.group_column, made.spec.tables.rows_train) == (
        "group",
        "StudyInstanceUID",
        90,
    )
    check_rows(made)
    expected = {
        f"{row[0]}_{name}": float(row[1 + k]) for row in wide for k, name in enumerate(asked)
    }
    for view in made.searches:
        held = truth(view)
        assert {key: row[0] for key, row in held.items()} == {key: expected[key] for key in held}
        hidden = {key.rsplit("_", 1)[0].removesuffix("_patient") for key in held}
        shown = everything(view)
        for name in ("train.csv", "train_labels.csv", "train_bounding_boxes.csv"):
            assert not any(study in shown[name].decode() for study in hidden)
        for study in hidden:
            index = studies.index(study)
            assert [shown[f"test_images/{study}/{k + 1}.dcm"] for k in range(2)] == [
                f"slice {index} {k}".encode() for k in range(2)
            ]
            assert not any(path.startswith(f"train_images/{study}/") for path in shown)


@pytest.mark.parametrize("factor", [100, 0])
def test_ragged_lists_of_labels(tmp_path: Path, factor: int) -> None:
    """A line per recording in a text file; the sample has a row for each recording and class."""
    data, count = tmp_path / "data", 50
    data.mkdir()

    def key(item: int, bird: int) -> str:
        return str(item * factor + bird) if factor else f"rec{item}_{bird}"

    def item(i: int) -> str:
        return str(i) if factor else f"rec{i}"

    told = {
        i: [k for k, name in enumerate(BIRDS) if name in sung(i)] if i % 6 else []
        for i in range(count)
    }
    lines = [",".join([item(i), *(map(str, told[i]) if i % 5 else "?")]) for i in range(count)]
    (data / "labels_hidden.txt").write_text("\n".join(["rec_id,[labels]", *lines]) + "\n")
    names = [(item(i), f"file{i}") for i in range(count)]
    folders.put(data / "id2filename.txt", ("rec_id", "filename"), names)
    asked = [key(i, k) for i in range(0, count, 5) for k in range(4)]
    folders.put(
        data / "sample_submission.csv", ("Id", "Probability"), [(each, 0) for each in asked]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nArea under the ROC curve.\n")
    assert (made.split.kind, made.split.group_column, made.spec.tables.rows_train) == (
        "group",
        "rec_id",
        160,
    )
    assert made.spec.features.names == ("rec_id", "class", "filename")
    check_rows(made)
    expected = {key(i, k): float(k in told[i]) for i in range(count) for k in range(4)}
    for view in made.searches:
        held = truth(view)
        assert {name: row[0] for name, row in held.items()} == {
            name: expected[name] for name in held
        }
        assert "labels_hidden.txt" not in everything(view)
        assert not set(held) & set(table(made.spec, view, "train")["Id"])


def scans(data: Path, suffix: str, count: int = 40, test: int = 10) -> dict[str, int]:
    """train and test with an image per scan; train.csv and the sample have a row for each scan and
    finding.
    """
    found, rows = {}, []
    for i in range(count + test):
        name = f"s{i * 7919 % 100003:05d}{suffix}"
        path = data / ("train" if i < count else "test") / (name if suffix else f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"scan {i}".encode())
        rows += [
            (f"{name}_{kind}", int((i + k) % 3 == 0))
            for k, kind in enumerate(("any", "left", "right"))
        ]
        found[name] = i
    folders.put(data / "train.csv", ("ID", "Label"), rows[: 3 * count])
    folders.put(
        data / "sample_submission.csv",
        ("ID", "Label"),
        [(key, 0.5) for key, _ in rows[3 * count :]],
    )
    return found


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_ids_that_join_an_image_and_a_class(tmp_path: Path, suffix: str) -> None:
    data = tmp_path / "data"
    known = scans(data, suffix)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert "P7, the ids of train.csv are item_class, 3 of them for each item" in made.notes
    assert (made.spec.modality, made.spec.features.names, made.spec.tables.rows_train) == (
        "image",
        ("item", "class"),
        120,
    )
    assert (made.split.kind, made.split.group_column) == ("group", "item")
    check_rows(made)
    seen: set[str] = set()
    for view in made.searches:
        held, shown = truth(view), everything(view)
        items = {key.rsplit("_", 1)[0] for key in held}
        assert len(held) == 3 * len(items)
        for name in items:
            file = name if suffix else f"{name}.png"
            assert shown[f"test/{file}"] == f"scan {known[name]}".encode()
            assert f"train/{file}" not in shown
        assert not any(
            name.encode() in shown[file]
            for name in items
            for file in ("train.csv", "train_labels.csv")
        )
        seen |= items
    assert len(seen) == 40


def test_side_tables_of_items_follow_them(tmp_path: Path) -> None:
    """A table of answers by image under another name, and one whose cells only name some images."""
    data = tmp_path / "data"
    known = scans(data, ".png")
    train = [name for name, i in known.items() if i < 40]
    folders.put(
        data / "train_wide.csv",
        ("image", "any"),
        [(name, int(known[name] % 3 == 0)) for name in train],
    )
    folders.put(data / "boxes.csv", ("of", "x"), [(f"scan {name}", 1) for name in train[::6]])
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    for view in made.searches:
        shown = everything(view)
        for key in truth(view):
            assert not any(
                key.rsplit("_", 1)[0].encode() in shown[name]
                for name in ("train_wide.csv", "boxes.csv")
            )
        assert shown["train_wide.csv"].count(b"\n") == 33


def test_a_group_of_items_is_held_out_as_a_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    known = scans(data, "")
    rows = [line.split(",") for line in (data / "train.csv").read_text().splitlines()[1:]]
    told = [(*row, f"p{known[row[0].rsplit('_', 1)[0]] % 13}") for row in rows]
    folders.put(data / "train.csv", ("ID", "Label", "patient_id"), told)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert (made.split.group_column, made.spec.files.by_id and made.spec.files.by_id.column) == (
        "patient_id",
        "item",
    )
    for view in made.searches:
        shown = everything(view)
        items = {key.rsplit("_", 1)[0] for key in truth(view)}
        patients = {known[name] % 13 for name in items}
        assert items == {name for name, i in known.items() if i < 40 and i % 13 in patients}
        assert all(
            f"test/{name}.png" in shown and f"train/{name}.png" not in shown for name in items
        )


def test_masks_without_a_pixel_are_added_where_train_lists_the_others_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    known = scans(data, ".png")
    cells = {
        f"{name}_{kind}": f"{i + 1} 2" if (i + k) % 3 == 0 else ""
        for name, i in known.items()
        for k, kind in enumerate("ab")
    }
    train = [(key, cell) for key, cell in cells.items() if cell and known[key[:-2]] < 40]
    asked = [(key, "1 1") for key in cells if known[key[:-2]] >= 40]
    folders.put(data / "train.csv", ("ImageId_ClassId", "EncodedPixels"), train)
    folders.put(data / "sample_submission.csv", ("ImageId_ClassId", "EncodedPixels"), asked)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nScored by the mean Dice coefficient.\n")
    listed = {key[:-2] for key, _ in train}
    assert f"{2 * len(listed) - len(train)} masks without a pixel are added" in made.notes
    held = {key: row[0] for view in made.searches for key, row in truth(view).items()}
    assert held == {key: cell for key, cell in cells.items() if key[:-2] in listed}


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d"])
def test_items_that_are_days_are_split_by_time(tmp_path: Path, form: str) -> None:
    data = tmp_path / "data"
    days = [f"{day:{form}}" for day in pd.date_range("2020-01-01", periods=60)]
    rows = [
        (f"{day}_{store}", i + k)
        for i, day in enumerate(days)
        for k, store in enumerate(("abc", "def"))
    ]
    folders.put(data / "train.csv", ("id", "sales"), rows[:100])
    folders.put(
        data / "sample_submission.csv", ("id", "sales"), [(key, 0) for key, _ in rows[100:]]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nRMSE.\n")
    assert (made.split.kind, made.split.time_column) == ("time", "item")


def test_classes_may_have_joints_of_their_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows = [(f"s{i:02d}_{kind}", i % 2) for i in range(40) for kind in ("No_Finding", "Mass")]
    folders.put(data / "train.csv", ("ID", "Label"), rows[:60])
    folders.put(
        data / "sample_submission.csv", ("ID", "Label"), [(key, 0.5) for key, _ in rows[60:]]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert set(table(made.spec, None, "train")["class"]) == {"No_Finding", "Mass"}


@pytest.mark.parametrize(
    ("train", "sample", "kinds"),
    [
        pytest.param("{}_{}", "{}", 1, id="train only"),
        pytest.param("{1}_{0}", "{0}_{1}", 3, id="other classes"),
        pytest.param("{}{}", "{}{}", 3, id="numbers"),
        pytest.param("2{}-01-01 {:02d}", "2{}-01-01 {:02d}", 3, id="times"),
    ],
)
def test_ids_that_join_nothing_stay_as_they_are(
    tmp_path: Path, train: str, sample: str, kinds: int
) -> None:
    data = tmp_path / "data"
    rows = [(train.format(100 + i, k), i % 2) for i in range(20) for k in range(3)]
    asked = [(sample.format(200 + i, k), 0) for i in range(10) for k in range(kinds)]
    folders.put(data / "train.csv", ("ID", "Label"), rows)
    folders.put(data / "sample_submission.csv", ("ID", "Label"), asked)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nLog loss.\n")
    assert (made.spec.tables.test, made.spec.features.group) == (None, None)


def pages(
    data: Path, count: int = 15, test: int = 4
) -> dict[str, np.ndarray[object, np.dtype[np.uint8]]]:
    """train, train_cleaned and test with images of two sizes, and a sample with a row per pixel."""
    rng, clean = np.random.default_rng(2), {}
    rows = []
    for i in range(1, count + test + 1):
        pixels = rng.integers(0, 255, (3 + i % 2, 5)).astype(np.uint8)
        for folder in ("train", "train_cleaned") if i <= count else ("test",):
            (data / folder).mkdir(parents=True, exist_ok=True)
            shown = pixels if folder == "train_cleaned" else 255 - pixels
            Image.fromarray(shown).save(data / folder / f"{i}.png")
        clean[str(i)] = pixels
        if i > count:
            rows += [(f"{i}_{r + 1}_{c + 1}", 1) for r, c in np.ndindex(*pixels.shape)]
    folders.put(data / "sampleSubmission.csv", ("id", "value"), rows)
    return clean


def test_answers_that_are_images(tmp_path: Path) -> None:
    data = tmp_path / "data"
    clean = pages(data)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nRoot mean squared error.\n")
    assert (made.spec.metric.name, made.spec.value_kind, made.spec.modality) == (
        "rmse",
        "real",
        "image",
    )
    assert made.spec.files.pixels is not None
    assert made.spec.files.pixels.scale == 255
    check_rows(made)
    seen: set[str] = set()
    for view in made.searches:
        held = truth(view)
        images = {name.split("_")[0] for name in held}
        for name, row in held.items():
            image, r, c = name.split("_")
            assert row == [clean[image][int(r) - 1, int(c) - 1] / 255]
        shown = set(everything(view))
        assert not any(
            f"{folder}/{image}.png" in shown
            for image in images
            for folder in ("train", "train_cleaned")
        )
        assert all(f"test/{image}.png" in shown for image in images)
        assert set(answers(view)["group"]) == images
        seen |= images
    assert len(seen) == 15
    probe = table(made.spec, made.views["probe"], "sample")["id"]
    assert len(probe) == sum(clean[image].size for image in {name.split("_")[0] for name in probe})


def test_pixels_of_another_size_are_not_believed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pages(data)
    Image.new("L", (9, 9)).save(data / "test" / "16.png")
    with pytest.raises(SpecError, match="in no train table"):
        build(data, tmp_path / "ws")


def sentences(data: Path, shared: bool) -> None:
    """train and test with sentences of several tokens; ids are <sentence>_<token>; shared: both
    parts count from 0.
    """
    start = 0 if shared else 40
    rows = [
        (s, t, f"w{(s * 7 + t) % 30}", f"W{(s * 7 + t) % 30}")
        for s in range(40)
        for t in range(3 + s % 3)
    ]
    tests = [(s, t, f"w{(s + t) % 30}") for s in range(start, start + 9) for t in range(3)]
    folders.put(data / "train.csv.zip", ("sentence_id", "token_id", "before", "after"), rows)
    folders.put(data / "test.csv.zip", ("sentence_id", "token_id", "before"), tests)
    folders.put(
        data / "sample_submission.csv.zip", ("id", "after"), [(f"{s}_{t}", w) for s, t, w in tests]
    )


@pytest.mark.parametrize("shared", [True, False])
def test_ids_joined_of_two_columns(tmp_path: Path, shared: bool) -> None:
    data = tmp_path / "data"
    sentences(data, shared)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nAccuracy.\n")
    assert (made.spec.ids.columns, made.spec.ids.parts, made.spec.ids.joint) == (
        ("id",),
        ("sentence_id", "token_id"),
        "_",
    )
    assert (made.split.kind, made.split.group_column) == ("group", "sentence_id")
    check_rows(made)
    train = table(made.spec, None, "train")
    for view in made.searches:
        test, sample = table(made.spec, view, "test"), table(made.spec, view, "sample")
        assert (test["sentence_id"] + "_" + test["token_id"]).tolist() == sample["id"].tolist()
        held = truth(view)
        asked = test.assign(id=sample["id"]).set_index("id").loc[list(held)]
        assert all(word.upper() == held[name][0] for name, word in asked["before"].items())
        shown = table(made.spec, view, "train")
        hidden = set(train["sentence_id"]) - set(shown["sentence_id"])
        assert len(hidden) == asked["sentence_id"].nunique()
        assert bool(set(asked["sentence_id"]) & set(train["sentence_id"])) != shared
        assert not set(asked["sentence_id"]) & set(shown["sentence_id"])


def test_a_folder_per_row(tmp_path: Path) -> None:
    data = folders.real_rows(tmp_path / "data")
    for i in range(60):
        path = data / ("train" if i < 40 else "test") / str(i) / "geometry.xyz"
        path.parent.mkdir(parents=True)
        path.write_text(f"atoms of {i}")
        if i < 40:
            (path.parent / "solution.txt").write_text(f"price of {i}")
    made = build(data, tmp_path / "ws", "## Evaluation\n\nRMSE.\n")
    assert made.spec.files.by_id is not None
    assert made.spec.files.by_id.folders
    check_rows(made)
    for view in made.searches:
        shown = contents(Path(view.path))
        for name in truth(view):
            assert shown[f"test/{name}/geometry.xyz"] == f"atoms of {name}".encode()
            assert not any(
                path.startswith(f"train/{name}/") or path == f"test/{name}/solution.txt"
                for path in shown
            )


def test_views_of_many_pixels_are_one_holdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    pages(data, 60)
    monkeypatch.setattr("core.task.views.cuts.PIXEL_ROWS", 100)
    made = build(data, tmp_path / "ws", "## Evaluation\n\nRoot mean squared error.\n")
    assert made.split.folds == 1
    assert 0 < len(numbers_of(made.views["search0"])) <= 200


def test_annotations_of_images(tmp_path: Path) -> None:
    """Rule P9: labels in a COCO file; paths of train images hold the class, cameras are those of
    train or of test.
    """
    data = tmp_path / "data"
    images: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    for i in range(90):
        part, camera = ("train", i // 6) if i < 72 else ("test", 50 + i // 6)
        inside = f"images/{i % 4:03d}/{i}.jpg" if part == "train" else f"images/{i}.jpg"
        (data / part / inside).parent.mkdir(parents=True, exist_ok=True)
        (data / part / inside).write_bytes(f"picture {i}".encode())
        images[part].append({"id": i, "file_name": inside, "width": 640, "location": camera})
    marks = [{"id": 1000 + i, "image_id": i, "category_id": i % 4} for i in range(72)]
    told = {
        "info": {},
        "images": images["train"],
        "annotations": marks,
        "categories": [{"id": k} for k in range(4)],
    }
    (data / "train" / "metadata.json").write_text(json.dumps(told))
    (data / "test" / "metadata.json").write_text(json.dumps({"images": images["test"]}))
    folders.put(
        data / "sample_submission.csv", ("Id", "Predicted"), [(i, 0) for i in range(72, 90)]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nMacro F1 score.\n")
    assert "P9, annotations of 72 images in train/metadata.json" in made.notes
    assert (made.spec.answers.labels, made.spec.modality) == (("Predicted",), "image")
    assert (made.split.kind, made.split.group_column) == ("group", "location")
    check_rows(made)
    seen: set[str] = set()
    for view in made.searches:
        shown, held = everything(view), truth(view)
        assert "train/metadata.json" not in shown
        for name, row in held.items():
            assert row == [float(int(name) % 4)]
            paths = [
                path for path, content in shown.items() if content == f"picture {name}".encode()
            ]
            assert len(paths) == 1
            assert paths[0].startswith("test/")
            assert f"/{int(name) % 4:03d}/" not in paths[0]
        seen |= set(held)
    assert len(seen) == 72
