"""Ids that are only parts of what a file beside the tables says: no view shows them of held-out
rows.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.records import CompetitionSpec, TableFile, View
from core.task.folder.loading import head
from core.task.hints import NO_HINTS
from core.task.recognise import roles
from core.task.recognise.spec import inspect_competition
from core.task.views.build import build_views
from core.task.views.id_mentions import Mentions
from tests.task import folders
from tests.task.view_cases import answers, built, contents, planned, save, spec_of, table

CODE, NUMBER = "L{:05d}", "{}"


def case(folder: Path, style: str = CODE, rows: int = 60, first: int = 12345) -> CompetitionSpec:
    """Ids in this style, a size, and a target that nothing tells."""
    spec = spec_of(folder)
    ids = [style.format(first + i) for i in range(rows + 20)]
    target = np.random.default_rng(3).choice(["0", "1"], rows)
    save(
        spec,
        pd.DataFrame({"id": ids[:rows], "size": "1.5", "target": target}),
        pd.DataFrame({"id": ids[rows:], "size": "2.5"}),
        pd.DataFrame({"id": ids[rows:], "target": "0.5"}),
    )
    return spec


def twice(train: pd.DataFrame) -> pd.DataFrame:
    return train.loc[train.index.repeat(2)].reset_index(drop=True)


Rows = Callable[[pd.DataFrame], pd.DataFrame]
CUT: dict[str, Rows] = {
    "name": lambda t: pd.DataFrame({"file_name": t["id"] + ".mp4", "y": t["target"]}),
    "path": lambda t: pd.DataFrame({"path": "data/" + t["id"] + "/clip_1.mp4", "y": t["target"]}),
    "suffix": lambda t: pd.DataFrame(
        {"key": t["id"] + np.tile(["_a", "_b"], len(t) // 2), "y": t["target"]}
    ),
    "prefix": lambda t: pd.DataFrame({"key": "img_" + t["id"] + ".png", "y": t["target"]}),
    "pair": lambda t: pd.DataFrame(
        {"pair": t["id"] + " " + t["id"].shift(1).fillna(""), "y": t["target"]}
    ),
}


def told(view: View) -> set[str]:
    """Held-out ids that stand anywhere in the view but in test rows and the sample."""
    held = set(answers(view)["ids"][:, 0])
    files = {
        path: data
        for path, data in contents(Path(view.path)).items()
        if path.rpartition("/")[0] == "side"
    }
    return {name for name in held for data in files.values() if name.encode() in data}


@pytest.mark.parametrize("style", [CODE, NUMBER])
@pytest.mark.parametrize("shape", CUT)
def test_rows_with_ids_inside_their_cells_are_cut(tmp_path: Path, style: str, shape: str) -> None:
    spec = case(tmp_path / "data", style)
    (tmp_path / "data" / "side").mkdir()
    frame = CUT[shape](twice(table(spec, None, "train")))
    frame.to_csv(tmp_path / "data" / "side" / "notes.csv", index=False)
    frame.to_json(tmp_path / "data" / "side" / "notes.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "data" / "side" / "notes.parquet")
    for view in built(spec, tmp_path / "ws", ["search0", "search1"]).values():
        assert told(view) == set()
        kept = pd.read_csv(Path(view.path, "side", "notes.csv"), dtype=str)
        assert len(kept) >= 0.5 * len(frame)
        known = pd.read_parquet(Path(view.path, "side", "notes.parquet"))
        assert len(known) == len(kept)
        assert not any(name in " ".join(known.iloc[:, 0]) for name in answers(view)["ids"][:, 0])


@pytest.mark.parametrize("style", [CODE, NUMBER])
@pytest.mark.parametrize("shape", ["lists.csv", "columns.csv", "nested.json", "names.json"])
def test_files_that_cannot_be_cut_are_left_out_and_named(
    tmp_path: Path, style: str, shape: str
) -> None:
    spec = case(tmp_path / "data", style)
    train, path = table(spec, None, "train"), tmp_path / "data" / "side" / shape
    path.parent.mkdir()
    pairs = list(zip(train["id"], train["target"], strict=True))
    if shape == "lists.csv":
        path.write_text(
            "ids,y\n" + "".join(f'"{";".join(n for n, y in pairs if y == k)}",{k}\n' for k in "01")
        )
    elif shape == "columns.csv":
        train.set_index("id").T.to_csv(path)
    else:
        texts = {
            "nested.json": {
                "items": [{"name": f"{n}.mp4", "y": y} for n, y in pairs],
                "made": "2020-01-01",
            },
            "names.json": {f"{n}.jpg": int(y) for n, y in pairs},
        }
        path.write_text(json.dumps(texts[shape]))
    views, split = build_views(spec, planned(spec), tmp_path / "ws", ["search0"])
    assert told(views[0]) == set()
    assert not Path(views[0].path, "side", shape).exists()
    assert f"side/{shape}" in split.why


@pytest.mark.parametrize("key", ["{}", "{}.jpg"])
@pytest.mark.parametrize("style", [CODE, NUMBER])
def test_records_by_id_are_cut(tmp_path: Path, style: str, key: str) -> None:
    spec = case(tmp_path / "data", style)
    train, path = table(spec, None, "train"), tmp_path / "data" / "side" / "keys.json"
    path.parent.mkdir()
    records = {
        key.format(name): {"y": y, "n": 1}
        for name, y in zip(train["id"], train["target"], strict=True)
    }
    path.write_text(json.dumps(records))
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert told(view) == set()
    shown = json.loads(Path(view.path, "side", "keys.json").read_text())
    assert len(shown) == len(train) - len(answers(view)["ids"])
    assert all(records[name] == record for name, record in shown.items())


@pytest.mark.parametrize("style", [CODE, NUMBER])
def test_features_by_file_name_stay_for_both_parts_and_lose_answers(
    tmp_path: Path, style: str
) -> None:
    spec = case(tmp_path / "data", style)
    train, test = table(spec, None, "train"), table(spec, None, "test")
    names = [f"{name}.wav" for name in (*train["id"], *test["id"])]
    width = [str(i) for i in range(len(names))]
    filled = [*train["target"], *([""] * len(test))]
    frame = pd.DataFrame({"file": names, "width": width, "target": filled, "seen": filled})
    frame.to_csv(tmp_path / "data" / "sound.csv", index=False)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    shown = pd.read_csv(Path(view.path, "sound.csv"), dtype=str, keep_default_na=False)
    held = {f"{name}.wav" for name in answers(view)["ids"][:, 0]}
    assert list(shown.columns) == ["file", "width", "seen"]
    assert shown["width"].tolist() == width
    assert set(shown.loc[shown["file"].isin(held), "seen"]) == {""}


ORDINARY = {
    "minutes": [f"{i} min" for i in range(25)],
    "dates": [f"2020-{1 + i % 12:02d}-{1 + i:02d} 12:{i + 10}:00" for i in range(25)],
    "streets": [f"{i} {chr(97 + i % 26)}{chr(97 + i // 26)}lm street" for i in range(55)],
    "numbers": [f"{i}.{i + 1}" for i in range(55)],
    "lists": [f"[{i}, {i + 900}, {i * 50 + 777}]" for i in range(55)],
}


@pytest.mark.parametrize("shape", ORDINARY)
def test_ordinary_numbers_are_no_ids(tmp_path: Path, shape: str) -> None:
    spec = case(tmp_path / "data", NUMBER, first=1)
    frame = pd.DataFrame({"what": ORDINARY[shape], **{str(i): "0" for i in range(40)}})
    frame.to_csv(tmp_path / "data" / "side.csv", index=False)
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    assert Path(view.path, "side.csv").read_bytes() == (tmp_path / "data" / "side.csv").read_bytes()


def test_ids_that_are_words_may_stand_in_any_text(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data")
    words = [f"{a}{b}land" for a in "abcdefgh" for b in "klmnopqr"]
    save(
        spec,
        pd.DataFrame({"id": words[:44], "target": ["0", "1"] * 22}),
        pd.DataFrame({"id": words[44:]}),
        pd.DataFrame({"id": words[44:], "target": "0.5"}),
    )
    (tmp_path / "data" / "facts.csv").write_text(
        "fact,n\n" + f"{words[3]} is cold,1\n{words[9]} is warm,2\n"
    )
    (tmp_path / "data" / "mixed.csv").write_text(f"what,n\n{words[3]},1\nmore,2\n")
    (tmp_path / "data" / "files.csv").write_text(
        "file,n\n" + "".join(f"a/{word}.png,1\n" for word in words[:44] * 2)
    )
    view = built(spec, tmp_path / "ws", ["search0"])["search0"]
    held = set(answers(view)["ids"][:, 0])
    shown = pd.read_csv(Path(view.path, "files.csv"))["file"].tolist()
    assert shown == [f"a/{word}.png" for word in words[:44] * 2 if word not in held]
    assert Path(view.path, "facts.csv").exists()
    assert not Path(view.path, "mixed.csv").exists()


@pytest.mark.parametrize("shape", ["zip", "gz"])
def test_a_compressed_table_that_is_large_inside_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    spec = case(tmp_path / "data")
    path = tmp_path / "data" / f"extra.csv.{shape}"
    frame = pd.DataFrame({"year": range(4000), "price": 1})
    frame.to_csv(path, index=False, compression={"zip": "zip", "gz": "gzip"}[shape])
    assert path.stat().st_size < 20_000
    names = planned(spec), tmp_path / "ws", ["search0"]
    views, split = build_views(spec, *names)
    assert Path(views[0].path, path.name).exists()
    monkeypatch.setattr("core.task.views.side_tables.BIG_BYTES", 20_000)
    views, split = build_views(spec, *names)
    assert not Path(views[0].path, path.name).exists()
    assert path.name in split.why


def test_the_recognition_does_not_read_a_table_of_one_long_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its only line would have to be unpacked whole."""
    data, seen = folders.binary_rows(tmp_path / "data"), list[str | None]()
    with zipfile.ZipFile(data / "extra.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("extra.csv", "0" * (8 << 20))
    monkeypatch.setattr(
        roles,
        "head",
        lambda root, table, *rows: seen.append(table.member) or head(root, table, *rows),
    )
    spec = inspect_competition(data, "", NO_HINTS, tmp_path / "ws")
    assert spec.tables.train == TableFile("train.csv")
    assert seen
    assert "extra.csv" not in seen


def test_a_table_whose_archive_lies_is_left_out(tmp_path: Path) -> None:
    spec = case(tmp_path / "data")
    path = tmp_path / "data" / "extra.zip"
    text = "year,price\n" + "".join(f"{year},1\n" for year in range(200_000))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extra.csv", text)
    raw = bytearray(path.read_bytes())
    raw[1_000_000] ^= 1
    path.write_bytes(raw)
    views, split = build_views(spec, planned(spec), tmp_path / "ws", ["search0"])
    assert not Path(views[0].path, "extra.zip").exists()
    assert "extra.zip" in split.why


def test_a_table_with_the_columns_of_train_is_named_as_such(tmp_path: Path) -> None:
    spec = case(tmp_path / "data")
    other = table(spec, None, "train").head(50).assign(id=[f"M{i}" for i in range(50)])
    other.to_csv(tmp_path / "data" / "train_part1.csv", index=False)
    views, split = build_views(spec, planned(spec), tmp_path / "ws", ["search0"])
    assert not Path(views[0].path, "train_part1.csv").exists()
    assert "train_part1.csv (it has the train table's columns)" in split.why


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("L12", "L12"),
        ("L12", "data/L12/x.png"),
        ("L12", "train_L12_mask.png"),
        ("L12", "l12"),
        ("L12.jpg", "L12"),
        ("L12.jpg", "masks/L12.png"),
        ("img_0012", "img_0012_b.wav"),
        ("cat/0012x", "0012x.png"),
        ("a+b=7", "x a+b=7 y"),
        ("\u0444\u04307", "/\u0444\u04307.txt"),
    ],
)
def test_ways_to_write_an_id(name: str, text: str) -> None:
    assert Mentions({"other9": 0, name: 1}, 2, 0).found(text) == {1}


@pytest.mark.parametrize("text", ["L123", "xL12", "L1 2", "img 0012", "img-", "0012"])
def test_other_text_is_no_id(text: str) -> None:
    assert Mentions({"L12": 0, "img_0012": 1}, 2, 0).found(text) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12345", True),
        ("12345.mp4", True),
        ("img_12345.png", True),
        ("a/12345/b", True),
        ("12345 7", True),
        ("0.12345", False),
        ("-12345", False),
        ("12345-06-07", False),
        ("12345:10", False),
        ("1.5e-12345", False),
        ("x12345", False),
    ],
)
def test_numbers_that_may_be_ids(text: str, found: bool) -> None:
    assert Mentions({"12345": 0, "77": 1}, 2, 0).numbers(text)[0] == ({0} if found else set())


def test_ids_that_differ_in_case_only_are_told_apart() -> None:
    mentions = Mentions({"aB1": 0, "ab1": 1}, 2, 0)
    assert [mentions.found(text) for text in ("aB1.png", "ab1.png", "AB1.png")] == [{0}, {1}, set()]
