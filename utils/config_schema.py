"""Every configuration key as a typed field: what config/*.yaml and the command line may set. Stdlib only.

No field has a default: the two YAML files are complete. `null` is allowed where the type says `| None`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROVIDERS = ("openai", "anthropic", "recipes")
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
class Project:
    workspace_dir: Path  # Folder with input, working, submission, best_solution and logs of the run.
    log_dir: Path  # Folder of system.log, journal.jsonl, journal.json and run.json.
    seed: int = _between(0)  # Every random draw of the run derives from it.


@dataclass(frozen=True, kw_only=True)
class Data:
    data_dir: Path  # The competition folder as it was handed out; never written to.
    desc_file: Path | None  # Description of the competition when it is not found in the usual places.


@dataclass(frozen=True, kw_only=True)
class Output:
    submission_dir: Path  # Where submission.csv is published.
    code_dir: Path  # Where solution.py and its members are published.


@dataclass(frozen=True, kw_only=True)
class Environment:
    conda_env_name: str  # Conda environment that runs the agent and the candidates in the container.


@dataclass(frozen=True, kw_only=True)
class Agent:
    max_steps: int = _between(1)  # Distinct programs that a run may execute.
    time_limit: float = _between(1)  # Wall seconds of the whole run, the final pick and publishing included.
    steps_per_epoch: int = _between(1)  # Steps between two looks at personas and skills.


@dataclass(frozen=True, kw_only=True)
class Role:
    """The language model of one role."""

    provider: str | None = _one_of(PROVIDERS)  # Whose client is used; null: openai when a key is there, else recipes.
    model: str | None  # Model name as the provider spells it.
    base_url: str | None  # Endpoint; null: the provider's own.
    api_key: str | None = _secret()  # Key of that endpoint; sent nowhere else.
    timeout: float = _between(1)  # Seconds for one call.
    max_tokens: int = _between(1)  # Longest answer that is asked for.
    temperature: float | None = _between(0, 2)  # Sampling temperature; null: the provider's default.


@dataclass(frozen=True, kw_only=True)
class Llm:
    code: Role  # Writes programs.
    feedback: Role  # Reads the description, rewrites personas, distils skills.
    replay_dir: Path | None  # Log folder of a recorded run whose answers are given again; null: models are asked.
    max_cost_usd: float | None = _between(0)  # Cost after which no model is asked any more; null: no cap.
    max_total_tokens: int | None = _between(0)  # Tokens, in and out, after which no model is asked; null: no cap.
    prices: dict[str, tuple[float, float, float]]  # USD per million tokens (in, cached in, out) by start of model name.


@dataclass(frozen=True, kw_only=True)
class Search:
    num_drafts: int = _between(1)  # Drafts of distinct paradigms before the first mutation.
    debug_tries: int = _between(0)  # Fixes that a failed program is given.
    explore: float = _between(0, 1)  # Least share of later steps that are new drafts, at the start; 0 at the end.
    stagnation_window: int = _between(1)  # Steps without a gain that force a new paradigm.
    parent_temperature: float = _between(0)  # Spread of parent selection over ranks; 0 takes the best always.


@dataclass(frozen=True, kw_only=True)
class Execution:
    workers: int | None = _between(1)  # Candidates at the same time; null: from cores and memory.
    timeout_max: float = _between(1)  # Longest run of one candidate in seconds, whatever the probe says.
    memory_limit_gb: float | None = _between(0.1)  # Memory of one candidate with all its children; null: a fair share.
    disk_limit_gb: float = _between(0.01)  # Size of one candidate's folder.
    processes: int = _between(1)  # Processes that one candidate may have at a time.


@dataclass(frozen=True, kw_only=True)
class Judging:
    holdout_max_rows: int = _between(1)  # Upper bound of a single holdout.
    finalists: int = _between(1)  # Entries that the final pick scores on unseen data.


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the user knows better than the files say; null: decided from the competition folder."""

    metric: str | None  # Name of the metric.
    direction: str | None = _one_of(DIRECTIONS)  # Which way the metric is better.
    split: str | None = _one_of(SPLITS)  # How rows are held out.
    id_column: str | None  # Key column of the sample submission.
    target_columns: tuple[str, ...] | None  # Columns that are predicted.
    group_column: str | None  # Rows with the same value stay on one side of the split.
    time_column: str | None  # Rows are held out from the end of this column.
    weight_column: str | None  # What each row weighs in the score.
    mean_over: str | None  # The score is the mean over the values of this column.


@dataclass(frozen=True, kw_only=True)
class Grading:
    validate_url: str | None  # The grading server's POST address that checks a submission's form; null: none.


@dataclass(frozen=True, kw_only=True)
class ExperiencePool:
    enabled: bool  # Dispatch learns from finished steps; false: every persona gets the same share.
    max_records: int = _between(1)  # Newest records that are remembered.


@dataclass(frozen=True, kw_only=True)
class Solution:
    merge: bool  # Programs are crossed.
    tune: bool  # Values of parameters are moved in steps.
    bandit: bool  # Operators are drawn by measured gain per second; false: evenly.
    pheromone: bool  # Credit of genes steers crossing and mutation.
    diversity: bool  # Near-duplicates are no parents, and programs that disagree are crossed.
    ensemble: bool  # Predictions of finished steps are blended.
    refit: bool  # The winner is run once more on all training rows.


@dataclass(frozen=True, kw_only=True)
class AgentEvolution:
    personas: bool  # Programs are written in roles (agents/personas); false: in none.
    enabled: bool  # Weak personas are rewritten.
    every_epochs: int = _between(1)  # Epochs between two rewrites.
    min_records: int = _between(1)  # Experience that a rewrite needs.


@dataclass(frozen=True, kw_only=True)
class Skill:
    enabled: bool  # Lessons are distilled and shown to proposers.
    embedding_model_path: Path  # Folder of the embedding model.
    duplicate_similarity: float = _between(0, 1)  # Cosine from which two skills are one.
    max_loaded: int = _between(0)  # Skills in one brief.
    library: Path | None  # Folder of skills that runs share, read at the start and added to at the end; null: none.


@dataclass(frozen=True, kw_only=True)
class Evolution:
    experience_pool: ExperiencePool  # What dispatch remembers.
    solution: Solution  # Level 1: programs.
    agent: AgentEvolution  # Level 2: personas.
    skill: Skill  # Level 2: lessons.


@dataclass(frozen=True, kw_only=True)
class Logging:
    level: str = _one_of(LEVELS)  # Least serious message that is logged.


@dataclass(frozen=True, kw_only=True)
class Config:
    project: Project  # The run's own folders and seed.
    data: Data  # What is given.
    output: Output  # What is published.
    environment: Environment  # What runs it.
    agent: Agent  # How much it may spend.
    llm: Llm  # Language models by role.
    search: Search  # How programs are sought.
    execution: Execution  # The box of one candidate.
    judging: Judging  # How candidates are scored.
    task: Task  # What the user says about the competition.
    grading: Grading  # The official form check.
    evolution: Evolution  # What is learnt during the run.
    logging: Logging  # What is written to the log.
