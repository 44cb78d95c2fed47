"""The boundaries of the loop on one page. Implementations are handed in by main.py; doubles stand in core.doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from core.events import Event
from core.records import Brief, Ensemble, Entry, Job, Outcome, Proposal, Verdict, View


class Clock(Protocol):
    """Seconds since the epoch. Handed in, so that tests and replay own the time."""

    def __call__(self) -> float: ...


class Proposer(Protocol):
    """Writes a program for a brief. Raises ProposalError when it cannot."""

    def propose(self, brief: Brief) -> Proposal: ...


class Runner(Protocol):
    """Runs one job in its own box and leaves nothing running. Blocks for at most limit_s plus a short grace."""

    def run(self, job: Job) -> Outcome: ...

    def release(self, job: Job) -> None:
        """Removes the job's folder, after the judge has read it."""
        ...


class Judge(Protocol):
    """Decides what an execution is worth, from held-out answers and nothing else."""

    def judge(self, job: Job, outcome: Outcome) -> Verdict: ...

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        """P(challenger beats incumbent) on common held-out rows; arguments are names in the prediction store.

        None when the two have no rows in common.
        """
        ...


class Views(Protocol):
    """The folders that candidates see, built once per run."""

    def get(self, name: str) -> View: ...

    def search(self) -> Sequence[View]: ...

    def intact(self, view: View) -> bool:
        """False when a file below the view changed; the view is then rebuilt before this returns."""
        ...


class Recorder(Protocol):
    """Takes events in order, durably. Safe to call from several threads."""

    def append(self, event: Event) -> None: ...


class Search(Protocol):
    """Decides what is tried next. Pure: the same arguments give the same brief."""

    def next_brief(self, entries: Sequence[Entry], step: int, running: Sequence[Proposal]) -> Brief: ...


class Publisher(Protocol):
    """Puts a finished step's submission and code where the user finds them, atomically. Raises PublishError."""

    def publish(self, entry: Entry) -> None: ...


class Blender(Protocol):
    """Builds and scores a blend of finished steps; None when no blend beats its best member."""

    def blend(self, entries: Sequence[Entry]) -> Ensemble | None: ...


class Model(Protocol):
    """A language model: messages in, text out. Raises ModelError after its own retries."""

    def complete(self, messages: Sequence[dict[str, Any]], *, max_tokens: int, deadline: float) -> str: ...
