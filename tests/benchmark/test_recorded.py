"""What goes into the file of a recorded run: its own texts as they are, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.__main__ import main
from benchmark.measures.recorded import pack, unpack
from core.journal.journal import read_lines
from tests.e2e.runs import ROOT
from utils.errors import DataError

CUT_RUN = ROOT / "tests" / "recorded" / "runs_0b1b1bd" / "cut"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Of a run with one decision about a request."""
    logs = tmp_path / "run" / "logs"
    shutil.copytree(CUT_RUN / "logs", logs)
    (logs / "answers").mkdir()
    journal = logs / "journal.jsonl"
    lines, _ = read_lines(journal)
    brief = {"kind": "draft", "parents": [], "locus": None, "seconds": None, "progress": 0.5}
    line = {"v": 1, "seq": len(lines), "t": lines[-1]["t"], "type": "brief", "step": 9, **brief}
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return logs


def test_texts_are_kept_byte_for_byte(logs: Path, tmp_path: Path) -> None:
    (logs / "answers" / "0123.txt").write_bytes(b"a\r\nb\rc\x0cd\xe2\x80\xa8e")
    (logs / "programs" / "4567.py").write_bytes(b"x = 1\r\n\xff")
    pack(logs, tmp_path / "x.tar.xz")
    again = unpack(tmp_path / "x.tar.xz", tmp_path / "again")
    for name in ("answers", "programs"):
        before = {path.name: path.read_bytes() for path in (logs / name).iterdir()}
        assert {path.name: path.read_bytes() for path in (again / name).iterdir()} == before


@pytest.mark.parametrize("name", ["programs/0123.py", "answers/0123.txt", "journal.jsonl"])
def test_a_link_is_not_followed(name: str, logs: Path, tmp_path: Path) -> None:
    secret, path = tmp_path / "secret", logs / name
    secret.write_bytes(path.read_bytes() if path.exists() else b"key = 1\n")
    path.unlink(missing_ok=True)
    path.symlink_to(secret)
    with pytest.raises(DataError, match=f"{path} is a link"):
        pack(logs, tmp_path / "x.tar.xz")
    assert not (tmp_path / "x.tar.xz").exists()


def test_nor_is_a_linked_folder(logs: Path, tmp_path: Path) -> None:
    (logs / "answers").replace(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "0123.txt").write_text("key")
    (logs / "answers").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link"):
        pack(logs, tmp_path / "x.tar.xz")


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "..", "", ".hidden", "a\0b", "x\n"])
def test_a_name_that_leads_elsewhere_is_refused(
    name: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "to" / "here"
    place.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    assert main(["record", str(logs), name, "--to", str(place)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is no name of a file" in line
    assert set(tmp_path.rglob("*")) == before
    assert main(["record", str(logs), "demand-2.b", "--to", str(place)]) == 0
    assert (place / "demand-2.b.tar.xz").is_file()
