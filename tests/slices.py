"""Slices of the configuration, as the files give them, for tests that change a value or two."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from utils.config import load_config
from utils.config_schema import (
    AgentEvolutionConfig,
    Config,
    EvolutionConfig,
    ExperiencePoolConfig,
    SearchConfig,
    SkillConfig,
    SolutionConfig,
)


@cache
def _default() -> Config:
    return load_config(use_cli=False)


def search_config(**changes: Any) -> SearchConfig:
    """Three drafts, no exploration, and no search that stands still."""
    usual = {"num_drafts": 3, "debug_tries": 2, "explore": 0.0, "stagnation_window": 1000}
    return dataclasses.replace(_default().search, **(usual | changes))


def solution_config(**switches: bool) -> SolutionConfig:
    """Everything is off but what is named."""
    names = [field.name for field in dataclasses.fields(SolutionConfig)]
    return SolutionConfig(**(dict.fromkeys(names, False) | switches))


def memory_config(**changes: Any) -> ExperiencePoolConfig:
    return dataclasses.replace(_default().evolution.experience_pool, **changes)


def agent_config(**changes: Any) -> AgentEvolutionConfig:
    return dataclasses.replace(_default().evolution.agent, **changes)


def skill_config(**changes: Any) -> SkillConfig:
    return dataclasses.replace(_default().evolution.skill, **changes)


def evolution_config(solution: SolutionConfig) -> EvolutionConfig:
    return dataclasses.replace(_default().evolution, solution=solution)
