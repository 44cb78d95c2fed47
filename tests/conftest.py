"""Guards of every test: nothing is written outside the temporary folders, nothing is reached over
the network.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
_CACHES = {"__pycache__", ".pytest_cache"}
_CHANGES = {
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.rename",
    "os.symlink",
    "os.link",
    "os.truncate",
    "shutil.rmtree",
}
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOCAL = ("127.", "::1", "localhost")


class _Guard:
    """An audit hook; hooks cannot be removed, so it is switched on and off."""

    def __init__(self) -> None:
        self.on = False
        self.allowed: list[Path] = [Path("/dev"), Path("/proc")]

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(args[0], str | bytes):
            mode, flags = args[1], args[2]
            # Such a name belongs to an open folder, which the event does not tell.
            if (flags or 0) & os.O_NOFOLLOW and not os.path.isabs(args[0]):  # noqa: PTH117 (also bytes)
                return
            if (flags or 0) & _WRITE_FLAGS if mode is None else set(mode) & set("wax+"):
                self._check(event, args[0])
        elif event in _CHANGES:
            target = args[1] if event in ("os.rename", "os.symlink", "os.link") else args[0]
            # A relative name below an open folder (rmtree) was checked with that folder.
            if isinstance(target, str | bytes) and (
                args[-1] in (-1, None) or event == "shutil.rmtree"
            ):
                self._check(event, target)
        elif (
            event == "socket.connect"
            and isinstance(args[1], tuple)
            and not str(args[1][0]).startswith(_LOCAL)
        ):
            raise PermissionError(f"a test reached for the network: {args[1]}")

    def _check(self, event: str, name: str | bytes) -> None:
        path = Path(os.path.abspath(os.fsdecode(name)))  # noqa: PTH100 (resolve() would follow the link itself)
        path = path.parent.resolve() / path.name
        # A checkout may itself stand below the temporary folder.
        outside = not path.is_relative_to(ROOT)
        if _CACHES & set(path.parts) or (
            outside and any(path.is_relative_to(folder) for folder in self.allowed)
        ):
            return
        raise PermissionError(
            f"a test changed something outside its temporary folder: {event} {path}"
        )


# hypothesis writes what it knows of modules while tests are collected, before any fixture.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(
    Path(tempfile.gettempdir(), "swarm-evo-hypothesis")
)

_GUARD = _Guard()
sys.addaudithook(_GUARD)


@pytest.fixture(scope="session", autouse=True)
def _clean_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Child processes are not audited; what they would leave is a new name at the top of the
    checkout.
    """
    _GUARD.allowed += [
        Path(tempfile.gettempdir()).resolve(),
        tmp_path_factory.getbasetemp().resolve(),
    ]
    before = {path.name for path in ROOT.iterdir()}
    yield
    new = {path.name for path in ROOT.iterdir()} - before - {".mypy_cache", ".ruff_cache", *_CACHES}
    assert not new, f"the tests left {sorted(new)} in the checkout"


@pytest.fixture(scope="session", autouse=True)
def _nobody_waits_for_the_disk() -> Iterator[None]:
    """What is synced outlives a loss of power, and no test makes one: a kill leaves the same files
    without it. Programs that tests start do wait.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True)
def _writes_stay_in_tmp(_clean_checkout: None) -> Iterator[None]:
    _GUARD.on = True
    yield
    _GUARD.on = False
