"""The configuration's switches of the search reach it, each its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.contract import Folders
from main import settings_of
from utils.config import load_config
from utils.config_schema import SolutionConfig

SWITCHES = ("merge", "tune", "pheromone", "diversity")


def configured(tmp_path: Path, **switches: bool) -> SolutionConfig:
    overrides = {f"evolution.solution.{name}": value for name, value in switches.items()}
    overrides["data.data_dir"] = str(tmp_path)  # type: ignore[assignment]
    config = load_config(use_cli=False, overrides=overrides)
    folders = Folders(*(tmp_path / field.name for field in dataclasses.fields(Folders)))
    return settings_of(config, folders, "", False, "x").config.evolution.solution


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_turns_off_what_it_names(tmp_path: Path, name: str) -> None:
    on = configured(tmp_path, **dict.fromkeys(SWITCHES, True))
    assert [getattr(on, switch) for switch in SWITCHES] == [True] * len(SWITCHES)
    off = configured(tmp_path, **(dict.fromkeys(SWITCHES, True) | {name: False}))
    assert off == dataclasses.replace(on, **{name: False})
