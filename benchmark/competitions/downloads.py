"""Archives of the package registry that are read, not installed: fetched once by pip, and kept in a
cache folder.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import NotRunError
from utils.files import sha256_file

PINS = Path(__file__).resolve().parents[2] / "requirements" / "benchmark.txt"
_TIMEOUT_S = 300.0
_QUIETLY = ("--quiet", "--no-input", "--disable-pip-version-check")
_ONCE = ("--retries", "1", "--timeout", "30")


@dataclass(frozen=True, slots=True)
class PackageArchive:
    """One file of the registry. package: a name that requirements/benchmark.txt pins. sha256: of
    the file.
    """

    package: str
    form: Literal["wheel", "source"]
    sha256: str

    def fetched(self, cache: Path) -> Path:
        """The archive in `cache`, downloaded when it is not there or not whole.

        Raises NotRunError when the registry cannot be reached or has another file under this
        version.
        """
        path = self.place(cache)
        if not (path.is_file() and sha256_file(path) == self.sha256):
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                self._downloaded(Path(folder)).replace(path)
        return path

    def place(self, cache: Path) -> Path:
        return cache / f"{self.package}-{self.sha256[:12]}"

    def _downloaded(self, folder: Path) -> Path:
        """pip builds the metadata of a source archive, and so runs its setup.py; a wheel is only
        copied.
        """
        wanted = pin(self.package, PINS.read_text(encoding="utf-8"))
        form = {"source": "--no-binary", "wheel": "--only-binary"}[self.form]
        command = [sys.executable, "-m", "pip", "download", *_QUIETLY, *_ONCE, "--no-deps"]
        command += [form, self.package, "--dest", str(folder), wanted]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise NotRunError(
                f"{wanted} could not be fetched: pip took over {_TIMEOUT_S:g} s"
            ) from error
        files = list(folder.iterdir())
        if done.returncode != 0 or len(files) != 1:
            raise NotRunError(
                f"{wanted} could not be fetched, is the package registry reachable? {_why(done.stderr)}"
            )
        if sha256_file(files[0]) != self.sha256:
            raise NotRunError(f"{wanted} is another file than the pack was made for")
        return files[0]


def pin(package: str, requirements: str) -> str:
    """The pinned requirement of a package. Raises KeyError when there is none."""
    found = re.search(rf"^{re.escape(package)}==\S+", requirements, re.M)
    if found is None:
        raise KeyError(package)
    return found.group()


def _why(stderr: str) -> str:
    """What pip calls the error, in one line."""
    lines = list(filter(None, map(str.strip, stderr.splitlines())))
    last = (lines or ["pip gave no reason"])[-1]
    return next((line for line in lines if line.startswith("ERROR")), last)[:200]
