"""The cache of vectors: what is wrong with its file costs time and one line, never an answer."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from utils.embedding_cache import VectorCache

ROOT = Path(__file__).resolve().parents[2]
SOME = {b"one": b"\x00" * 16, b"two": b"\x01" * 16}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_what_was_put_is_there_for_another_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "new" / "vectors.sqlite"
    assert VectorCache(path).get(SOME) == {}
    VectorCache(path).put(SOME)
    VectorCache(path).put({b"one": b"again"})
    assert VectorCache(path).get([b"one", b"two", b"three"]) == {
        b"one": b"again",
        b"two": SOME[b"two"],
    }
    assert lines(caplog) == []


def foreign_text(path: Path) -> None:
    path.write_text("id,value\n1,2\n" * 500)


def foreign_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE vectors (name TEXT, size INTEGER)")


def torn(path: Path) -> None:
    VectorCache(path).put({bytes([number]): os.urandom(4096) for number in range(100)})
    path.write_bytes(path.read_bytes()[:5000])


def garbled(path: Path) -> None:
    VectorCache(path).put({bytes([number]): os.urandom(4096) for number in range(100)})
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [foreign_text, foreign_table, torn, garbled])
def test_a_broken_file_is_moved_aside(
    spoil: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vectors.sqlite"
    assert callable(spoil)
    spoil(path)
    before = path.read_bytes()
    cache = VectorCache(path)
    assert cache.get(SOME) == {}
    cache.put(SOME)
    assert VectorCache(path).get(SOME) == SOME
    assert (tmp_path / "vectors.sqlite.broken").read_bytes() == before
    assert len(lines(caplog)) == 1
    assert "is begun anew" in lines(caplog)[0]


def test_another_table_in_the_file_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "vectors.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE others (name TEXT)")
        database.execute("INSERT INTO others VALUES ('kept')")
    VectorCache(path).put(SOME)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM others").fetchall() == [("kept",)]
    assert lines(caplog) == []


def test_a_place_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "vectors.sqlite", tmp_path):
        caplog.clear()
        cache = VectorCache(path)
        for _ in range(3):
            cache.put(SOME)
            assert cache.get(SOME) == {}
        assert len(lines(caplog)) == 1
        assert "works without" in lines(caplog)[0]


def test_a_file_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    VectorCache(path).put(SOME)
    path.chmod(0o444)
    assert VectorCache(path).get(SOME) == SOME


def test_rows_of_another_type_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    VectorCache(path).put(SOME)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE vectors SET vector = 'text' WHERE key = ?", (b"one",))
    assert VectorCache(path).get(SOME) == {b"two": SOME[b"two"]}


def test_two_processes_write_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    code = (
        "import sys; from pathlib import Path; from utils.embedding_cache import VectorCache\n"
        "cache, name = VectorCache(Path(sys.argv[1])), sys.argv[2].encode()\n"
        "for n in range(40): cache.put({b'%s %d' % (name, n): b'%d' % n})\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), name],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    expected = {b"%s %d" % (name, n): b"%d" % n for name in (b"a", b"b") for n in range(40)}
    assert VectorCache(path).get(expected) == expected


def test_a_locked_file_is_waited_for_and_then_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.embedding_cache._PATIENCE_S", 0.05)
    path = tmp_path / "vectors.sqlite"
    cache = VectorCache(path)
    cache.put({b"one": b"before"})
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert cache.get([b"one"]) == {}
    assert cache.get([b"one"]) == {b"one": b"before"}
    assert len(lines(caplog)) == 1
    assert "locked" in lines(caplog)[0]
