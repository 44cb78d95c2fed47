"""Rule P8: JSON in its forms, decimal commas, and tables that cannot be read; each goes back as it
came.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from core.judging.leaks import leak_warnings
from core.task.folder.inventory import list_files
from core.task.folder.sniff import find_tables
from core.task.hints import NO_HINTS
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from tests.task.rule_cases import build, check_rows, everything, truth
from tests.task.view_cases import table
from utils.errors import SpecError
from utils.tables import from_json_text, read_table, to_json_text, write_table

AUC = "## Evaluation\n\nSubmissions are evaluated on area under the ROC curve.\n"
RMSE = "## Evaluation\n\nSubmissions are scored on RMSE.\n"
RECORDS = [
    {
        "id": "a1",
        "n": 1,
        "f": 0.1,
        "b": True,
        "l": ["x", 2],
        "d": {"k": None},
        "t": 'say "h\u00e9"\n',
    },
    {"id": "a2", "n": 2, "f": -3e-5, "b": False, "l": [], "t": None},
    {"id": "a3", "n": 10**18, "f": 2.0, "b": True, "l": [[1, 2]], "d": {}, "t": ""},
]


@pytest.mark.parametrize("format", ["json", "jsonl"])
@pytest.mark.parametrize("member", [None, "inner.json"])
def test_records_come_back_as_they_were(tmp_path: Path, format: str, member: str | None) -> None:
    frame = from_json_text(json.dumps(RECORDS), "json")
    path = tmp_path / ("a.zip" if member else "a.json")
    write_table(frame, path, format, member=member)
    again = read_table(path, format, member=member)
    assert json.loads(to_json_text(again, "json")) == RECORDS
    assert json.loads(to_json_text(again.iloc[[2, 0]], "json")) == [RECORDS[2], RECORDS[0]]


def test_columns_come_back_as_columns(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"id": {"0": "x", "1": "y"}, "v": {"0": 1, "1": 2.5}}')
    frame = read_table(tmp_path / "a.json", "json_columns")
    assert frame.to_dict("list") == {"id": ["x", "y"], "v": [1, 2.5]}
    write_table(frame.iloc[1:], tmp_path / "b.json", "json_columns")
    assert json.loads((tmp_path / "b.json").read_text()) == {"id": {"0": "y"}, "v": {"0": 2.5}}


def test_records_by_id_come_back_as_records_by_id(tmp_path: Path) -> None:
    records = {
        f"{i}.mp4": {"label": "FAKE" if i % 3 else "REAL", **({"n": i} if i else {})}
        for i in range(6)
    }
    (tmp_path / "a.json").write_text(json.dumps(records))
    (found,) = find_tables(tmp_path, list_files(tmp_path))
    assert (found.table.format, found.columns) == ("json_rows", ("", "label", "n"))
    frame = read_table(tmp_path / "a.json", "json_rows")
    write_table(frame.iloc[[0, 4]], tmp_path / "b.json", "json_rows")
    assert json.loads((tmp_path / "b.json").read_text()) == {
        name: records[name] for name in ("0.mp4", "4.mp4")
    }


def test_labels_in_records_by_file_name(tmp_path: Path) -> None:
    """No table of answers but a JSON file beside the images."""
    records = {}
    for part, count in (("train", 40), ("test", 10)):
        (tmp_path / part).mkdir()
        for i in range(count):
            (tmp_path / part / f"{part}{i:03d}.jpg").write_bytes(bytes([i, 7]))
            records |= (
                {f"{part}{i:03d}.jpg": {"label": ("FAKE", "REAL")[i % 2], "split": part}}
                if part == "train"
                else {}
            )
    (tmp_path / "train" / "metadata.json").write_text(json.dumps(records))
    shown = "".join(f"test{i:03d}.jpg,0.5\n" for i in range(10))
    (tmp_path / "sample_submission.csv").write_text(f"filename,label\n{shown}")
    spec = inspect_competition(tmp_path, "## Evaluation\n\nScored by log loss.\n", NO_HINTS)
    assert spec.tables.train is not None
    assert (spec.tables.train.path, spec.answers.labels, spec.tables.rows_train) == (
        "train/metadata.json",
        ("label",),
        40,
    )
    assert spec.files.by_id is not None
    assert (spec.files.by_id.train_dirs, spec.files.by_id.test_dirs) == (("train",), ("test",))


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1}', "[", '[{"a": 1}, 2]'])
def test_other_json_is_no_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=".*"):
        from_json_text(text, "json")
    (tmp_path / "a.json").write_text(text)
    found = find_tables(tmp_path, list_files(tmp_path))
    assert all(each.columns == ("a",) for each in found)


def test_a_mapping_of_records_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "coco.json").write_text(
        '{"images": [{"id": 1}, {"id": 2}], "annotations": [{"id": 1}, {"id": 2}]}'
    )
    (tmp_path / "pretty.json").write_text('{\n "info": {"year": 2020},\n "licenses": [1, 2]\n}')
    assert find_tables(tmp_path, list_files(tmp_path)) == ()


@pytest.mark.parametrize("form", ["json", "jsonl", "pretty", "zip", "columns"])
def test_json_records_as_train_and_test(tmp_path: Path, form: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rows = [
        {
            "request": f"t{i}",
            "words": ["a"] * (i % 3),
            "age": i / 8,
            "later": f"note {i}",
            "won": i % 4 == 0,
        }
        for i in range(50)
    ]
    asked = [{key: row[key] for key in ("request", "words", "age")} for row in rows[40:]]
    for name, records in (("train", rows[:40]), ("test", asked)):
        if form in ("json", "pretty"):
            (data / f"{name}.json").write_text(
                json.dumps(records, indent=4 if form == "pretty" else None)
            )
        elif form == "jsonl":
            (data / f"{name}.jsonl").write_text(
                "".join(json.dumps(record) + "\n" for record in records)
            )
        elif form == "columns":
            columns = {
                key: {str(i): row[key] for i, row in enumerate(records)} for key in records[0]
            }
            (data / f"{name}.json").write_text(json.dumps(columns))
        else:
            with zipfile.ZipFile(data / f"{name}.json.zip", "w") as archive:
                archive.writestr(f"{name}.json", json.dumps(records))
    folders.put(
        data / "sampleSubmission.csv", ("request", "won"), [(row["request"], 0) for row in asked]
    )
    made = build(data, tmp_path / "ws", AUC)
    assert (made.spec.answers.labels, made.spec.features.names) == (("won",), ("words", "age"))
    check_rows(made)
    for view in made.searches:
        test = table(made.spec, view, "test").set_index("request")
        assert list(test.columns) == ["words", "age"]
        for name, answer in truth(view).items():
            row = rows[int(name[1:])]
            assert answer == [str(row["won"])]
            assert (test.loc[name, "words"], test.loc[name, "age"]) == (row["words"], row["age"])
            assert not any(
                f'"note {name[1:]}"'.encode() in content for content in everything(view).values()
            )
    assert isinstance(leak_warnings(made.spec), list)
    assert write_baseline(data, made.spec, tmp_path / "out.csv")["source"] == "prior"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_are_numbers(tmp_path: Path, delimiter: str) -> None:
    data = tmp_path / "data"
    rows = [(i, f"{10 + i % 9},5", "k", f"{100 + 3 * (i % 9)},25") for i in range(60)]
    folders.put(data / "train.csv", ("id", "size", "kind", "price"), rows[:40], delimiter)
    folders.put(
        data / "test.csv", ("id", "size", "kind"), [row[:3] for row in rows[40:]], delimiter
    )
    folders.put(
        data / "sample_submission.csv",
        ("id", "price"),
        [(row[0], 0) for row in rows[40:]],
        delimiter,
    )
    made = build(data, tmp_path / "ws", RMSE)
    assert (made.spec.metric.name, made.spec.metric.source, made.spec.value_kind) == (
        "rmse",
        "description",
        "real",
    )
    assert made.spec.tables.train is not None
    assert made.spec.tables.train.decimal == ","
    assert "numbers have a decimal comma in train.csv" in made.notes
    for view in made.searches:
        for name, row in truth(view).items():
            assert row == [100.25 + 3 * (int(name) % 9)]
        assert set(table(made.spec, view, "train")["price"]) <= {row[3] for row in rows}
    out = tmp_path / "out.csv"
    assert write_baseline(data, made.spec, out)["source"] == "prior"
    mean = pd.read_csv(out, sep=delimiter)["price"][0]
    assert mean == pytest.approx(sum(100.25 + 3 * (i % 9) for i in range(40)) / 40)


def test_commas_between_words_are_no_decimals(tmp_path: Path) -> None:
    folders.put(tmp_path / "a.csv", ("id", "v", "w"), [(1, "1,5", "2.5")], ";")
    folders.put(tmp_path / "b.csv", ("id", "v"), [(1, "x,y")], ";")
    folders.put(tmp_path / "c.csv", ("id", "v"), [(1, 15), (2, 16)])
    assert {found.table.decimal for found in find_tables(tmp_path, list_files(tmp_path))} == {"."}


def _binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)


def _no_parquet(path: Path) -> None:
    path.unlink()
    path.with_suffix(".parquet").write_bytes(b"PAR1 not really")


def _empty(path: Path) -> None:
    path.write_bytes(b"\n\n")


@pytest.mark.parametrize(
    ("broken", "told"), [(_binary, "binary"), (_no_parquet, "train.parquet"), (_empty, "empty")]
)
def test_what_could_not_be_read_is_said(tmp_path: Path, broken: object, told: str) -> None:
    root = folders.binary_rows(tmp_path)
    broken(root / "train.csv")  # type: ignore[operator]
    with pytest.raises(SpecError, match=r"train\.(csv|parquet) cannot be read") as caught:
        inspect_competition(root, "", NO_HINTS)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_jsonl_beside_the_train_table_is_cut_by_row(tmp_path: Path) -> None:
    data = folders.binary_rows(tmp_path / "data")
    train = read_table(data / "train.csv")
    write_table(train, data / "copy.jsonl", "jsonl")
    made = build(data, tmp_path / "ws", AUC)
    for view in made.searches:
        copy = read_table(Path(view.path, "copy.jsonl"), "jsonl")
        assert not set(copy["id"]) & set(truth(view))
        assert len(copy) == view.rows_train
