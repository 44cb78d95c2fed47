"""Every configuration key as a typed field: what config/*.yaml and the command line may set. Stdlib only.

No field has a default: the two YAML files are complete. `null` is allowed where the type says `| None`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Whose language models can be asked: core.llm.providers has an endpoint for each, and the
# environment's <NAME>_API_KEY and <NAME>_BASE_URL are theirs.
VENDORS = ("openai", "anthropic")
PROVIDERS = (*VENDORS, "recipes")
DIRECTIONS = ("maximize", "minimize")
SPLITS = ("stratified", "random", "group", "time")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _between(least: float, most: float = math.inf) -> Any:
    """A number in a closed interval."""
    return field(metadata={"range": (least, most)})


def _one_of(words: tuple[str, ...]) -> Any:
    return field(metadata={"choices": words})


def _secret() -> Any:
    """Never shown, neither in errors nor in logs."""
    return field(metadata={"secret": True})


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    # Folder with input, working, submission, best_solution and logs of the run.
    workspace_dir: Path
    # Folder of system.log, journal.jsonl, journal.json and run.json.
    log_dir: Path
    # Every random draw of the run derives from it.
    seed: int = _between(0)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    # The competition folder as it was handed out; never written to.
    data_dir: Path
    # Description of the competition when it is not found in the usual places.
    desc_file: Path | None


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    # Where submission.csv is published.
    submission_dir: Path
    # Where solution.py and its members are published.
    code_dir: Path


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    # Conda environment that runs the agent and the candidates in the container.
    conda_env_name: str


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    # Distinct programs that a run may execute.
    max_steps: int = _between(1)
    # Wall seconds of the whole run, the final pick and publishing included.
    time_limit: float = _between(1)
    # Steps between two looks at personas and skills.
    steps_per_epoch: int = _between(1)


@dataclass(frozen=True, kw_only=True)
class RoleConfig:
    """The language model of one role."""

    # Whose client is used; null: openai when a key is there, else recipes.
    provider: str | None = _one_of(PROVIDERS)
    # Model name as the provider spells it.
    model: str | None
    # Endpoint; null: the provider's own.
    base_url: str | None
    # Key of that endpoint; sent nowhere else.
    api_key: str | None = _secret()
    # Seconds for one call.
    timeout: float = _between(1)
    # Longest answer that is asked for.
    max_tokens: int = _between(1)
    # Sampling temperature; null: the provider's default.
    temperature: float | None = _between(0, 2)


@dataclass(frozen=True, kw_only=True)
class LlmConfig:
    # Writes programs.
    code: RoleConfig
    # Reads the description, rewrites personas, distils skills.
    feedback: RoleConfig
    # Log folder of a recorded run whose answers are given again; null: models are asked.
    replay_dir: Path | None
    # Cost after which no model is asked any more; null: no cap.
    max_cost_usd: float | None = _between(0)
    # Tokens, in and out, after which no model is asked; null: no cap.
    max_total_tokens: int | None = _between(0)
    # USD per million tokens (in, cached in, out) by start of model name.
    prices: dict[str, tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    # Drafts of distinct paradigms before the first mutation.
    num_drafts: int = _between(1)
    # Fixes that a failed program is given.
    debug_tries: int = _between(0)
    # Least share of later steps that are new drafts, at the start; 0 at the end.
    explore: float = _between(0, 1)
    # Steps without a gain that force a new paradigm.
    stagnation_window: int = _between(1)
    # Spread of parent selection over ranks; 0 takes the best always.
    parent_temperature: float = _between(0)
    # Idle boxes run what costs no request beside a model: values, folds, recipes, seeds.
    extras: bool


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    # Candidates at the same time; null: from cores and memory.
    workers: int | None = _between(1)
    # Longest run of one candidate in seconds, whatever the probe says.
    timeout_max: float = _between(1)
    # Memory of one candidate with all its children; null: a fair share.
    memory_limit_gb: float | None = _between(0.1)
    # Size of one candidate's folder.
    disk_limit_gb: float = _between(0.01)
    # Processes that one candidate may have at a time.
    processes: int = _between(1)


@dataclass(frozen=True, kw_only=True)
class JudgingConfig:
    # Upper bound of a single holdout.
    holdout_max_rows: int = _between(1)
    # Entries that the final pick scores on unseen data.
    finalists: int = _between(1)


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """What the user knows better than the files say; null: decided from the competition folder."""

    # Name of the metric.
    metric: str | None
    # Which way the metric is better.
    direction: str | None = _one_of(DIRECTIONS)
    # How rows are held out.
    split: str | None = _one_of(SPLITS)
    # Key column of the sample submission.
    id_column: str | None
    # Columns that are predicted.
    target_columns: tuple[str, ...] | None
    # Rows with the same value stay on one side of the split.
    group_column: str | None
    # Rows are held out from the end of this column.
    time_column: str | None
    # What each row weighs in the score.
    weight_column: str | None
    # The score is the mean over the values of this column.
    mean_over: str | None


@dataclass(frozen=True, kw_only=True)
class GradingConfig:
    # The grading server's POST address that checks a submission's form; null: none.
    validate_url: str | None


@dataclass(frozen=True, kw_only=True)
class ExperiencePoolConfig:
    # Dispatch learns from finished steps; false: every persona gets the same share.
    enabled: bool
    # Newest records that are remembered.
    max_records: int = _between(1)


@dataclass(frozen=True, kw_only=True)
class SolutionConfig:
    # Programs are crossed.
    merge: bool
    # Values of parameters are moved in steps.
    tune: bool
    # Credit of genes steers crossing and mutation.
    pheromone: bool
    # Near-duplicates are no parents, and programs that disagree are crossed.
    diversity: bool
    # Predictions of finished steps are blended.
    ensemble: bool
    # The winner is run once more on all training rows.
    refit: bool


@dataclass(frozen=True, kw_only=True)
class AgentEvolutionConfig:
    # Programs are written in roles (agents/personas); false: in none.
    personas: bool
    # Weak personas are rewritten.
    enabled: bool
    # Epochs between two rewrites.
    every_epochs: int = _between(1)
    # Experience that a rewrite needs.
    min_records: int = _between(1)


@dataclass(frozen=True, kw_only=True)
class SkillConfig:
    # Lessons are distilled and shown to proposers.
    enabled: bool
    # Folder of the embedding model.
    embedding_model_path: Path
    # Cosine from which two skills are one.
    duplicate_similarity: float = _between(0, 1)
    # Skills in one brief.
    max_loaded: int = _between(0)
    # Folder of skills that runs share, read at the start and added to at the end; null: none.
    library: Path | None


@dataclass(frozen=True, kw_only=True)
class EvolutionConfig:
    # What dispatch remembers.
    experience_pool: ExperiencePoolConfig
    # Level 1: programs.
    solution: SolutionConfig
    # Level 2: personas.
    agent: AgentEvolutionConfig
    # Level 2: lessons.
    skill: SkillConfig


@dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    # Least serious message that is logged.
    level: str = _one_of(LEVELS)


@dataclass(frozen=True, kw_only=True)
class Config:
    # The run's own folders and seed.
    project: ProjectConfig
    # What is given.
    data: DataConfig
    # What is published.
    output: OutputConfig
    # What runs it.
    environment: EnvironmentConfig
    # How much it may spend.
    agent: AgentConfig
    # Language models by role.
    llm: LlmConfig
    # How programs are sought.
    search: SearchConfig
    # The box of one candidate.
    execution: ExecutionConfig
    # How candidates are scored.
    judging: JudgingConfig
    # What the user says about the competition.
    task: TaskConfig
    # The official form check.
    grading: GradingConfig
    # What is learnt during the run.
    evolution: EvolutionConfig
    # What is written to the log.
    logging: LoggingConfig
