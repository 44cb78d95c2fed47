"""What a user sees while units run: a table that is drawn anew, or plain lines without a terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from swarm_host.disk.last_line import last_line
from swarm_host.life.outcomes import cancelled_in_queue, message_of_row
from swarm_host.protocols import Clock, Stop, Store
from swarm_host.records import UnitResult, UnitRow
from swarm_host.show.scores import Peek, Scores
from swarm_host.states import FINAL, LIVE
from swarm_host.words.terminal import printable

_LOOK_S = 0.5
# Lines of a screen that are not units: title, counts, and the next prompt.
_AROUND = 4
_FEWEST = 3
# Units, each with the attempt after which it had ended before anybody looked.
Passed = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class LiveLine:
    """One unit as it stands."""

    unit: str
    agent: str
    # "" for a plain run.
    competition: str
    seed: int
    # State, or the outcome of a unit that has ended.
    phase: str
    # Since the unit was claimed first; None before.
    minutes: float | None
    # Of the grader at the end; before, the best of swarm-evo's own report. None: not known.
    score: float | None
    # Last line of output, or what is said of the end.
    last: str


class Display(Protocol):
    """Shows lines."""

    # It is drawn anew when a score changes, so that looking for one is worth its while.
    shows_scores: bool

    def show(self, lines: Sequence[LiveLine]) -> None: ...

    def say(self, text: str) -> None:
        """A sentence for people."""
        ...

    def close(self) -> None: ...


class Watch:
    """Makes lines of rows. Remembers when each unit began; reads files, changes none."""

    def __init__(
        self,
        runs: Path,
        clock: Clock = time.time,
        peek: Peek | None = None,
        passed: Passed = frozenset(),
    ) -> None:
        """runs: the folder of runs. peek: looks into containers. passed: these get no line."""
        self._passed = passed
        self._scores = Scores(runs, peek, clock)
        self._clock = clock
        self._began: dict[str, float] = {}

    def lines(self, rows: Sequence[UnitRow]) -> list[LiveLine]:
        self._scores.next_look()
        news = [row for row in rows if (row.spec.unit_id, row.attempt) not in self._passed]
        return [self._line(row) for row in news]

    def _line(self, row: UnitRow) -> LiveLine:
        spec, result = row.spec, row.result
        if result:
            phase: str = result.outcome
            score, last = _score(result), result.message
        elif row.state == "queued" or cancelled_in_queue(row):
            # Files in its folder are of earlier attempts.
            phase, score, last = row.state, None, message_of_row(row)
        else:
            phase, score = row.state, self._scores.of(row)
            last = last_line(Path(spec.folder) / "logs" / "stdout.log")
        return LiveLine(
            unit=spec.unit_id,
            agent=spec.agent,
            competition=spec.competition or "",
            seed=spec.seed,
            phase=phase,
            minutes=_minutes(result) or self._minutes_of(row),
            score=score,
            last=last,
        )

    def _minutes_of(self, row: UnitRow) -> float | None:
        """As far as this process saw the unit."""
        if row.state == "queued" or cancelled_in_queue(row):
            # The next attempt begins anew.
            self._began.pop(row.spec.unit_id, None)
            return None
        now = self._clock()
        began = self._began.setdefault(row.spec.unit_id, min(now, row.updated))
        end = row.updated if row.state in FINAL else now
        return (end - began) / 60


def watch(
    store: Store, groups: Sequence[str] | None, look: Watch, display: Display, stop: Stop
) -> None:
    """Shows the units of these groups, or of all of them, until `stop` is set, and once more then."""
    while not stop.wait(_LOOK_S):
        display.show(look.lines(_rows(store, groups)))
    display.show(look.lines(_rows(store, groups)))


class PlainLines:
    """A line when a unit changes its state, for a file or a pipe."""

    shows_scores = False

    def __init__(self, write: Callable[[str], object], clock: Clock = time.time) -> None:
        """write: takes one line, without its end."""
        self._write = write
        self._clock = clock
        self._shown: dict[str, str] = {}

    def show(self, lines: Sequence[LiveLine]) -> None:
        for line in lines:
            if self._shown.get(line.unit) != line.phase and line.phase != "queued":
                self._shown[line.unit] = line.phase
                self.say(in_words(line))

    def say(self, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S', time.localtime(self._clock()))} {text}")

    def close(self) -> None:
        """Nothing is open."""


class Table:
    """A table that is drawn anew, on a terminal."""

    shows_scores = True

    def __init__(self, stream: IO[str]) -> None:
        # Half of the start-up time of a command, and of use on a terminal only.
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(file=stream), auto_refresh=False)
        self._live.start()

    def show(self, lines: Sequence[LiveLine]) -> None:
        room = max(_FEWEST, self._live.console.size.height - _AROUND)
        self._live.update(_table(chosen(lines, room), counted(lines)), refresh=True)

    def say(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._live.stop()


class OutputCopy:
    """Writes what is new in the logs of one unit to a stream: a plain run shows its agent's output."""

    def __init__(self, logs: Mapping[Path, IO[bytes]]) -> None:
        self._logs = dict(logs)
        self._at = dict.fromkeys(logs, 0)

    def copy(self) -> None:
        """All that is there by now. A stream that is closed gets no more."""
        for log, stream in list(self._logs.items()):
            try:
                with log.open("rb") as file:
                    file.seek(self._at[log])
                    while data := file.read(1 << 16):
                        stream.write(data)
                        self._at[log] += len(data)
                stream.flush()
            except FileNotFoundError:
                continue
            except OSError:
                del self._logs[log]


class Following:
    """A display that also shows the output of the agent, before what changes."""

    def __init__(self, display: Display, output: OutputCopy) -> None:
        self.shows_scores = display.shows_scores
        self._display = display
        self._output = output

    def show(self, lines: Sequence[LiveLine]) -> None:
        self._output.copy()
        self._display.show(lines)

    def say(self, text: str) -> None:
        self._display.say(text)

    def close(self) -> None:
        self._output.copy()
        self._display.close()


def in_words(line: LiveLine) -> str:
    """One line for one unit."""
    what = f"{line.agent} {line.competition} seed {line.seed}" if line.competition else line.agent
    facts = [f"{line.unit} ({what}): {line.phase}"]
    if line.minutes is not None and line.phase not in ("claimed", "starting"):
        facts.append(f"{line.minutes:.1f} min")
    if line.score is not None:
        facts.append(f"score {line.score:.6g}")
    if line.last:
        facts.append(line.last)
    return ", ".join(facts)


def chosen(lines: Sequence[LiveLine], most: int) -> list[LiveLine]:
    """What fits on a screen, in the order of the units: those that run before those that failed, those
    that ended well, and those that wait.
    """
    ranked = sorted(range(len(lines)), key=lambda at: _rank(lines[at]))
    return [lines[at] for at in sorted(ranked[:most])]


def _rank(line: LiveLine) -> int:
    if line.phase in LIVE:
        return 0
    return {"queued": 3, "ok": 2}.get(line.phase, 1)


def counted(lines: Sequence[LiveLine]) -> str:
    """How many units are in which phase; "" for one unit, which says it itself."""
    counts = Counter(line.phase for line in lines)
    if len(lines) < 2:
        return ""
    return ", ".join(f"{count} {phase}" for phase, count in sorted(counts.items()))


def _table(lines: Sequence[LiveLine], counts: str) -> Any:
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=None, pad_edge=False, caption=counts or None, caption_justify="left")
    for title, right in (("unit", 0), ("agent", 0), ("phase", 0), ("min", 1), ("best", 1)):
        table.add_column(title, no_wrap=True, justify="right" if right else "left")
    table.add_column("last output", no_wrap=True, overflow="ellipsis", ratio=1)
    for line in lines:
        minutes = "" if line.minutes is None else f"{line.minutes:.1f}"
        score = "-" if line.score is None else f"{line.score:.5g}"
        cells = (line.unit, line.agent, line.phase, minutes, score, line.last)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _rows(store: Store, groups: Sequence[str] | None) -> list[UnitRow]:
    if groups is None:
        return list(store.units())
    rows: list[UnitRow] = []
    for group in groups:
        rows += store.units(group)
    return rows


def _minutes(result: UnitResult | None) -> float | None:
    seconds = result.usage.seconds if result else None
    return None if seconds is None else seconds / 60


def _score(result: UnitResult) -> float | None:
    return result.grade.score if result.grade else None
