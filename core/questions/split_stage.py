"""What becomes of a folder that no adaptor understands: a written program makes its tables, where
one is accepted.

The program only says what is known and what is asked. Which rows are held out is decided as ever,
by the harness.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from core.execution.split_box import run_split
from core.execution.trial_box import TrialBox
from core.journal.history import History
from core.llm.models import Models
from core.protocols import Programs
from core.records import CompetitionSpec
from core.task.hints import WrittenTables
from core.task.preview import Preview
from core.task.service import TaskService
from utils.errors import WorkerError

log = logging.getLogger(__name__)

# Seconds, and share of the time that is left, for which a run waits for the programs.
WAIT_S, WAIT_SHARE = 240.0, 0.15
# Seconds in the box for one of them.
TRIAL_S = 120.0
# Runs of a trial: both programs, and the first one on a copy with its rows and files turned round.
_RUNS = ("first", "second", "turned")


@dataclass(frozen=True, slots=True)
class WrittenSplits:
    """Two programs for the same tables, written apart. group: column by which rows belong together."""

    first: str
    second: str
    group: str | None


@dataclass(frozen=True, slots=True)
class BrokenSplits:
    """Programs of which one did not run to its end, and why."""

    written: WrittenSplits
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SplitQuestion:
    """spec: without tables. preview: how its files begin. models: who can be asked. deadline: epoch
    seconds, of the answer. broken: what was answered before.
    """

    spec: CompetitionSpec
    preview: Preview
    models: Models
    deadline: float
    broken: BrokenSplits | None = None


# None where nobody knows.
SplitReader = Callable[[SplitQuestion], WrittenSplits | None]


class SplitStage:
    """Asks for the programs, tries them in the box and keeps the tables of the accepted one in
    `tables`.
    """

    def __init__(
        self,
        reader: SplitReader | None,
        task: TaskService,
        box: TrialBox,
        gate: Callable[[str], Sequence[str]],
        programs: Programs,
        tables: Path,
    ) -> None:
        """reader: None where there is nobody to ask. gate: reasons why a program may not run here.

        reasons: why the last one was not accepted.
        """
        self._reader = reader
        self._task = task
        self._box = box
        self._gate = gate
        self._programs = programs
        self._tables = tables
        self.reasons: list[str] = []
        self._crashed = False

    def known(self, history: History) -> WrittenTables | None:
        """What an earlier session accepted."""
        decided = history.spec
        if decided is None or not decided.spec.split_program:
            return None
        group = decided.split.group_column
        return WrittenTables(str(self._tables), decided.spec.split_program, group)

    def decide(self, question: SplitQuestion) -> WrittenTables | None:
        """None where no program is accepted; why not is logged.

        Programs that do not run are written once more. Tables that break a rule are not: whoever
        knows which rule it was can keep it and still tell the answers.
        """
        if self._reader is None:
            return None
        written = self._reader(question)
        if written is None:
            return None
        try:
            tables = self._accepted(question.spec, written)
            if tables is not None or not self._crashed or question.broken is not None:
                return tables
        except (OSError, WorkerError) as error:
            log.error("the written split could not be tried: %s", error)
            return None
        return self.decide(replace(question, broken=BrokenSplits(written, tuple(self.reasons))))

    def _accepted(self, spec: CompetitionSpec, written: WrittenSplits) -> WrittenTables | None:
        with self._box.folder("tables") as scratch:
            self.reasons = self._crashes(spec, written, scratch)
            self._crashed = bool(self.reasons)
            self.reasons = self.reasons or self._faults(spec, written, scratch)
            if self.reasons:
                log.warning("the written split is not used: %s", "; ".join(self.reasons))
                return None
            shutil.rmtree(self._tables, ignore_errors=True)
            shutil.copytree(scratch / "first", self._tables)
        return WrittenTables(str(self._tables), self._programs.put(written.first), written.group)

    def _crashes(self, spec: CompetitionSpec, written: WrittenSplits, scratch: Path) -> list[str]:
        """Why a program may not run or did not run; their tables lie below `scratch`."""
        for program in (written.first, written.second):
            if reasons := list(self._gate(program)):
                return reasons
        data, turned = Path(spec.data_dir).resolve(), scratch / "data"
        readable = [data]
        if spec.original_dir:
            readable.append(Path(spec.original_dir).resolve())
        self._task.turn_rows(data, turned)
        programs = (written.first, written.second, written.first)
        folders = (data, data, turned)

        def run(name: str, program: str, folder: Path) -> str:
            why = run_split(program, folder, readable, self._box, scratch / name)
            if not why:
                return ""
            return f"{name} version: {why}"

        with ThreadPoolExecutor(len(_RUNS)) as pool:
            return list(filter(None, pool.map(run, _RUNS, programs, folders)))

    def _faults(self, spec: CompetitionSpec, written: WrittenSplits, scratch: Path) -> list[str]:
        return self._task.examine_tables(spec, [scratch / name for name in _RUNS], written.group)
