"""What follows from what happened to a unit: decisions without any act. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from swarm_host.records import (
    Attempt,
    Ending,
    Event,
    Grade,
    Handle,
    UnitOutcome,
    UnitRow,
)
from swarm_host.states import FINAL, InfraOutcome
from swarm_host.words import jsonio

StopReason = Literal["timeout", "cancel"]
# Instead of a cause: what the user asked for cannot be done. Trying again would not help.
REFUSED = "refused"
_MOST_ITEMS, _LONGEST_ITEM = 20, 300
NEVER_STARTED = "it was cancelled before the agent started"


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the life of a unit is. Seconds."""

    # Others may take the unit when its follower was silent for so long.
    lease_s: float = 60.0
    renew_s: float = 20.0
    # Whether the agent still runs is asked as often, and at once when its output ends.
    poll_s: float = 5.0
    # Flags are looked at as often.
    look_s: float = 0.25
    # The agent may end by itself after it was told to, before it is killed.
    grace_s: float = 30.0
    # The rest of the output may come so long after the agent's end.
    drain_s: float = 30.0
    # The infrastructure may be silent for so long, before the attempt is given up.
    patience_s: float = 120.0
    # Between attempts; there are as many more attempts as numbers here.
    back_off_s: tuple[float, ...] = (5.0, 30.0)
    # A cancelled unit that left a submission gets a grade all the same.
    grade_cancelled: bool = True


# ---------------------------------------------------------------- from events


@dataclass(frozen=True, slots=True)
class History:
    """What the events of a unit say, as far as its present attempt needs it."""

    # When the agent of this attempt was started; None before.
    started: float | None = None
    # Why we told the agent to stop, and when; None: we did not.
    stop: StopReason | None = None
    stop_at: float | None = None
    # How it ended; None before that is known.
    ending: Ending | None = None
    # Earlier attempts, oldest first.
    attempts: tuple[Attempt, ...] = ()
    # Those that the infrastructure ended since a user last asked for one.
    failures: int = 0
    # Of earlier attempts: what may still be there.
    handles: tuple[Handle, ...] = ()
    # What was not brought back, each with its reason.
    left_out: tuple[str, ...] = ()


def history(events: Iterable[Event]) -> History:
    """Folds the events of one unit, oldest first."""
    past = History()
    for event in events:
        if event.kind == "state":
            past = _after_state(past, event)
        elif event.kind == "stop":
            past = replace(past, stop=event.data["reason"], stop_at=event.at)
        elif event.kind == "left_out":
            # A collection that was repeated tells the same again.
            past = replace(
                past, left_out=tuple(dict.fromkeys((*past.left_out, *event.data["what"])))
            )
    return past


def _after_state(past: History, event: Event) -> History:
    to, data = event.data["to"], event.data
    if data.get("handle") is not None:
        past = replace(past, handles=(*past.handles, jsonio.from_json(Handle, data["handle"])))
    if data.get("ending") is not None:
        past = replace(past, ending=jsonio.from_json(Ending, data["ending"]))
    if data.get("attempt_ended") is not None:
        ended = jsonio.from_json(Attempt, data["attempt_ended"])
        past = replace(past, attempts=(*past.attempts, ended), failures=past.failures + 1)
    if to == "claimed":
        return History(attempts=past.attempts, failures=past.failures, handles=past.handles)
    if to == "running":
        return replace(past, started=event.at)
    if to == "queued" and data.get("from") in FINAL:
        return replace(past, failures=0)
    return past


# ---------------------------------------------------------------- decisions


def stop_reason(
    now: float, started: float, timeout: float, cancel: bool, stopped: StopReason | None
) -> StopReason | None:
    """Why a running agent must be told to stop now. A reason that was said stays."""
    if stopped is not None:
        return stopped
    if cancel:
        return "cancel"
    return "timeout" if now - started >= timeout else None


def reason_that_counts(past: History) -> StopReason | None:
    """Why the agent was stopped; None when it had ended by itself before."""
    ending = past.ending
    if past.stop_at is None or ending is None or ending.cause != "exit":
        return past.stop
    by_itself = ending.finished is not None and ending.finished < past.stop_at
    return None if by_itself else past.stop


def stopped_at_limit(ending: Ending, timeout: float) -> bool:
    """A backend keeps the time limit, too, for when nobody follows: it stops what is far beyond."""
    if ending.cause != "stopped" or ending.started is None or ending.finished is None:
        return False
    return ending.finished - ending.started >= timeout


def back_off(cause: str, failures: int, pauses: Sequence[float]) -> float | None:
    """How long to wait before the next attempt; None: there is none.

    failures: attempts that the infrastructure ended before this one. A refusal of what the user asked
    for does not get better by waiting.
    """
    if cause == REFUSED or failures >= len(pauses):
        return None
    return pauses[failures]


def outcome_of_cause(cause: str) -> InfraOutcome:
    """A refusal after the unit was queued is a state of this machine as well: an image is gone."""
    known = get_args(InfraOutcome)
    return cause if cause in known else "unhealthy"  # type: ignore[return-value]


def pause_s(elapsed: float, policy: Policy) -> float:
    """Between two looks at a running agent: short for one that has just begun."""
    return min(policy.look_s, 0.01 + elapsed / 20)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at the end of an attempt."""

    ending: Ending | None
    stop: StopReason | None
    # A submission was brought back.
    submission: bool
    # The unit has a competition, whose grader was asked if there was a submission.
    graded: bool
    grade: Grade | None = None
    grading_error: str | None = None
    # What the agent printed last.
    last_words: str = ""


def outcome_of(evidence: Evidence) -> tuple[UnitOutcome, str]:
    """The outcome and a sentence for people.

    A grader that broke comes before the agent's own end: it says that the score is missing, not bad.
    """
    own, message = _own_end(evidence)
    if own == "cancelled":
        return own, message
    if evidence.grading_error is not None:
        after = "" if own == "ok" else f" (the agent: {message})"
        return "grading_failed", f"{evidence.grading_error}{after}"
    if own != "ok" or not evidence.graded:
        return own, message
    if not evidence.submission:
        return "no_submission", "the agent ended well but left no submission.csv"
    if evidence.grade is None or not evidence.grade.valid:
        said = evidence.grade.message if evidence.grade else ""
        return "invalid_submission", said or "the grader takes it for invalid"
    return "ok", evidence.grade.message


def _own_end(evidence: Evidence) -> tuple[UnitOutcome, str]:
    """How the agent itself ended, whatever it left."""
    ending, stop = evidence.ending, evidence.stop
    if ending is None:
        return "cancelled", NEVER_STARTED
    if stop == "cancel":
        return "cancelled", "it was cancelled while the agent ran"
    if ending.cause == "oom":
        return "oom", "the agent needed more memory than it was given"
    if stop == "timeout":
        return "timeout", "the agent reached its time limit and was stopped"
    if ending.cause in ("killed", "stopped"):
        return "killed", f"somebody else ended the agent (exit status {ending.exit_code})"
    if ending.exit_code != 0:
        said = f": {short(evidence.last_words, _LONGEST_ITEM)}" if evidence.last_words else ""
        return "agent_error", f"the agent ended with exit status {ending.exit_code}{said}"
    return "ok", ""


def few(items: Sequence[str]) -> list[str]:
    """The first ones, and how many more there are: what is left out may be fifty thousand files."""
    shown = [short(item, _LONGEST_ITEM) for item in items[:_MOST_ITEMS]]
    more = len(items) - len(shown)
    return [*shown, f"{more} more"] if more else shown


def short(text: str, most: int = 4000) -> str:
    """The text, or its beginning and its end. An event is a line that people read."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} [...] {text[-most // 2 :]}"


def seconds_of(ending: Ending | None) -> float | None:
    """How long the agent ran."""
    if ending is None or ending.started is None or ending.finished is None:
        return None
    return max(0.0, ending.finished - ending.started)


def outcome_of_row(row: UnitRow) -> UnitOutcome | None:
    """None while the unit has not ended. One that was cancelled in the queue has no result."""
    if row.result is not None:
        return row.result.outcome
    return "cancelled" if row.state == "cancelled" else None


def message_of_row(row: UnitRow) -> str:
    """What is said of the end; "" before it."""
    if row.result is not None:
        return row.result.message
    if not cancelled_in_queue(row):
        return ""
    return f"cancelled before attempt {row.attempt + 1} began"


def cancelled_in_queue(row: UnitRow) -> bool:
    """Such a unit has no result, and the logs in its folder are of earlier attempts."""
    return row.state == "cancelled" and row.result is None
