"""What follows from what happened, case by case, without a process."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from swarm_host.life.outcomes import (
    REFUSED,
    Evidence,
    History,
    Policy,
    back_off,
    few,
    history,
    outcome_of,
    outcome_of_cause,
    pause_s,
    reason_that_counts,
    seconds_of,
    short,
    stop_reason,
    stopped_at_limit,
)
from swarm_host.records import Attempt, Ending, Event, Grade, Handle
from swarm_host.words import jsonio

GOOD = Grade(True, 0.5, True)
BAD = Grade(False, None, True, "two rows are missing")
ENDED = Ending(0, "exit", 10.0, 20.0)


def evidence(**fields: Any) -> Evidence:
    plain = {"ending": ENDED, "stop": None, "submission": True, "graded": True, "grade": GOOD}
    return Evidence(**{**plain, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "ok"),
        ({"graded": False, "grade": None, "submission": False}, "ok"),
        ({"submission": False, "grade": None}, "no_submission"),
        ({"grade": BAD}, "invalid_submission"),
        ({"grade": None, "grading_error": "it broke"}, "grading_failed"),
        ({"ending": Ending(3, "exit", None, None)}, "agent_error"),
        ({"ending": Ending(None, "exit", None, None)}, "agent_error"),
        ({"ending": Ending(137, "oom", None, None)}, "oom"),
        ({"ending": Ending(137, "oom", None, None), "stop": "timeout"}, "oom"),
        ({"ending": Ending(143, "stopped", None, None), "stop": "timeout"}, "timeout"),
        ({"ending": Ending(0, "stopped", None, None), "stop": "timeout"}, "timeout"),
        ({"ending": Ending(143, "stopped", None, None), "stop": "cancel"}, "cancelled"),
        ({"ending": Ending(143, "stopped", None, None)}, "killed"),
        ({"ending": Ending(137, "killed", None, None)}, "killed"),
        ({"ending": None}, "cancelled"),
        ({"stop": "timeout", "grade": None, "grading_error": "it broke"}, "grading_failed"),
        ({"stop": "cancel", "grade": None, "grading_error": "it broke"}, "cancelled"),
    ],
)
def test_outcomes(fields: dict[str, Any], outcome: str) -> None:
    assert outcome_of(evidence(**fields))[0] == outcome


def test_messages_say_what_happened() -> None:
    assert outcome_of(evidence(grade=BAD))[1] == "two rows are missing"
    assert "exit status 3" in outcome_of(evidence(ending=Ending(3, "exit", None, None)))[1]
    last = evidence(ending=Ending(3, "exit", None, None), last_words="no key " * 1000)
    assert outcome_of(last)[1].startswith("the agent ended with exit status 3: no key no key")
    assert len(outcome_of(last)[1]) < 400
    both = outcome_of(evidence(ending=Ending(3, "exit", None, None), grading_error="it broke"))[1]
    assert both == "it broke (the agent: the agent ended with exit status 3)"


def test_a_limit_counts_from_the_agents_own_start() -> None:
    assert stop_reason(109.9, 100.0, 10.0, False, None) is None
    assert stop_reason(110.0, 100.0, 10.0, False, None) == "timeout"


def test_a_wish_to_cancel_comes_before_the_limit_and_a_reason_stays() -> None:
    assert stop_reason(200.0, 100.0, 10.0, True, None) == "cancel"
    assert stop_reason(200.0, 100.0, 10.0, True, "timeout") == "timeout"


@pytest.mark.parametrize("cause", ["daemon_lost", "lost", "capacity", "rate_limit", "transfer"])
def test_the_infrastructure_gets_two_more_attempts(cause: str) -> None:
    assert [back_off(cause, failures, (5.0, 30.0)) for failures in range(3)] == [5.0, 30.0, None]
    assert outcome_of_cause(cause) == cause


def test_a_refusal_is_not_tried_again() -> None:
    assert back_off(REFUSED, 0, (5.0, 30.0)) is None
    assert outcome_of_cause(REFUSED) == "unhealthy"


def test_looks_are_quick_at_first_and_never_slow() -> None:
    policy = Policy(look_s=0.25)
    assert pause_s(0.0, policy) <= 0.02
    assert pause_s(1.0, policy) <= 0.1
    assert pause_s(1e6, policy) == 0.25


def test_long_lists_and_texts_are_told_short() -> None:
    assert few(["a", "b"]) == ["a", "b"]
    many = few([f"{number} " + "x" * 1000 for number in range(50_000)])
    assert (len(many), many[-1]) == (21, "49980 more")
    assert len("".join(many)) < 10_000
    assert short("x" * 4000) == "x" * 4000
    long = short("start" + "x" * 10_000 + "end")
    assert (long[:5], long[-3:], len(long)) == ("start", "end", 4007)


def test_seconds_are_not_negative_and_not_guessed() -> None:
    assert seconds_of(ENDED) == 10.0
    assert seconds_of(Ending(0, "exit", 20.0, 10.0)) == 0.0
    assert seconds_of(Ending(0, "exit", None, 10.0)) is None
    assert seconds_of(None) is None


SEQ = itertools.count(1)


def event(kind: str, at: float = 0.0, **data: Any) -> Event:
    return Event(next(SEQ), "u", kind, jsonio.to_json(data), at)


def moved(to: str, at: float = 0.0, **data: Any) -> Event:
    return event("state", at, to=to, **data)


LIFE = [
    moved("queued"),
    moved("claimed", attempt=1),
    moved("starting"),
    moved("running", 100.0, handle=Handle("fake", "u-1", "7")),
]


def test_a_history_tells_of_the_present_attempt() -> None:
    told = history(
        [*LIFE, event("stop", 150.0, reason="timeout"), moved("collecting", ending=ENDED)]
    )
    assert (told.started, told.stop, told.stop_at, told.ending) == (100.0, "timeout", 150.0, ENDED)
    assert told.handles == (Handle("fake", "u-1", "7"),)


def test_a_new_attempt_begins_anew_and_remembers_the_old_one() -> None:
    lost = Attempt(1, "lost", None, "gone")
    again = [
        moved("queued", **{"from": "running"}, attempt_ended=lost),
        moved("claimed", attempt=2),
    ]
    told = history([*LIFE, event("stop", reason="cancel"), *again])
    wanted = History(attempts=(lost,), failures=1, handles=(Handle("fake", "u-1", "7"),))
    assert told == wanted


def test_a_users_wish_gives_all_attempts_again() -> None:
    lost = Attempt(1, "lost", None, "gone")
    again = [
        moved("queued", **{"from": "running"}, attempt_ended=lost),
        moved("claimed", attempt=2),
    ]
    ended = moved("done", outcome="lost", message="gone", attempt_ended=Attempt(2, "lost", None))
    told = history([*LIFE, *again, ended, moved("queued", **{"from": "done"})])
    assert told.failures == 0
    assert [attempt.number for attempt in told.attempts] == [1, 2]


def test_an_agent_that_ended_before_it_was_stopped_ended_by_itself() -> None:
    late = History(stop="timeout", stop_at=20.5, ending=ENDED)
    assert reason_that_counts(late) is None
    in_time = History(stop="timeout", stop_at=19.5, ending=ENDED)
    assert reason_that_counts(in_time) == "timeout"
    stopped = History(stop="cancel", stop_at=30.0, ending=Ending(0, "stopped", 10.0, 20.0))
    assert reason_that_counts(stopped) == "cancel"
    unknown = History(stop="cancel", stop_at=30.0, ending=Ending(0, "exit", 10.0, None))
    assert reason_that_counts(unknown) == "cancel"


def test_a_backend_that_kept_the_time_limit_is_told_from_other_ends() -> None:
    assert stopped_at_limit(Ending(137, "stopped", 10.0, 20.0), 10.0)
    assert not stopped_at_limit(Ending(137, "stopped", 10.0, 19.0), 10.0)
    assert not stopped_at_limit(Ending(137, "killed", 10.0, 90.0), 10.0)
    assert not stopped_at_limit(Ending(137, "stopped", None, 90.0), 10.0)
