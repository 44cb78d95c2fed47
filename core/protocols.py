"""The boundaries of the loop on one page. Implementations are handed in by core.assembly; doubles stand
in core.doubles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from core.events import Event, Published
from core.persona import Persona, Population
from core.records import (
    Agreement,
    Answer,
    Brief,
    Entry,
    FoldResult,
    Idle,
    Job,
    Outcome,
    Proposal,
    Request,
    Suspicion,
    Verdict,
    View,
)
from core.skill import Example


class Clock(Protocol):
    """Seconds since the epoch. Handed in, so that tests and replay own the time."""

    def __call__(self) -> float: ...


class Proposer(Protocol):
    """Writes a program for a brief. Raises ProposalError when it cannot."""

    def propose(self, brief: Brief) -> Proposal: ...


class Runner(Protocol):
    """Runs one job in its own box and leaves nothing running. Blocks for at most limit_s plus a
    short grace.
    """

    def run(self, job: Job) -> Outcome: ...

    def release(self, job: Job) -> None:
        """Removes the job's folder, after the judge has read it."""
        ...


class Judge(Protocol):
    """Decides what an execution is worth, from held-out answers and nothing else."""

    def judge(self, job: Job, outcome: Outcome) -> Verdict: ...

    def p_better(self, challenger: Sequence[str], incumbent: Sequence[str]) -> float | None:
        """P(challenger beats incumbent) on common held-out rows; arguments are names in the
        prediction store.

        None when the two have no rows in common.
        """
        ...

    def suspicion(self, names: Sequence[str], rivals: Sequence[Sequence[str]]) -> Suspicion | None:
        """Whether a program is right on more held-out rows of some views than its other views and
        earlier programs (rivals) explain; arguments are names in the prediction store.
        """
        ...


class Views(Protocol):
    """The folders that candidates see, built once per run."""

    def get(self, name: str) -> View: ...

    def search(self) -> Sequence[View]: ...

    def intact(self, view: View) -> bool:
        """False when a file below the view changed; the view is then rebuilt before this returns."""
        ...


class Stop(Protocol):
    """Why the run should end early, if it should: a signal, or the deadline."""

    @property
    def reason(self) -> str | None: ...


class Recorder(Protocol):
    """Takes events in order, durably. Safe to call from several threads."""

    def append(self, event: Event) -> None: ...


class RunState(Protocol):
    """What the journal says so far (core.journal.history.History)."""

    next_step: int
    next_extra: int
    failed_in_a_row: int
    entries: list[Entry]
    pending: dict[str, Proposal]
    again: set[str]
    folds: dict[str, FoldResult]
    published: Published | None
    population: Population

    @property
    def steps_done(self) -> int: ...

    @property
    def incumbent(self) -> Entry | None: ...


class Programs(Protocol):
    """Texts of programs by digest."""

    def put(self, program: str) -> str: ...

    def get(self, key: str) -> str: ...


class Coach(Protocol):
    """The language model's part in level 2. Nothing that it says is needed: None where it has
    nothing usable.
    """

    def rewrite(self, persona: Persona, evidence: Mapping[str, Any]) -> Persona | None:
        """The same persona with another role and strategy; weights, name and version stay.
        evidence: figures of its steps, as the `persona` event will hold them.
        """
        ...

    def lesson(self, examples: Sequence[Example]) -> str | None:
        """One or two sentences that say what the changes have in common and when to make one."""
        ...


class Learner(Protocol):
    """Level 2 beside the loop: changes who writes programs, and what they are told, by what steps
    have shown.
    """

    def start(self) -> None:
        """Called before the first step."""
        ...

    def epoch(self, number: int) -> None:
        """Called at the end of each epoch, while the loop holds its lock: returns soon."""
        ...

    def close(self) -> None:
        """Called after the last step."""
        ...


class Pace(Protocol):
    """Turns measured cost and remaining time into limits."""

    def probe_limit(self, proposal: Proposal) -> float | None:
        """Wall seconds for a run on the probe view; None where that does not pay."""
        ...

    def predict(self, probe_s: float) -> float:
        """Seconds that a run on a search view may take when one on the probe view took `probe_s`."""
        ...

    def limit(self, proposal: Proposal, view: View) -> float:
        """Wall seconds granted to a run on this view; 0 or less when it should not start."""
        ...

    def affordable(self, parents: Sequence[str] = ()) -> float:
        """Seconds that a new program may take on one search view, so that all its views fit what is
        left; where a model writes, so that several programs do.
        """
        ...

    def worth_starting(self) -> bool:
        """False once no step could end in the time that is left for the search."""
        ...

    def search_ends(self) -> float:
        """Epoch seconds after which only the final pick and what follows may run, as far as is known
        now: earlier once there is something to choose from.
        """
        ...


class Search(Protocol):
    """Decides what is tried next. Pure: the same arguments give the same brief."""

    def next_brief(
        self, entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        """progress: share of the budget that is spent, 0 to 1."""
        ...


class Extras(Protocol):
    """Decides what runs on a box that no step asks for."""

    def next_extra(self, now: Idle) -> Proposal | None:
        """None when nothing is left."""
        ...


class Publisher(Protocol):
    """Puts a finished step's submission and code where the user finds them, atomically. Raises
    PublishError.
    """

    def publish(self, entry: Entry) -> None: ...


class Submission(Protocol):
    """A submission file that was written and checked."""

    @property
    def rows(self) -> int: ...

    @property
    def sha256(self) -> str: ...


BlendParts = Sequence[tuple[Sequence[str], float]]
"""What is blended: (names in the prediction store, one per fold; weight), one per program."""


class Comparer(Protocol):
    """Compares kept predictions. how: mean, rank or vote."""

    def agreement(self, a: BlendParts, b: BlendParts, how: str) -> Agreement:
        """How much two blends agree on the official test rows."""
        ...


class Combiner(Protocol):
    """Arithmetic over kept predictions. how: mean, rank or vote."""

    def combine(self, parts: BlendParts, how: str, out_csv: Path) -> Submission:
        """Writes the official submission of a blend; folds are averaged (or vote) first."""
        ...

    def score_blend(
        self, parts: BlendParts, how: str, part: str
    ) -> tuple[float | None, float | None]:
        """Score and standard error of a blend on its held-out rows; part: holdout or locked."""
        ...


class Model(Protocol):
    """A language model in one role. Owns retries, keys, caps and the ledger. Safe to call from
    several threads.
    """

    def complete(self, request: Request) -> Answer:
        """Raises ModelError when there is no answer in time, after its own retries."""
        ...

    @property
    def available(self) -> bool:
        """False while calls would fail at once: the circuit is open, a cap is reached or every key
        was refused.
        """
        ...
