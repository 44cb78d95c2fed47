"""Folders of shapes that no adaptor was written for: a run must end with the baseline or better,
and say why.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.shapes.image import picture
from tests.shapes.writing import Folder, image_bytes


def run_lengths(folder: Folder) -> None:
    """Answers are masks in files of another folder; the sample asks for run lengths."""
    for i in range(40):
        key, part = folder.key(12), "train" if i < 30 else "test"
        mask = np.zeros((24, 24))
        top, left = folder.rng.integers(0, 16, 2)
        mask[top : top + 6, left : left + 8] = 1
        pixels = picture(folder, 0.5, 0.1) * (1 - 0.5 * mask[..., None])
        folder.file(f"{part}/{key}/images/{key}.png", image_bytes(pixels, "png"))
        if part == "train":
            folder.file(f"{part}/{key}/masks/{folder.key(12)}.png", image_bytes(mask, "png"))
    tests = sorted(path.name for path in (folder.public / "test").iterdir())
    folder.table(
        "stage1_sample_submission.csv",
        ("ImageId", "EncodedPixels"),
        [(key, "1 2") for key in tests],
    )


def boxes(folder: Folder) -> None:
    """Several rows per image in train, one text with a box per image in the sample."""
    rows, tests = [], []
    for i in range(40):
        key = folder.key(12)
        folder.file(
            f"{'train' if i < 30 else 'test'}/{key}.jpg",
            image_bytes(picture(folder, 0.5, 0.5), "jpeg"),
        )
        if i < 30:
            rows += [
                (key, f"kind{k}", k, *folder.rng.integers(0, 20, 4))
                for k in range(int(folder.rng.integers(3)))
            ]
        else:
            tests.append(key)
    folder.table(
        "train.csv",
        ("image_id", "class_name", "class_id", "x_min", "y_min", "x_max", "y_max"),
        rows,
    )
    folder.table(
        "sample_submission.csv",
        ("image_id", "PredictionString"),
        [(key, "14 1 0 0 1 1") for key in tests],
    )


def database(folder: Folder) -> None:
    """All rows are in a database file."""
    with sqlite3.connect(folder.public / "data.sqlite") as base:
        base.execute("create table train (id integer, a real, y integer)")
        base.executemany(
            "insert into train values (?, ?, ?)", [(i, i * 0.5, i % 2) for i in range(80)]
        )
    base.close()
    folder.table("sample_submission.csv", ("id", "y"), [(i, 0.5) for i in range(80, 100)])


def truth_per_folder(folder: Folder) -> None:
    """A table of answers in every folder of train, two id columns in the sample."""
    rows = []
    for drive in range(8):
        name = f"2021-04-{drive + 10}-US-1/PhoneA"
        part = "train" if drive < 6 else "test"
        signal = [(t * 1000, *np.round(folder.rng.normal(0, 1, 3), 4)) for t in range(30)]
        folder.table(f"{part}/{name}/device.csv", ("time", "x", "y", "z"), signal)
        truth = [(t, 37.4 + 0.01 * x, -122.1 + 0.01 * y) for t, x, y, _ in signal]
        if part == "train":
            folder.table(
                f"{part}/{name}/ground_truth.csv", ("time", "latitude", "longitude"), truth
            )
        else:
            rows += [(name.replace("/", "-"), t, 0, 0) for t, *_ in truth]
    folder.table("sample_submission.csv", ("tripId", "time", "latitude", "longitude"), rows)


def nested_answers(folder: Folder) -> None:
    """Questions with nested annotations in lines of JSON; two rows per question, empty cells in the
    sample.
    """
    lines: list[list[str]] = [[], []]
    for i in range(60):
        words = " ".join(str(word) for word in folder.rng.choice(["a", "b", "c", "answer"], 30))
        record: dict[str, object] = {
            "example_id": str(i * 7919),
            "document_text": words,
            "question_text": "what is b",
        }
        if i < 45:
            record["annotations"] = [
                {"long_answer": {"start_token": i % 20, "end_token": i % 20 + 3}}
            ]
        lines[i >= 45].append(json.dumps(record))
    for name, part in zip(("train", "test"), lines, strict=True):
        folder.file(f"simplified-{name}.jsonl", "\n".join(part).encode())
    keys = [f"{i * 7919}_{kind}" for i in range(45, 60) for kind in ("long", "short")]
    folder.table(
        "sample_submission.csv", ("example_id", "PredictionString"), [(key, "") for key in keys]
    )


def only_a_sample(folder: Folder) -> None:
    """Nothing to learn from."""
    folder.table("sample_submission.csv", ("id", "value"), [(i, 0) for i in range(30)])
    folder.file("readme.txt", b"The data are handed out later.")


UNFORESEEN: dict[str, tuple[Callable[[Folder], None], str]] = {
    "run_lengths": (
        run_lengths,
        "the mean average precision at different intersection over union (IoU) thresholds",
    ),
    "boxes": (boxes, "the standard PASCAL VOC 2010 mean Average Precision at IoU > 0.4"),
    "database": (database, "area under the ROC curve"),
    "truth_per_folder": (
        truth_per_folder,
        "the mean of the 50th and 95th percentile distance errors",
    ),
    "nested_answers": (nested_answers, "micro F1 between the predicted and the actual spans"),
    "only_a_sample": (only_a_sample, "root mean squared error"),
}


def build(name: str, root: Path) -> Folder:
    """Writes `root/public` with its description in it."""
    write, metric = UNFORESEEN[name]
    folder = Folder(root, name)
    write(folder)
    text = f"# Unforeseen\n\n## Evaluation\n\nSubmissions are evaluated on {metric}.\n"
    (folder.public / "description.md").write_text(text, encoding="utf-8")
    return folder
