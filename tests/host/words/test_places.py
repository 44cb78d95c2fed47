"""Where things lie."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from swarm_host.words.places import home, runs_folder


def test_a_user_without_the_variable_has_the_folder_that_a_shell_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert home({"HOME": "/home/ada"}) == Path("/home/ada")
    assert home({"HOME": ""}) == home({}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert not home({}).exists()


def test_the_folder_of_runs_is_the_one_that_is_named_first() -> None:
    assert runs_folder(Path("/a"), {"SWARM_HOST_RUNS": "/b"}) == Path("/a")
    assert runs_folder(None, {"SWARM_HOST_RUNS": "/b"}) == Path("/b")
    assert runs_folder(None, {"SWARM_HOST_RUNS": ""}) == Path("runs").absolute()
