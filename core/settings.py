"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.contract import Folders
from core.execution.box import BoxLimits
from core.llm.models import RECIPES
from utils.config_schema import EvolutionConfig, LlmConfig, SearchConfig, TaskConfig


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration in the words of a run. Times in seconds.

    absolute_deadline: the limit counts from the first start (container); else only time in use
    counts (laptop). task: overrides of the competition's recognition (config task.*). missing:
    reasons for the status `degraded` that the entry found already. weight_places: where pretrained
    weights may be. lanes_ahead: steps that are proposed or judged while all workers are busy.
    """

    data_dir: Path
    folders: Folders
    description: str
    competition_id: str
    provider: str
    llm: LlmConfig
    max_steps: int
    time_limit_s: float
    absolute_deadline: bool
    seed: int
    steps_per_epoch: int
    search: SearchConfig
    evolution: EvolutionConfig
    finalists: int
    workers: int
    lanes_ahead: int
    cpus: tuple[int, ...]
    gpus: tuple[int, ...]
    gpu_names: tuple[str, ...]
    limits: BoxLimits
    weight_places: tuple[Path, ...]
    timeout_max_s: float
    holdout_max_rows: int
    task: TaskConfig
    missing: tuple[str, ...]
    validate_url: str | None
    protected: tuple[Path, ...]
    environ: dict[str, str]
    public_config: dict[str, Any]

    @property
    def has_model(self) -> bool:
        """True where a language model writes programs, which can look around and measure
        themselves; recipes do not.
        """
        return self.provider != RECIPES
