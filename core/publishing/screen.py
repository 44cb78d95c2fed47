"""What a person sees while it runs: one line per event, and on a terminal a status block that stays
at the bottom.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from core.budget import Budget
from core.events import Event, FoldScored, ProposalFailed, StepDone
from core.execution.leases import LeasePool
from core.journal.history import History
from core.protocols import Clock, Recorder
from core.records import Entry
from utils.untrusted import plain

LAST_FAILURES = 3
# Told by other lines already.
QUIET = (FoldScored,)


class Harmless:
    """What is shown without characters that a terminal obeys: plans, errors and names of columns come
    from models, programs and data, and rich lets an escape through.
    """

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(plain(segment.text), segment.style)


class Screen:
    """Lines for people. Without a terminal it only prints lines; with one it keeps a status block
    below them.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._gone = False

    def start(self, status: Callable[[], RenderableType]) -> None:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=lambda: Harmless(status()),
                refresh_per_second=2,
                transient=True,
            )
            self._live.start()

    def line(self, text: str, style: str = "") -> None:
        """Prints, as long as somebody reads: a closed or full output must not cost the run."""
        if self._gone:
            return
        try:
            self._console.print(Harmless(Text(text, style=style)), soft_wrap=True)
        # rich answers a closed pipe by leaving the program.
        except (OSError, ValueError, SystemExit):
            self._gone = True
            self.stop()

    def stop(self) -> None:
        """Takes the status block away. Safe to call twice."""
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(OSError, ValueError):
                live.stop()


class Announcer:
    """A Recorder that passes events on and then tells the screen and whoever keeps run.json."""

    def __init__(self, recorder: Recorder, screen: Screen, after: Callable[[Event], None]) -> None:
        self._recorder = recorder
        self._screen = screen
        self._after = after

    def append(self, event: Event) -> None:
        self._recorder.append(event)
        if not isinstance(event, QUIET):
            self._screen.line(event.render(), style(event))
        self._after(event)


def style(event: Event) -> str:
    if isinstance(event, ProposalFailed):
        return "yellow"
    if not isinstance(event, StepDone):
        return ""
    if not event.entry.verdict.valid:
        return "yellow"
    if event.entry.steers:
        return "green"
    return ""


def status_block(
    history: History, budget: Budget, leases: LeasePool, clock: Clock
) -> RenderableType:
    """Steps and what was none, best score and error, workers busy, budgets, last failures."""
    steps = f"steps {history.steps_done}/{budget.max_steps}"
    if history.extras_done:
        steps += f" +{history.extras_done}"
    row = Table.grid(padding=(0, 3))
    row.add_row(
        steps,
        f"best {_score_of(history.incumbent)}",
        f"busy {leases.usage().running}/{leases.size}",
        f"left {budget.remaining(clock()):.0f} s",
    )
    failed = [entry for entry in history.entries if not entry.verdict.valid]
    lines = []
    for entry in failed[-LAST_FAILURES:]:
        why = " ".join(entry.verdict.reasons)[:100]
        lines.append(Text(f"  {entry.id}: {why}", style="yellow"))
    return Group(row, *lines)


def _score_of(lead: Entry | None) -> str:
    """Score, error and id."""
    if lead is None or lead.verdict.score is None:
        return "none yet"
    text = f"{lead.verdict.score:.5f}"
    if lead.verdict.stderr is not None:
        text += f" ± {lead.verdict.stderr:.5f}"
    return f"{text} ({lead.id})"
