"""What a run of main.py left in its folder, read from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from core.contract import RunReport, read_run
from core.events import Event, revive
from core.journal.history import History
from core.journal.journal import read_lines
from core.journal.programs import ProgramStore
from core.records import Proposal
from utils.errors import DataError
from utils.json_records import from_json

E = TypeVar("E", bound=Event)


class KeptJournal:
    """The journal in a log folder, with the texts beside it.

    history: the state at its end. journal_bytes: its size.
    """

    def __init__(self, logs: Path, program: Callable[[str], str] | None = None) -> None:
        """program: text of a program by its digest, where those in the folder are not wanted.
        Raises DataError where there is no journal, UsageError where a text is missing.
        """
        self.logs = logs
        self.lines, self.journal_bytes = read_lines(logs / "journal.jsonl")
        if not self.lines:
            raise DataError(f"{logs} holds no journal")
        self.history = History(program or ProgramStore(logs / "programs").get)
        for number, line in enumerate(self.lines, 1):
            try:
                self.history.apply(line)
            except (KeyError, TypeError) as error:
                raise DataError(f"{logs} holds no journal of a run: line {number}") from error

    def events(self, kind: type[E]) -> list[tuple[float, E]]:
        """Events of a kind, each with its time (epoch seconds); not of steps and proposals, whose
        parts are elsewhere.
        """
        lines = [line for line in self.lines if line["type"] == kind.type]
        return [(line["t"], cast(E, revive(line))) for line in lines]

    def settled(self) -> list[tuple[float, str, bool]]:
        """Each finished program, extras too: epoch seconds of its end, its id, and whether it took
        the lead.
        """
        lines = [line for line in self.lines if line["type"] in ("step", "extra")]
        return [(line["t"], line["id"], line["steers"]) for line in lines]

    def proposals(self) -> list[Proposal]:
        """All of them, with the digests of their programs."""
        lines = [line for line in self.lines if line["type"] == "proposal"]
        return [from_json(Proposal, line) for line in lines]


class RunFolder(KeptJournal):
    """The folder that main.py got as --out. Raises OSError or DataError where there is no report."""

    def __init__(self, out: Path) -> None:
        self.submission = submission_of(out)
        self.report: RunReport = report_of(out)
        super().__init__(out / "logs")


def report_of(out: Path) -> RunReport:
    """Raises OSError where a run has none yet, DataError where it is damaged."""
    return read_run(out / "logs" / "run.json")


def has_ended(out: Path) -> RunReport | None:
    """The report of a run below `out`; None where it has none that can be read, or still runs."""
    try:
        report = report_of(out)
    except (OSError, DataError):
        return None
    if report.status == "running":
        return None
    return report


def submission_of(out: Path) -> Path:
    return out / "submission" / "submission.csv"
