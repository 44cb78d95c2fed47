"""Rule P6: archives are unpacked once, beside links to everything else, and never where they are
not safe.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.task.folder import archives
from core.task.folder.archives import Archive, ArchiveError, listed, to_unpack, unpack
from core.task.folder.inventory import list_files
from core.task.hints import NO_HINTS
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from tests.task.rule_cases import build, check_rows, everything, truth
from utils.errors import SpecError

MACRO_F1 = "## Evaluation\n\nSubmissions are evaluated using the macro F1 score.\n"


def pack(root: Path, folder: str, archive: str, inside: str = "", keep: bool = False) -> None:
    """Puts the files of root/folder into an archive, below `inside`, and removes them."""
    paths = sorted(path for path in (root / folder).rglob("*") if path.is_file())
    names = [str(Path(inside, path.relative_to(root / folder))) for path in paths]
    if archive.endswith(".zip"):
        with zipfile.ZipFile(root / archive, "w") as made:
            for path, name in zip(paths, names, strict=True):
                made.write(path, name)
    else:
        with tarfile.open(root / archive, "w:gz" if archive.endswith("gz") else "w") as tar:
            for path, name in zip(paths, names, strict=True):
                tar.add(path, name)
    for path in () if keep else paths:
        path.unlink()


def test_an_archive_of_archives(tmp_path: Path) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    for part in ("train", "test"):
        (data / "inner").mkdir(exist_ok=True)
        pack(data, part, f"inner/{part}.zip", part)
    pack(data, "inner", "images.zip")
    made = build(data, tmp_path / "ws", MACRO_F1)
    assert made.spec.files.by_id is not None
    assert (made.spec.files.by_id.train_dirs, made.spec.files.by_id.test_dirs) == (
        ("images/train",),
        ("images/test",),
    )
    check_rows(made)
    for view in made.searches:
        seen = everything(view)
        assert not any(name.endswith(".zip") for name in seen)
        assert not any(f"images/train/{name}.jpg" in seen for name in truth(view))
    again = inspect_competition(data, MACRO_F1, NO_HINTS, tmp_path / "ws")
    assert again.files.by_id == made.spec.files.by_id


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz"])
@pytest.mark.parametrize("inside", ["", "{part}"], ids=["flat", "folder"])
def test_images_in_archives(tmp_path: Path, suffix: str, inside: str) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    for part in ("train", "test"):
        pack(data, part, f"{part}{suffix}", inside.format(part=part))
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    made = build(data, tmp_path / "ws", MACRO_F1)
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == before
    assert made.spec.files.by_id is not None
    assert (made.spec.files.by_id.train_dirs, made.spec.files.by_id.test_dirs) == (
        ("train",),
        ("test",),
    )
    assert made.spec.original_dir == str(data)
    assert made.views["full"].path == str((tmp_path / "ws" / "prepared").resolve())
    check_rows(made)
    for view in made.searches:
        seen = everything(view)
        assert f"train{suffix}" not in seen
        assert all(seen[f"test/{name}.jpg"].startswith(str(name).encode()) for name in truth(view))
        assert not any(f"train/{name}.jpg" in seen for name in truth(view))
    assert f"train{suffix}" in made.split.why


def test_the_same_run_unpacks_once(tmp_path: Path) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    pack(data, "train", "train.zip")
    first = build(data, tmp_path / "ws", MACRO_F1)
    made = {path: path.lstat().st_ctime_ns for path in (tmp_path / "ws" / "prepared").rglob("*")}
    again = inspect_competition(data, MACRO_F1, NO_HINTS, tmp_path / "ws")
    assert again == first.spec
    assert {
        path: path.lstat().st_ctime_ns for path in (tmp_path / "ws" / "prepared").rglob("*")
    } == made
    (data / "more.txt").write_text("a new file")
    assert (
        inspect_competition(data, MACRO_F1, NO_HINTS, tmp_path / "ws").data_digest
        != first.spec.data_digest
    )
    assert (tmp_path / "ws" / "prepared" / "more.txt").read_text() == "a new file"


def test_an_archive_that_lies_there_unpacked_is_left_alone(tmp_path: Path) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    pack(data, "train", "train.zip", keep=True)
    made = build(data, tmp_path / "ws", MACRO_F1)
    assert made.spec.original_dir == ""
    assert all("train.zip" not in everything(view) for view in made.searches)
    assert "train.zip" in everything(made.views["full"])


def test_only_with_three_times_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    pack(data, "train", "train.zip")
    monkeypatch.setattr(
        archives.shutil, "disk_usage", lambda path: archives.shutil._ntuple_diskusage(10, 5, 100)
    )
    spec = inspect_competition(data, MACRO_F1, NO_HINTS, tmp_path / "ws")
    assert any("train.zip is not unpacked: it declares" in note for note in spec.notes)


def test_without_a_workspace_it_is_said(tmp_path: Path) -> None:
    data = folders.files_by_id(tmp_path / "data", suffix=".jpg")
    pack(data, "train", "train.zip")
    spec = inspect_competition(data, MACRO_F1, NO_HINTS)
    assert any("train.zip is not unpacked: there is no workspace" in note for note in spec.notes)


def test_unsafe_members_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("../out.txt", "/abs.txt", "good/a.txt", "good/.hidden", "good/b.txt"):
            tar.addfile(info := tarfile.TarInfo(name), io.BytesIO(b""))
            assert info.size == 0
        link = tarfile.TarInfo("good/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    archive = listed(tmp_path, "a.tar")
    assert [name for name, _ in archive.members] == ["good/a.txt", "good/b.txt"]
    (tmp_path / "to").mkdir()
    unpack(tmp_path, archive, tmp_path / "to")
    assert sorted(path.name for path in tmp_path.rglob("*.txt")) == ["a.txt", "b.txt"]
    assert not (tmp_path / "to" / "a" / "good" / "link").exists()


@pytest.mark.parametrize(
    ("path", "members", "targets"),
    [
        ("train.zip", ("a.jpg", "b.jpg"), ("train/a.jpg", "train/b.jpg")),
        ("train.zip", ("train/a.jpg", "train/b.jpg"), ("train/a.jpg", "train/b.jpg")),
        ("train.tar.gz", ("images/a.jpg", "c.jpg"), ("train/images/a.jpg", "train/c.jpg")),
        ("in/sample_submission.csv.7z", ("sample_submission.csv",), ("in/sample_submission.csv",)),
    ],
)
def test_where_members_go(path: str, members: tuple[str, ...], targets: tuple[str, ...]) -> None:
    assert Archive(path, tuple((name, 1) for name in members)).targets == targets


def test_torn_archives_are_noted(tmp_path: Path) -> None:
    data = folders.binary_rows(tmp_path / "data")
    for name in ("a.zip", "b.tar.gz", "c.7z"):
        (data / name).write_bytes(b"PK\x03\x04 torn")
    found, notes = to_unpack(data, list_files(data))
    assert not found
    assert [note.split()[0] for note in notes] == ["a.zip", "b.tar.gz", "c.7z"]
    assert build(data, tmp_path / "ws").spec.tables.rows_train == 40


def fake_seven_zip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program `7z` on the path, for archives that are tar files inside: listing and unpacking as
    7z words them.
    """
    program = folder / "bin" / "7z"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, tarfile\n"
        "words = sys.argv[1:]\n"
        "tar = tarfile.open([word for word in words if word.endswith('.7z')][0])\n"
        "if words[0] == 'l':\n"
        "    for info in tar:\n"
        "        kind = 'D_ drwx' if info.isdir() else 'A_ -rw-'\n"
        "        print(f'Path = {info.name}\\nSize = {info.size}\\nAttributes = {kind}\\n')\n"
        "else:\n"
        "    tar.extractall([word[2:] for word in words if word.startswith('-o')][0])\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(archives.importlib.util, "find_spec", lambda name: None)


def test_everything_in_7z(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_seven_zip(tmp_path, monkeypatch)
    data = folders.binary_rows(tmp_path / "data")
    for name in ("train.csv", "test.csv", "sample_submission.csv"):
        with tarfile.open(data / f"{name}.7z", "w") as tar:
            tar.add(data / name, name)
        (data / name).unlink()
    made = build(data, tmp_path / "ws")
    assert made.spec.tables.rows_train == 40
    check_rows(made)
    assert all(not any(name.endswith(".7z") for name in everything(view)) for view in made.searches)
    assert write_baseline(data, None, tmp_path / "out.csv") == {"source": "sample", "rows": 20}


def test_7z_without_a_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(archives.shutil, "which", lambda name: None)
    (tmp_path / "train.csv.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(
        ArchiveError, match=r"train\.csv\.7z .*neither the package py7zr nor a program"
    ):
        listed(tmp_path, "train.csv.7z")
    with pytest.raises(SpecError, match="no sample submission"):
        write_baseline(tmp_path, None, tmp_path / "out.csv")
