"""Small competition folders of each shape, for the tests of core.task. Every builder writes and
returns the folder.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

Row = Sequence[object]
WORDS = "the quick brown fox jumps over the lazy dog while seven wizards quietly brew black coffee".split()


def text_of(header: Sequence[str], rows: Iterable[Row], delimiter: str = ",") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def put(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Row],
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    """A csv; inside an archive for names that end with .zip, compressed for .gz, .bz2 and .xz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = text_of(header, rows, delimiter).encode(encoding)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem if path.stem.endswith(".csv") else f"{path.stem}.csv", raw)
    elif path.suffix in (".gz", ".bz2", ".xz"):
        path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[path.suffix].compress(raw))
    else:
        path.write_bytes(raw)
    return path


def sentence(i: int) -> str:
    """A dozen words that differ from row to row."""
    return (
        " ".join(WORDS[(i * 7 + k * (1 + i % 5)) % len(WORDS)] for k in range(12)) + f" number {i}"
    )


def binary_rows(
    root: Path, train: int = 40, test: int = 20, name: str = "sample_submission.csv"
) -> Path:
    """id, a, b -> target in {0, 1}; the sample shows 0.5."""
    rows = [(i, i % 7, f"c{i % 3}", int(i % 7 > 3)) for i in range(train + test)]
    put(root / "train.csv", ("id", "a", "b", "target"), rows[:train])
    put(root / "test.csv", ("id", "a", "b"), [row[:3] for row in rows[train:]])
    put(root / name, ("id", "target"), [(row[0], 0.5) for row in rows[train:]])
    return root


def real_rows(
    root: Path, train: int = 40, test: int = 20, delimiter: str = ",", suffix: str = ".csv"
) -> Path:
    """id, size, kind -> price, a real number; separator and file type can be chosen."""
    rows = [
        (i, 10 + i % 9, f"k{i % 4}", round(100.5 + 3.25 * (i % 9), 3)) for i in range(train + test)
    ]
    put(root / f"train{suffix}", ("id", "size", "kind", "price"), rows[:train], delimiter)
    put(
        root / f"test{suffix}", ("id", "size", "kind"), [row[:3] for row in rows[train:]], delimiter
    )
    put(
        root / f"sample_submission{suffix}",
        ("id", "price"),
        [(row[0], 0) for row in rows[train:]],
        delimiter,
    )
    return root


def parquet_rows(root: Path, train: int = 40, test: int = 20) -> Path:
    """real_rows with typed parquet tables and a csv sample."""
    root.mkdir(parents=True, exist_ok=True)
    ids = list(range(train + test))
    frame = pd.DataFrame(
        {
            "id": ids,
            "size": [float(i % 9) for i in ids],
            "price": [1.5 * (i % 9) + 0.25 for i in ids],
        }
    )
    frame.iloc[:train].to_parquet(root / "train.parquet", index=False)
    frame.iloc[train:].drop(columns="price").to_parquet(root / "test.parquet", index=False)
    put(root / "sample_submission.csv", ("id", "price"), [(i, 0) for i in ids[train:]])
    return root


def several_targets(root: Path, train: int = 40, test: int = 20, real: bool = False) -> Path:
    """id, a -> toxic, rude, kind: 0/1 columns, or real ones."""
    names = ("toxic", "rude", "kind")

    def target(i: int, k: int) -> object:
        return round(0.37 * (i % 11) + k, 3) if real else int((i + k) % 3 == 0)

    rows = [(i, i % 5, *(target(i, k) for k in range(3))) for i in range(train + test)]
    put(root / "train.csv", ("id", "a", *names), rows[:train])
    put(root / "test.csv", ("id", "a"), [row[:2] for row in rows[train:]])
    put(
        root / "sample_submission.csv",
        ("id", *names),
        [(row[0], 0.5, 0.5, 0.5) for row in rows[train:]],
    )
    return root


def one_hot_text(root: Path, train: int = 45, test: int = 20, prefix: str = "") -> Path:
    """id, text -> author; the sample has one column per author (with a prefix, if any), the train
    table one column.
    """
    authors = ("EAP", "HPL", "MWS")
    rows = [(f"id{i:04d}", sentence(i), authors[i * 5 % 7 % 3]) for i in range(train + test)]
    put(root / "train.csv", ("id", "text", "author"), rows[:train])
    put(root / "test.csv", ("id", "text"), [row[:2] for row in rows[train:]])
    columns = tuple(prefix + name for name in reversed(authors))
    put(
        root / "sample_submission.csv",
        ("id", *columns),
        [(row[0], 0.4, 0.3, 0.3) for row in rows[train:]],
    )
    return root


def target_first_text_key(root: Path, train: int = 30, test: int = 12) -> Path:
    """Insult, Date, Comment: no id column, the target comes first, and the sample is named with a
    suffix.
    """
    rows = [
        (int(i % 4 == 0), f"2012061{i % 10}Z", f'"{sentence(i)}, said\n {i}"')
        for i in range(train + test)
    ]
    header = ("Insult", "Date", "Comment")
    put(root / "train.csv", header, rows[:train])
    put(root / "test.csv", header[1:], [row[1:] for row in rows[train:]])
    put(root / "sample_submission_null.csv", header, [("0.5", *row[1:]) for row in rows[train:]])
    return root


def unnamed_index(root: Path, train: int = 30, test: int = 12) -> Path:
    """An index without a name is the id in all tables."""
    rows = [(i, i % 6, 0.5 * (i % 6) + 0.1) for i in range(train + test)]
    put(root / "train.csv", ("", "speed", "load"), rows[:train])
    put(root / "test.csv", ("", "speed"), [row[:2] for row in rows[train:]])
    put(root / "sample_submission.csv", ("", "load"), [(row[0], 0) for row in rows[train:]])
    return root


def renamed_sample(root: Path, train: int = 30, test: int = 12) -> Path:
    """The sample says Id and Expected where the tables say row and category_id."""
    rows = [(f"r{i}", i % 6, f"cat{i % 3}") for i in range(train + test)]
    put(root / "train.csv", ("row", "speed", "category_id"), rows[:train])
    put(root / "test.csv", ("row", "speed"), [row[:2] for row in rows[train:]])
    put(
        root / "sample_submission.csv",
        ("Id", "Expected"),
        [(row[0], "cat0") for row in rows[train:]],
    )
    return root


def files_by_id(
    root: Path,
    suffix: str = ".png",
    train: int = 30,
    test: int = 12,
    id_is_name: bool = False,
    nested: bool = False,
    test_csv: bool = False,
    labels: str = "train.csv",
) -> Path:
    """train/ and test/ with one file per id, and a label table; names, nesting and a test table can
    be chosen.
    """
    ids = [f"{i * 7919 % 100003:05x}" for i in range(train + test)]

    def shown(key: str) -> str:
        return key + suffix if id_is_name else key

    for i, key in enumerate(ids):
        part = root / ("train" if i < train else "test")
        folder = part / key[0] / key[1] if nested else part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{key}{suffix}").write_bytes(f"{key} {i % 3}".encode())
    put(
        root / labels,
        ("id", "label"),
        [(shown(key), f"kind{i % 3}") for i, key in enumerate(ids[:train])],
    )
    if test_csv:
        put(root / "test.csv", ("id",), [(shown(key),) for key in ids[train:]])
    put(
        root / "sample_submission.csv",
        ("id", "label"),
        [(shown(key), "kind0") for key in ids[train:]],
    )
    return root
