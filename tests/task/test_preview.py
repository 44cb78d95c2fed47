"""The preview of real folders: right facts, bounded length, time and memory, whatever lies there."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
import wave
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.records import CompetitionSpec
from core.task.folder.inventory import FoundFile
from core.task.hints import Hints
from core.task.look import sample as preview_sample
from core.task.look.collect import look
from core.task.look.columns import column_facts
from core.task.look.files import tree_lines
from core.task.preview import ColumnFacts, Preview, TableFacts
from core.task.preview_text import LIMIT, preview_text
from core.task.recognise.spec import inspect_competition
from core.task.service import TaskService
from tests.task import folders
from utils.json_records import from_json, to_json

ROOT = Path(__file__).resolve().parents[2]


def spec_of(root: Path, metric: str = "roc_auc") -> CompetitionSpec:
    return inspect_competition(root, "", Hints.of(metric=metric))


def column(*cells: object) -> pd.Series:
    return pd.Series([str(cell) for cell in cells], dtype=object)


def write_table(root: Path, frame: pd.DataFrame, train: int, target: str) -> Path:
    """train, test and sample of a frame with an id column; the first rows train."""
    root.mkdir(parents=True, exist_ok=True)
    frame.iloc[:train].to_csv(root / "train.csv", index=False)
    frame.iloc[train:].drop(columns=target).to_csv(root / "test.csv", index=False)
    frame.iloc[train:][["id"]].assign(**{target: 0.5}).to_csv(
        root / "sample_submission.csv", index=False
    )
    return root


# ---------------------------------------------------------------- columns


def test_kinds_of_columns() -> None:
    kinds = {
        "number": column(*(i / 7 for i in range(50))),
        "integer": column(*range(50)),
        "category": column(*("ab"[i % 2] for i in range(50))),
        "text": column(*(folders.sentence(i) for i in range(50))),
        "date": column(*(f"2020-01-{1 + i % 28:02d}" for i in range(50))),
        "identifier": column(*(f"k{i}" for i in range(50))),
        "constant": column(*["x"] * 50),
        "empty": column(*["", "NA"] * 25),
    }
    for kind, cells in kinds.items():
        assert column_facts("c", cells, None).kind == kind, kind


def test_missing_distinct_and_range() -> None:
    facts = column_facts("age", column(1, 2, "", "NaN", 40), None)
    assert (facts.kind, facts.missing, facts.distinct) == ("integer", 0.4, 3)
    assert facts.summary == "1: 33 %, 2: 33 %, 40: 33 %"
    counts = column_facts("n", column(*[i % 9 for i in range(90)]), None)
    assert counts.summary == "0 .. 8, median 4, 9 values"
    assert column_facts("x", column(*[1] * 300, "$5", 2, 7), None).summary.endswith(
        "not all numbers (e.g. $5)"
    )


def test_drift_is_flagged_beyond_chance_only() -> None:
    rng = np.random.default_rng(0)
    same = [column(*rng.normal(size=400).round(3)) for _ in range(2)]
    moved = column(*(rng.normal(size=400) + 2).round(3))
    assert column_facts("a", same[0], same[1]).drift == ""
    assert "mean +1.4 sd" in column_facts("a", same[0], moved).drift
    assert (
        "50 % missing in test"
        in column_facts("a", same[0], column(*same[1][:200], *[""] * 200)).drift
    )
    letters = column(*rng.choice(list("abc"), 400))
    assert column_facts("c", letters, column(*rng.choice(list("abc"), 400))).drift == ""
    assert (
        "values that train lacks"
        in column_facts("c", letters, column(*rng.choice(list("abz"), 400))).drift
    )
    assert "shares differ" in column_facts("c", letters, column(*["a"] * 400)).drift
    days = [
        column(*pd.date_range(start, periods=60).strftime("%Y-%m-%d"))
        for start in ("2020-01-01", "2021-01-01")
    ]
    later = column_facts("d", days[0], days[1])
    assert later.drift == ""
    assert later.summary.endswith("2020-01-01 .. 2020-02-29; test 2021-01-01 .. 2021-03-01")
    assert column_facts("few", column(1, 2, 3), column(7, 8, 9)).drift == ""


# ---------------------------------------------------------------- folders


def test_an_ordinary_table(tmp_path: Path) -> None:
    preview = look(spec_of(folders.binary_rows(tmp_path)))
    assert preview.target == ("target: 2 values, the rarest has 16 rows: 0 60 %, 1 40 %",)
    assert preview.sample == ("id,target", "40,0.5", "41,0.5")
    assert preview.train is not None
    assert [facts.name for facts in preview.train.columns] == ["a", "b"]
    assert preview.train.rows == 40
    assert "facts from" not in preview.train.layout
    assert preview.train.examples[0] == "id=0, a=0, b=c0, target=0"
    assert any(line.startswith("train.csv ") for line in preview.tree)
    assert preview == look(spec_of(tmp_path))


def test_the_worker_answers_it(tmp_path: Path) -> None:
    spec = spec_of(folders.several_targets(tmp_path))
    service = TaskService()
    try:
        preview = service.preview(spec)
    finally:
        service.close()
    assert preview == look(spec)
    assert len(preview.target) == 3
    assert from_json(Preview, to_json(preview)) == preview


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda root: folders.real_rows(root, delimiter=";"), "csv, separator ';'"),
        (lambda root: folders.real_rows(root, suffix=".csv.zip"), "member train.csv"),
        (folders.parquet_rows, "train.parquet: parquet"),
    ],
)
def test_how_tables_must_be_read_is_said(tmp_path: Path, made: object, said: str) -> None:
    text = preview_text(look(spec_of(made(tmp_path), "mae")))  # type: ignore[operator]
    assert said in text
    assert "price: 21 .. " not in text
    assert "Answers in train:\n- price:" in text


def test_texts_and_one_hot_answers(tmp_path: Path) -> None:
    preview = look(spec_of(folders.one_hot_text(tmp_path), "log_loss"))
    # A dozen words and "number i".
    assert preview.text_words == 14
    text = preview_text(preview)
    assert "- text: text, " in text
    assert "- author: 3 values, the rarest has 12 rows: " in text


def test_columns_that_test_lacks_and_side_tables(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    frame = pd.read_csv(root / "train.csv").assign(outcome_date="2020-01-01")
    frame.to_csv(root / "train.csv", index=False)
    folders.put(root / "stores.csv", ("store", "city"), [(1, "Ulm"), (2, "Bonn")])
    preview = look(spec_of(root))
    assert preview.train is not None
    assert preview.train.only_train == ("outcome_date",)
    assert any(
        line.startswith("stores.csv: csv") and "store, city" in line for line in preview.others
    )
    assert "only in train, not in test: outcome_date" in preview_text(preview)


def test_every_column_of_a_wide_table_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # Names without a common stem, so that no run of like columns is folded into one line.
    ends = ("ab", "ek", "im", "or", "un", "aw", "ep", "il", "ox", "ug")
    words = [first + end for first in "klmnprst" for end in ends]
    frame = pd.DataFrame({"id": range(400), "y": rng.integers(0, 2, 400)})
    frame = frame.assign(**{word: rng.normal(size=400).round(3) for word in words})
    text = preview_text(look(spec_of(write_table(tmp_path, frame, 300, "y"))))
    assert len(text) <= LIMIT
    assert [word for word in words if not re.search(rf"\b{word}\b", text)] == []


def test_images_are_described_by_their_headers(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    root = folders.files_by_id(tmp_path)
    for i, path in enumerate(sorted(root.glob("*/*.png"))):
        image.new("RGB", (32 + i % 2, 24)).save(path)
    (root / "train" / sorted((root / "train").iterdir())[0].name).write_bytes(b"no image")
    text = preview_text(look(spec_of(root, "accuracy")))
    assert "train (train): 30 files" in text
    assert "32..33 wide, 24..24 high, 2 sizes (PNG RGB), 1 of 30 unreadable" in text
    assert "test (test): 12 files" in text


def test_sounds_are_described_by_their_headers(tmp_path: Path) -> None:
    root = folders.files_by_id(tmp_path, suffix=".wav")
    for i, path in enumerate(sorted(root.glob("*/*.wav"))):
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"\0\0" * 4000 * (1 + i % 3))
    text = preview_text(look(spec_of(root, "accuracy")))
    assert "0.50..1.50 s, median 1.00 s (8000 Hz, 1 channels, 16 bit)" in text


def test_texts_in_files(tmp_path: Path) -> None:
    root = folders.files_by_id(tmp_path, suffix=".txt")
    for i, path in enumerate(sorted(root.glob("*/*.txt"))):
        path.write_text("word " * (10 + i))
    assert "median" in preview_text(look(spec_of(root, "accuracy")))
    assert "one begins: word word" in preview_text(look(spec_of(root, "accuracy")))


# ---------------------------------------------------------------- bounds


def test_a_wide_table_stays_short_and_shows_drift_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    names = [f"{i * 7919 % 100003:05x}x" for i in range(300)]
    frame = pd.DataFrame(rng.normal(size=(120, 300)).round(3), columns=names)
    frame.iloc[80:, 250] += 4
    frame.insert(0, "id", range(120))
    spec = spec_of(write_table(tmp_path, frame.assign(y=[i % 2 for i in range(120)]), 80, "y"))
    text = preview_text(look(spec))
    assert len(text) <= LIMIT
    assert f"- {names[250]}: number" in text
    assert "test differs" in text
    shown = text.count(": number, ")
    hidden = sum(
        int(word)
        for line in text.splitlines()
        if line.startswith("- and")
        for word in line.split()
        if word.isdigit()
    )
    assert shown + hidden == 300


def test_numbered_columns_become_one_line(tmp_path: Path) -> None:
    frame = pd.DataFrame({f"pixel{i}": [(i * k) % 251 for k in range(60)] for i in range(80)})
    frame.insert(0, "id", range(60))
    spec = spec_of(write_table(tmp_path, frame.assign(y=[i % 2 for i in range(60)]), 40, "y"))
    text = preview_text(look(spec))
    assert ".. pixel79: " in text
    assert len(text) < 1500


def test_many_files_stay_few_lines() -> None:
    files = [FoundFile(f"images/{i % 997:03d}/{i:06d}.jpg", 1000) for i in range(200_000)]
    files += [FoundFile(f"notes_{i}.txt", 10) for i in range(50)]
    started = time.process_time()
    lines = tree_lines(Path("nowhere"), sorted(files, key=lambda file: file.path))
    assert time.process_time() - started < 5
    assert len(lines) < 20
    assert lines[-1].startswith(
        "images/ 200,000 files in 997 folders (.jpg), 191 MiB, e.g. 000/000000.jpg"
    )
    assert "and 38 more files here, 380 B" in lines


def test_archives_are_looked_into(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        for i in range(5):
            archive.writestr(f"train/{i}.jpg", b"x")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    found = [FoundFile(name, 10) for name in ("broken.zip", "train.zip")]
    lines = tree_lines(tmp_path, found)
    assert "archive of 5 files (.jpg), e.g. train/0.jpg" in lines[1]
    assert "cannot be read" in lines[0]


def test_a_large_file_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows from everywhere: the first ones of an ordered file would show one class only (lesson 6)."""
    monkeypatch.setattr(preview_sample, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(preview_sample, "_BLOCK_BYTES", 400)
    rows = [(i, i % 9, int(i > 1500)) for i in range(3000)]
    folders.put(tmp_path / "train.csv", ("id", "a", "y"), rows)
    folders.put(tmp_path / "test.csv", ("id", "a"), [row[:2] for row in rows[:50]])
    folders.put(
        tmp_path / "sample_submission.csv", ("id", "y"), [(row[0] + 5000, 0.5) for row in rows[:50]]
    )
    pd.read_csv(tmp_path / "test.csv").assign(id=range(5000, 5050)).to_csv(
        tmp_path / "test.csv", index=False
    )
    preview = look(spec_of(tmp_path))
    assert preview.train is not None
    rows_read = re.search(r"facts from ([\d,]+) rows from all over the file", preview.train.layout)
    assert rows_read is not None
    assert 300 < int(rows_read[1].replace(",", "")) < 1500
    assert preview.train.columns[0].summary == "0 .. 8, median 4, 9 values"
    shares = {
        part.split()[0]: int(part.split()[1])
        for part in preview.target[0].split(": ")[2].split(", ")
    }
    assert 35 < shares["1"] < 65


def test_cells_with_line_breaks_are_read_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_sample, "WHOLE_BYTES", 1000)
    spec = spec_of(folders.target_first_text_key(tmp_path, train=300))
    preview = look(spec)
    assert preview.train is not None
    assert preview.train.rows == 300
    assert "facts from" not in preview.train.layout


def test_every_line_is_short_and_plain(tmp_path: Path) -> None:
    cells = ["x" * 100_000 + "\u202e", "a\nb\r\nc\x1b[0m", "ok"] * 20
    frame = pd.DataFrame({"id": range(60), "n\name " * 40: cells, "y": [0, 1] * 30})
    spec = spec_of(write_table(tmp_path, frame, 40, "y"))
    text = preview_text(look(spec))
    assert len(text) < LIMIT
    assert max(len(line) for line in text.splitlines()) < 200
    assert not set("\u202e\x1b\r") & set(text)


def test_text_keeps_to_its_limit() -> None:
    columns = tuple(ColumnFacts(f"c{i}", "number", "0 .. 1, median 0.5" * 3) for i in range(60))
    train = TableFacts("train.csv: csv", 10, columns, "900 number", ("z",) * 12, ("a=1, " * 90,))
    full = Preview(
        ("f" * 200,) * 30,
        train,
        ("t" * 200,) * 20,
        ("s" * 200,) * 3,
        ("o" * 300,) * 9,
        ("m" * 300,) * 4,
    )
    for limit in (2500, 4000, LIMIT):
        assert len(preview_text(full, limit)) <= limit


def test_lesson_38_a_table_of_50000_rows_takes_less_than_three_seconds(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({f"n{i}": rng.normal(size=60_000).round(4) for i in range(9)})
    frame = frame.assign(
        **{c: rng.choice([f"{c}{k}" for k in range(40)], 60_000) for c in ("p", "q", "r")}
    )
    frame.insert(0, "id", range(60_000))
    root = write_table(tmp_path, frame.assign(y=rng.integers(0, 2, 60_000)), 50_000, "y")
    spec = spec_of(root)
    # CPU time: other processes of a busy machine do not count.
    before = resource.getrusage(resource.RUSAGE_SELF)
    text = preview_text(look(spec))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3
    assert "50,000 rows" in text


_PEAK = """
import json, resource, sys
from core.records import CompetitionSpec
from utils.json_records import from_json
from core.task.look.collect import look
spec = from_json(CompetitionSpec, json.load(sys.stdin))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
look(spec)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_is_bounded_for_a_large_table(tmp_path: Path) -> None:
    """60 MB of csv: far less than the table itself is held."""
    root = folders.real_rows(tmp_path)
    spec = spec_of(root, "mae")
    line = "1,17,k1 " + "x" * 480 + ",103.5\n"
    with (root / "train.csv").open("w") as stream:
        stream.write("id,size,kind,price\n")
        stream.writelines(line for _ in range(120_000))
    made = subprocess.run(
        [sys.executable, "-c", _PEAK],
        input=json.dumps(to_json(spec)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert int(made.stdout) < 120
