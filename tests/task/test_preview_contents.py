"""What a preview says of texts, groups, sounds, answers that are no numbers, and of numbers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.records import CompetitionSpec
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.look.columns import column_facts, percent
from core.task.look.language import language
from core.task.look.sounds import sound_header
from core.task.preview_text import preview_text
from core.task.recognise.spec import inspect_competition
from tests.shapes.registry import BY_NAME
from tests.task import folders

GERMAN = (
    "Der Hund und die Katze sind nicht auf dem Dach, sie ist mit dem Kind zu Haus und das ist gut."
)
ENGLISH = (
    "The dog and the cat are not on the roof, they are with the child and that is good for you."
)


def spec_of(root: Path, metric: str = "roc_auc") -> CompetitionSpec:
    return inspect_competition(root, "", Hints.of(metric=metric))


def shape(name: str, root: Path) -> CompetitionSpec:
    made = BY_NAME[name]
    made.build(root)
    found = Hints.of(metric=made.expected.metric)
    return inspect_competition(root / "public", made.description, found, root / "workspace")


# ---------------------------------------------------------------- texts


def scored_texts(root: Path) -> Path:
    rows = [(i, f"number {i} " + folders.sentence(i), f"{i / 10:.1f}") for i in range(90)]
    folders.put(root / "train.csv", ("id", "text", "score"), rows[:60])
    folders.put(root / "test.csv", ("id", "text"), [row[:2] for row in rows[60:]])
    folders.put(root / "sample_submission.csv", ("id", "score"), [(r[0], 1.5) for r in rows[60:]])
    return root


def test_whole_texts_stand_over_the_range_of_the_answer(tmp_path: Path) -> None:
    preview = look(spec_of(scored_texts(tmp_path), "rmse"))
    shown = [line for line in preview.texts if line.startswith("score=")]
    assert [line.split(" | ")[0] for line in shown] == [
        "score=0",
        "score=1.5",
        "score=3",
        "score=4.4",
        "score=5.9",
    ]
    for line, row in zip(shown, (0, 15, 30, 44, 59), strict=True):
        assert line.endswith(f"number {row} " + folders.sentence(row))
    assert preview.train is not None
    # Not once more, cut, among the rows.
    assert not any("text=" in line for line in preview.train.examples)


def test_lengths_of_texts_are_counted_in_words_and_characters(tmp_path: Path) -> None:
    preview = look(spec_of(scored_texts(tmp_path), "rmse"))
    frame = pd.read_csv(tmp_path / "train.csv")
    words, characters = frame["text"].str.split().str.len(), frame["text"].str.len()
    line = preview.texts[0]
    assert f"words {round(words.quantile(0.05))} / {round(words.median())} / " in line
    assert f"most {characters.max()}" in line


def test_a_class_shows_a_text_each_and_long_ones_are_cut(tmp_path: Path) -> None:
    rows = [(i, f"{i} {ENGLISH} " * 5, "abc"[i % 3]) for i in range(60)]
    folders.put(tmp_path / "train.csv", ("id", "text", "label"), rows)
    folders.put(
        tmp_path / "test.csv", ("id", "text"), [(100 + i, f"{i} {ENGLISH}") for i in range(30)]
    )
    folders.put(
        tmp_path / "sample_submission.csv", ("id", "label"), [(100 + i, "a") for i in range(30)]
    )
    preview = look(spec_of(tmp_path, "accuracy"))
    shown = [line for line in preview.texts if line.startswith("label=")]
    assert {line[:7] for line in shown} == {"label=a", "label=b", "label=c"}
    assert all(len(line) < 220 and line.endswith("...") for line in shown)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([ENGLISH] * 3, "English by its stop words"),
        ([GERMAN] * 3, "German by its stop words"),
        (
            ["\u044d\u0442\u043e \u043d\u0435 \u0434\u043e\u043c " * 20],
            "Cyrillic script (100% of letters)",
        ),
        (["lorem xqz " * 40], "language not told"),
        (["the and of"], "language not told"),
        ([f"{ENGLISH} {GERMAN}"] * 3, "language not told"),
    ],
)
def test_a_language_is_told_where_the_signs_are_clear(texts: list[str], said: str) -> None:
    assert language(texts).startswith(said)


# ---------------------------------------------------------------- groups


def grouped(root: Path, shared: int) -> Path:
    """40 groups of three rows in train; test has 10 groups, so many of them of train."""
    rows = [(i, f"g{i // 3}", i % 7, i // 3 % 2) for i in range(120)]
    others = [(500 + i, f"g{i // 3 + 40 - shared}", i % 7) for i in range(30)]
    folders.put(root / "train.csv", ("id", "patient_id", "x", "y"), rows)
    folders.put(root / "test.csv", ("id", "patient_id", "x"), others)
    folders.put(root / "sample_submission.csv", ("id", "y"), [(row[0], 0.5) for row in others])
    return root


def test_groups_are_counted_and_said_to_be_apart(tmp_path: Path) -> None:
    spec = spec_of(grouped(tmp_path, 0))
    assert spec.features.group == "patient_id"
    preview = look(spec)
    assert preview.groups == (
        "patient_id: 40 groups in train, 3 rows each; 10 in test, 3 rows each, none of them in train",
        "all rows have the same `y` in 100 % of groups with several rows",
    )
    assert "Rows that belong together:\n- patient_id: 40 groups" in preview_text(preview, 4000)
    # That is how rows are split, and no drift.
    assert "[!]" not in preview_text(preview, 4000)


def test_groups_on_both_sides_are_said(tmp_path: Path) -> None:
    spec = spec_of(grouped(tmp_path, 5))
    features = spec.changed(group_column="patient_id")
    assert "50 % of test rows under a name that train has too" in look(features).groups[0]


# ---------------------------------------------------------------- files


def test_sounds_of_other_kinds_are_read(tmp_path: Path) -> None:
    aiff = tmp_path / "a.aif"
    rate = struct.pack(">HQ", 16383 + 13, 16000 << 50)
    comm = struct.pack(">hIh", 2, 8000, 16) + rate
    body = b"AIFF" + b"COMM" + struct.pack(">I", 18) + comm
    aiff.write_bytes(b"FORM" + struct.pack(">I", len(body)) + body)
    assert sound_header(aiff) == ("16000 Hz, 2 channels, 16 bit", 0.5)
    flac = tmp_path / "b.flac"
    packed = (44100 << 44) | (1 << 41) | (15 << 36) | 88200
    flac.write_bytes(b"fLaC" + b"\0\0\0\x22" + b"\0" * 10 + packed.to_bytes(8, "big") + b"\0" * 16)
    assert sound_header(flac) == ("44100 Hz, 2 channels, 16 bit", 2.0)
    flac.write_bytes(b"no sound")
    assert sound_header(flac) is None
    assert sound_header(tmp_path / "c.mp3") is None


def test_one_folder_for_both_parts_is_told_once(tmp_path: Path) -> None:
    text = preview_text(look(shape("image_one_hot_shared_folder", tmp_path)))
    assert "train and test together (images): 160 files" in text
    assert "all 24x24 (JPEG RGB); 60 looked at" in text


def test_files_that_are_texts_show_how_one_begins(tmp_path: Path) -> None:
    text = preview_text(look(shape("table_two_targets_and_geometry", tmp_path)))
    first = next((tmp_path / "public" / "train").glob("*/geometry.xyz")).read_text().split()[0]
    assert f"one begins: {first}" in text


# ---------------------------------------------------------------- answers


def test_images_as_answers_are_no_classes(tmp_path: Path) -> None:
    target = look(shape("denoising_pixel_rows", tmp_path)).target
    assert target == (
        "truth: an image per row, e.g. train_cleaned/1.png; its pixels / 255 are the values",
    )


def test_answers_that_are_copied_are_told(tmp_path: Path) -> None:
    target = look(shape("text_normalisation_rows", tmp_path)).target
    assert target[0].startswith("after: equal to `before` in 77 % of rows; 351 different texts")


def test_a_wide_sample_keeps_its_rows(tmp_path: Path) -> None:
    text = preview_text(look(shape("image_one_hot_120_classes", tmp_path)), 4000)
    lines = text.split("Sample submission:\n")[1].splitlines()[:3]
    assert all(line.endswith("(121 columns)") for line in lines)
    assert lines[0].startswith("- id,")


# ---------------------------------------------------------------- numbers


def test_numbers_are_told_whole() -> None:
    cells = pd.Series(
        [str(value) for value in (15417, 1542, 215245, 90210, 7, 8, 9)] * 3, dtype=object
    )
    assert column_facts("n", cells, None).summary.startswith("7 .. 215245, median 1542")
    stamps = pd.Series([str(1_300_000_000 + 86_400 * i) for i in range(50)], dtype=object)
    assert (
        "(seconds since 1970: 2011-03-13 .. 2011-05-01)"
        in column_facts("created_at", stamps, None).summary
    )
    assert "1970" not in column_facts("price", stamps, None).summary


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "100 %"), (0.99906, "99.91 %"), (0.0, "0 %"), (0.00004, "0.004 %"), (0.5, "50 %")],
)
def test_a_share_never_says_all_or_nothing_where_it_is_not(share: float, said: str) -> None:
    assert percent(share) == said


def test_what_differs_is_never_cut_off() -> None:
    values = [f"a very long name of a category {i}" for i in range(9)]
    train = pd.Series(values * 20, dtype=object)
    test = pd.Series([f"other {value}" for value in values] * 20, dtype=object)
    frame = pd.DataFrame({"long": train})
    facts = column_facts("long", frame["long"], test, top=12)
    assert facts.drift == "100 % of test rows hold values that train lacks"
    from core.task.preview import Preview, TableFacts

    table = TableFacts("train.csv: csv", 180, (facts,), "", (), ())
    text = preview_text(Preview((), table, (), (), (), ()))
    assert text.endswith("[!] 100 % of test rows hold values that train lacks")


def test_scarce_kinds_stay_where_not_all_columns_have_room(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ends = ("ab", "ek", "im", "or", "un", "aw", "ep", "il", "ox", "ug")
    names = [first + end for first in "klmnprstvwz" for end in ends]
    frame = pd.DataFrame({name: rng.normal(size=200).round(3) for name in names})
    frame = frame.assign(zone=rng.choice(list("abc"), 200), y=rng.integers(0, 2, 200))
    frame.insert(0, "id", range(200))
    frame.iloc[:150].to_csv(tmp_path / "train.csv", index=False)
    frame.iloc[150:].drop(columns="y").to_csv(tmp_path / "test.csv", index=False)
    frame.iloc[150:][["id"]].assign(y=0.5).to_csv(tmp_path / "sample_submission.csv", index=False)
    text = preview_text(look(spec_of(tmp_path)), 4000)
    assert "- zone: category, 3 values" in text
    assert len(text) <= 4000
