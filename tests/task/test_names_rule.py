"""Rule P5: labels in folder and file names become a table, and held-out files lose the name that
tells.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.task.recognise.labels.positive import positive_of
from tests.task import folders
from tests.task.rule_cases import Built, build, check_rows, everything, truth
from tests.task.view_cases import table
from utils.errors import SpecError

KINDS = ("cat", "dog")


def pictures(
    root: Path, style: str, count: int = 40, kinds: tuple[str, ...] = KINDS
) -> dict[bytes, str]:
    """train/<style>, test/<number>.jpg; returns the label of each train file's content."""
    told = {}
    for i in range(count):
        kind = kinds[i * 7 // 3 % len(kinds)]
        path = root / "train" / style.format(kind=kind, i=i)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content := f"pixels {i * 7919}".encode())
        told[content] = kind
    (root / "test").mkdir()
    for i in range(12):
        (root / "test" / f"{i + 1}.jpg").write_bytes(f"unknown {i}".encode())
    return told


def check_hidden(made: Built, told: dict[bytes, str], answer_of: dict[str, object]) -> None:
    """Held-out files stand among the test files, their answers are right, and no path near them has
    their label.
    """
    seen = 0
    for view in made.searches:
        held = truth(view)
        for path, content in everything(view).items():
            if content not in told:
                continue
            stem = Path(path).stem
            if path.startswith("test/"):
                assert held[stem][0] == answer_of[told[content]]
                assert not any(kind in path for kind in answer_of)
                seen += 1
            else:
                assert stem not in held
        assert all(f"test/{name}.jpg" in everything(view) for name in held)
    assert seen == sum(view.rows_holdout for view in made.searches) == len(told)


@pytest.mark.parametrize(
    "style", ["{kind}.{i}.jpg", "{kind}{i:03d}.jpg", "{i}-{kind}.jpg", "{kind}/{i:05d}.jpg"]
)
def test_two_kinds_in_names_or_folders(tmp_path: Path, style: str) -> None:
    data = tmp_path / "data"
    told = pictures(data, style)
    folders.put(data / "sample_submission.csv", ("id", "label"), [(i + 1, 0.5) for i in range(12)])
    made = build(
        data, tmp_path / "ws", "Predict the probability that it is a dog (1 = dog, 0 = cat).\n"
    )
    assert "P5" in made.notes
    assert "1 is 'dog'" in made.notes
    assert (made.spec.ids.columns, made.spec.answers.targets, made.spec.tables.rows_train) == (
        ("id",),
        ("label",),
        40,
    )
    assert made.split.kind == "stratified"
    check_rows(made)
    check_hidden(made, told, {"cat": 0.0, "dog": 1.0})


def test_a_folder_per_class_and_a_column_per_class(tmp_path: Path) -> None:
    data, kinds = tmp_path / "data", ("ash", "Big Oak", "elm")
    told = pictures(data, "{kind}/{i}.jpg", 60, kinds)
    columns = ("file", "ash", "big_oak", "elm")
    folders.put(
        data / "sample_submission.csv",
        columns,
        [(f"{i + 1}.jpg", 0.3, 0.3, 0.4) for i in range(12)],
    )
    made = build(data, tmp_path / "ws")
    assert made.spec.answers.one_hot
    assert made.spec.answers.classes == kinds
    check_rows(made)
    for view in made.searches:
        for name, row in truth(view).items():
            content = everything(view)[f"test/{name}"]
            assert row == [float(kind == told[content]) for kind in kinds]


def test_labels_of_many_kinds(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told = pictures(data, "{i}_{kind}.jpg", 60, ("ash", "oak", "elm"))
    folders.put(data / "sample_submission.csv", ("id", "kind"), [(i + 1, "ash") for i in range(12)])
    made = build(data, tmp_path / "ws", "## Evaluation\n\nScored by accuracy.\n")
    assert made.spec.answers.classes == ("ash", "elm", "oak")
    check_hidden(made, told, {name: name for name in made.spec.answers.classes})


def test_later_dates_in_the_names_of_test_files_are_a_time_split(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for i in range(60):
        path = data / "train" / f"202103{i // 3 + 1:02d}_{i % 3:02d}0000_rec{i}_{i * 5 % 3 % 2}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"sound {i}".encode())
    (data / "test").mkdir()
    names = [f"202104{i // 3 + 1:02d}_{i % 3:02d}0000_rec{i + 60}.wav" for i in range(15)]
    for name in names:
        (data / "test" / name).write_bytes(name.encode())
    folders.put(
        data / "sample_submission.csv", ("clip", "probability"), [(name, 0) for name in names]
    )
    made = build(data, tmp_path / "ws")
    assert (made.split.kind, made.spec.features.time, made.spec.modality) == (
        "time",
        "recorded",
        "audio",
    )
    for view in made.searches:
        train = table(made.spec, view, "train")
        held = [everything(view)[f"test/{name}"] for name in truth(view)]
        last = max(int(re.sub(r"\D", "", name)[:8]) for name in train["clip"])
        assert held
        assert min(int(content.split()[1]) // 3 + 20210301 for content in held) >= last


def test_files_of_the_same_name_in_several_folders_keep_their_paths(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for kind in KINDS:
        for i in range(20):
            folder = data / "train" / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{i}.jpg").write_bytes(f"{kind} {i}".encode())
    (data / "test").mkdir()
    for i in range(12):
        (data / "test" / f"{i}.jpg").write_bytes(b"unknown")
    folders.put(data / "sample_submission.csv", ("id", "label"), [(i, 0.5) for i in range(12)])
    made = build(data, tmp_path / "ws")
    train = table(made.spec, None, "train")
    assert set(train["id"]) == {f"{kind}/{i}" for kind in KINDS for i in range(20)}
    for view in made.searches:
        for name, row in truth(view).items():
            assert everything(view)[f"test/{name}.jpg"].startswith(
                b"dog" if row == [1.0] else b"cat"
            )


def test_files_of_the_same_name_without_a_common_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for kind in KINDS:
        for i in range(20):
            path = data / kind / "train" / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{kind} {i}".encode())
    (data / "test").mkdir()
    for i in range(100, 112):
        (data / "test" / f"{i}.jpg").write_bytes(b"unknown")
    folders.put(
        data / "sample_submission.csv", ("id", "label"), [(i, 0.5) for i in range(100, 112)]
    )
    made = build(data, tmp_path / "ws")
    train = table(made.spec, None, "train")
    assert set(train["id"]) == {f"{kind}/train/{i}" for kind in KINDS for i in range(20)}
    assert set(train["label"].astype(str) + train["id"].str[:3]) == {"0cat", "1dog"}


def test_names_that_tell_nothing_stay_an_error(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pictures(data, "{i}.jpg")
    folders.put(data / "sample_submission.csv", ("id", "label"), [(i + 1, 0.5) for i in range(12)])
    with pytest.raises(SpecError, match="in no train table"):
        build(data, tmp_path / "ws")


@pytest.mark.parametrize(
    ("names", "cell"),
    [
        (("images/{i}.png", "masks/{i}.png"), "?"),
        (("images/{i}.png", "masks/{i}.png"), "1 1"),
        (("car{i}_1.png", "car{i}_2.png", "car{i}_3.png"), "1 1"),
    ],
)
def test_names_that_an_image_shares_with_its_mask_are_no_labels(
    tmp_path: Path, names: tuple[str, ...], cell: str
) -> None:
    """Nor where the sample asks for run lengths, and the same car on several images would look like
    a class.
    """
    data = tmp_path / "data"
    for i in range(40):
        for name in names:
            path = data / "train" / name.format(i=f"k{i}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"no image")
    (data / "test" / "images").mkdir(parents=True)
    for i in range(12):
        (data / "test" / "images" / f"{i}.png").write_bytes(b"no image")
    folders.put(data / "sample_submission.csv", ("id", "mask"), [(i, cell) for i in range(12)])
    with pytest.raises(SpecError, match="in no train table"):
        build(data, tmp_path / "ws")


@pytest.mark.parametrize(
    ("names", "text", "positive"),
    [
        ({"cat", "dog"}, "where 1 = cat and 0 = dog", "cat"),
        ({"cat", "dog"}, "label: cat (1) or dog (0)", "cat"),
        ({"cat", "dog"}, "Predict the probability that the animal is a cat.", "cat"),
        ({"cat", "dog"}, "There are cats and dogs.", "dog"),
        ({"sick", "well"}, "", "sick"),
        ({"apples", "normal"}, "", "apples"),
        ({"0", "1"}, "", "1"),
    ],
)
def test_which_name_is_the_one(names: set[str], text: str, positive: str) -> None:
    assert positive_of(names, text)[0] == positive
