"""What a candidate program can import is found out without importing it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from utils.packages import importable, installed, versions


def test_what_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "just_here.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert all(
        map(importable, ["os", "sys", "numpy", "pandas", "sklearn", "just_here", "__future__"])
    )
    assert not importable("no_such_package")
    assert "just_here" not in sys.modules


@pytest.mark.parametrize("name", ["core", "agents", "main", "run_mle_adapter"])
def test_a_program_cannot_import_the_agent(name: str) -> None:
    __import__(name)
    assert not importable(name)


def test_the_agent_is_not_installed() -> None:
    assert installed(["core", "json", "pandas", "no_such_package"]) == {"json", "pandas"}
    assert "pandas" in versions()
