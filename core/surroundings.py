"""What a proposer may know of the run that it works for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.execution.stop import StopSignal
from core.execution.weights import Weights
from core.journal.history import History
from core.llm.models import Models
from core.persona import Persona
from core.protocols import Clock, Coach, Proposer, Recorder
from core.questions.metric_question import MetricReader
from core.questions.split_stage import SplitReader
from core.records import CompetitionSpec, SplitSpec
from core.task.preview import Preview


@dataclass(frozen=True, slots=True)
class Surroundings:
    """programs: texts that were proposed before. program: text by its digest. warnings: suspicions
    of leaks. models: one per role. preview: a first look at the data. weights: the
    pretrained weights that candidates can use. Both wait until they are known, which may take
    minutes. cpus_each, memory_mb: of one candidate. steps_to_spare: True when time will end before
    the steps do at the speed so far. search_ends: epoch seconds after which no program can be tried
    any more.
    """

    spec: CompetitionSpec
    split: SplitSpec
    warnings: tuple[str, ...]
    programs: tuple[str, ...]
    program: Callable[[str], str]
    history: History
    recorder: Recorder
    preview: Callable[[], Preview | None]
    weights: Callable[[], Weights]
    gate: Callable[[str], Sequence[str]]
    models: Models
    seed: int
    cpus_each: int
    memory_mb: int
    stop: StopSignal
    clock: Clock
    steps_to_spare: Callable[[], bool]
    search_ends: Callable[[], float]


ProposerFactory = Callable[[Surroundings], Proposer]
CoachFactory = Callable[[Surroundings], Coach | None]


@dataclass(frozen=True, slots=True)
class Authors:
    """Whom the entry hands to a run.

    metric_reader: asked about a metric that the description does not name beyond doubt.
    split_reader: asked for the tables of a folder that no adaptor understands.
    personas: the first team; () where programs are written in no role.
    """

    proposer: ProposerFactory
    metric_reader: MetricReader | None = None
    coach: CoachFactory = lambda around: None
    personas: tuple[Persona, ...] = ()
    split_reader: SplitReader | None = None
