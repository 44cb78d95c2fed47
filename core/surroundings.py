"""What a proposer may know of the run that it works for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.execution.stop import StopSignal
from core.execution.weights import Weights
from core.journal.history import History
from core.protocols import Clock, Proposer, Recorder
from core.records import CompetitionSpec, SplitSpec
from core.task.service import TaskService


@dataclass(frozen=True, slots=True)
class Surroundings:
    """programs: texts that were proposed before. warnings: suspicions of leaks. answers: folder for what models say.

    weights: the pretrained weights that candidates can use; the first call may take minutes. cpus_each, memory_mb: of
    one candidate. steps_to_spare: True when time will end before the steps do at the speed so far.
    """

    spec: CompetitionSpec
    split: SplitSpec
    warnings: tuple[str, ...]
    programs: tuple[str, ...]
    history: History
    recorder: Recorder
    task: TaskService
    weights: Callable[[], Weights]
    gate: Callable[[str], Sequence[str]]
    answers: Path
    seed: int
    cpus_each: int
    memory_mb: int
    stop: StopSignal
    clock: Clock
    steps_to_spare: Callable[[], bool]


ProposerFactory = Callable[[Surroundings], Proposer]
