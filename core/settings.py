"""What the entry hands to a run: its settings, and the authors with what they may know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.contract import Folders
from core.execution.box import Box, BoxLimits
from core.execution.stop import StopSignal
from core.execution.weights import Weights
from core.journal.history import History
from core.llm.models import RECIPES, Models
from core.persona import Persona
from core.protocols import Clock, Coach, Programs, Proposer, Recorder
from core.questions.metric_question import MetricReader
from core.questions.split_stage import SplitReader
from core.records import CompetitionSpec, Ensemble, ErrorReport, SplitSpec
from core.task.preview import Preview
from utils.config_schema import Config
from utils.hardware import Hardware


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration as it was loaded, and what the entry computed from it and the machine.

    Only the spine of core knows it; rooms are handed their slices of the configuration.
    """

    # As the user gave it.
    config: Config
    # The competition folder, absolute.
    data_dir: Path
    # Where the run writes.
    folders: Folders
    # Text of the description, "" where none was found.
    description: str
    # Name of the competition in mle-bench, "" elsewhere.
    competition_id: str
    # Where programs come from: a provider of models, or the recipes.
    provider: str
    # Reasons for the status `degraded` that the entry found already.
    missing: tuple[str, ...]
    # The time limit counts from the first start (container); else only time in use counts (laptop).
    absolute_deadline: bool
    # What the process may use.
    machine: Hardware
    # Candidates at the same time.
    workers: int
    # Requests to the model that writes programs that are open at a time; 0 where recipes write.
    calls: int
    # Of one candidate.
    limits: BoxLimits
    # Where pretrained weights may be.
    weight_places: tuple[Path, ...]
    # Folders that no candidate may touch.
    protected: tuple[Path, ...]
    # Environment of the candidates.
    environ: dict[str, str]

    @property
    def has_model(self) -> bool:
        """True where a language model writes programs; recipes do not measure themselves."""
        return self.provider != RECIPES

    @property
    def seed(self) -> int:
        return self.config.project.seed


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an author may know of the run that it works for."""

    # The competition.
    spec: CompetitionSpec
    # How rows are held out.
    split: SplitSpec
    # Suspicions of leaks.
    warnings: tuple[str, ...]
    # Texts that were proposed before.
    programs: tuple[str, ...]
    # Text of a program by its digest.
    program: Callable[[str], str]
    # What the journal says.
    history: History
    # Takes events.
    recorder: Recorder
    # A first look at the data; waits until it is there, which may take minutes.
    preview: Callable[[], Preview | None]
    # The pretrained weights that candidates can use; waits in the same way.
    weights: Callable[[], Weights]
    # Reasons why a program may not run here.
    gate: Callable[[str], Sequence[str]]
    # One language model per role.
    models: Models
    # Of the run.
    seed: int
    # Cores of one candidate.
    cpus_each: int
    # MiB of one candidate.
    memory_mb: int
    # Why the run should end early.
    stop: StopSignal
    # Epoch seconds.
    clock: Clock
    # Epoch seconds after which no program can be tried any more.
    search_ends: Callable[[], float]
    # Where the held-out errors of the entry of this id lie; None where nobody can tell.
    errors: Callable[[str], ErrorReport | None] = lambda entry_id: None
    # The ensemble as it would be now; None while there is nothing to blend. May take seconds: not
    # to be called while the loop holds its lock.
    blend: Callable[[], Ensemble | None] = lambda: None


ProposerFactory = Callable[[Surroundings], Proposer]
CoachFactory = Callable[[Surroundings], Coach | None]


@dataclass(frozen=True, slots=True)
class Authors:
    """Whom the entry hands to a run.

    metric_reader: asked about a metric that the description does not name beyond doubt.
    split_reader: asked for the tables of a folder that no adaptor understands.
    personas: the first team; () where programs are written in no role. partner: writes recipes for
    idle boxes beside a model; None where nobody does.
    """

    proposer: ProposerFactory
    metric_reader: MetricReader | None = None
    coach: CoachFactory = lambda around: None
    personas: tuple[Persona, ...] = ()
    split_reader: SplitReader | None = None
    partner: ProposerFactory | None = None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every stage of a run works with."""

    settings: Settings
    box: Box
    authors: Authors
    history: History
    recorder: Recorder
    programs: Programs
    models: Models
    # Reasons why a program may not run here.
    gate: Callable[[str], Sequence[str]]
    stop: StopSignal
    clock: Clock
