"""Limits from measured cost and remaining time, and what a failed probe means."""

from __future__ import annotations

import math

import pytest

from core.execution.limits import MIN_GRANT_S, extrapolate, grant, should_start, skip_probe
from core.execution.probe import probe_fault
from core.records import ErrorInfo, KilledFor, Outcome


def test_small_tables_and_fast_relatives_need_no_probe() -> None:
    assert skip_probe(1000, 20, None)
    assert not skip_probe(100_000, 20, None)
    assert skip_probe(100_000, 20, 2.0)
    assert not skip_probe(1000, 20, 100.0)


def test_the_cost_grows_between_linearly_and_with_the_square() -> None:
    lower, upper = extrapolate(3.0, 100, 1000, startup_s=1.0)
    assert (lower, upper) == (pytest.approx(21.0), pytest.approx(201.0))
    assert extrapolate(0.5, 100, 100, startup_s=1.0) == (pytest.approx(0.55), pytest.approx(0.55))
    # A view that is smaller than the probe is not cheaper than it.
    assert extrapolate(3.0, 1000, 10, startup_s=1.0) == (pytest.approx(3.0), pytest.approx(3.0))


@pytest.mark.parametrize("predicted", [None, 0.1, 50.0, 1e9])
@pytest.mark.parametrize("remaining", [-5.0, 0.0, 1.0, 100.0, 1e6])
@pytest.mark.parametrize("waves", [1, 3])
def test_lesson_16_a_limit_is_never_more_than_what_remains(
    predicted: float | None, remaining: float, waves: int
) -> None:
    limit = grant(predicted, remaining, 3600.0, waves)
    assert 0.0 <= limit * waves <= max(remaining, 0.0) + 1e-9
    assert limit <= 3600.0


def test_lesson_16_a_limit_follows_the_measured_cost() -> None:
    assert grant(100.0, 10_000.0) == pytest.approx(150.0)
    assert grant(1.0, 10_000.0) == MIN_GRANT_S
    assert grant(None, 900.0) == pytest.approx(300.0)
    assert grant(100.0, 10_000.0, timeout_max=60.0) == 60.0


def test_a_program_starts_when_its_lower_estimate_fits() -> None:
    assert should_start(100.0, 90.0)
    assert not should_start(100.0, 110.0)
    assert should_start(100.0, None)
    assert not should_start(1.0, None)
    assert not should_start(0.0, math.inf)


def _outcome(
    kind: str, message: str = "", trace: str = "", killed_for: KilledFor | None = None
) -> Outcome:
    return Outcome(1, None, False, 1.0, 1.0, 1.0, ErrorInfo(kind, message, trace), "", killed_for)


COLUMN_FRAME = '  File "/x/site-packages/pandas/core/frame.py", line 4378, in __getitem__'
SERIES_FRAME = '  File "/x/site-packages/pandas/core/series.py", line 1040, in __getitem__'

REJECTED = [
    ("SyntaxError", "invalid syntax", ""),
    ("IndentationError", "unexpected indent", ""),
    ("ModuleNotFoundError", "No module named 'x'", ""),
    ("ImportError", "cannot import name 'x'", ""),
    ("NameError", "name 'x' is not defined", ""),
    ("UnboundLocalError", "x", ""),
    ("FileNotFoundError", "[Errno 2] No such file or directory: './input/nope.csv'", ""),
    ("PermissionError", "[Errno 13] Permission denied: '/etc/x'", ""),
    ("AttributeError", "'DataFrame' object has no attribute 'append'", ""),
    ("TypeError", "fit() got an unexpected keyword argument 'x'", ""),
    ("KeyError", "'nope'", COLUMN_FRAME),
    ("KeyError", "\"['nope'] not in index\"", ""),
    ("ValueError", "Usecols do not match columns, columns expected but not found: ['nope']", ""),
    ("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff", ""),
    ("pandas.errors.UndefinedVariableError", "name 'x' is not defined", ""),
]

ACCEPTED = [
    ("ValueError", "n_splits=5 cannot be greater than the number of members in each class", ""),
    ("KeyError", "'a category that the sample lacks'", ""),
    ("KeyError", "'a label that the sample lacks'", SERIES_FRAME),
    ("IndexError", "index 0 is out of bounds", ""),
    ("ZeroDivisionError", "division by zero", ""),
    ("AttributeError", "'NoneType' object has no attribute 'predict'", ""),
    ("TypeError", "'NoneType' object is not subscriptable", ""),
    ("MemoryError", "", ""),
    ("AssertionError", "", ""),
    ("SystemExit", "exit status 1", ""),
    ("RuntimeError", "no convergence", ""),
]


@pytest.mark.parametrize(("kind", "message", "trace"), REJECTED)
def test_errors_that_more_data_cannot_cure_reject(kind: str, message: str, trace: str) -> None:
    reason = probe_fault(_outcome(kind, message, trace))
    assert reason is not None
    assert message in reason


@pytest.mark.parametrize(("kind", "message", "trace"), ACCEPTED)
def test_errors_that_depend_on_the_amount_of_data_do_not_reject(
    kind: str, message: str, trace: str
) -> None:
    assert probe_fault(_outcome(kind, message, trace)) is None


@pytest.mark.parametrize("killed_for", ["deadline", "memory", "stop", "disk"])
def test_a_limit_does_not_reject(killed_for: KilledFor) -> None:
    assert probe_fault(_outcome("NameError", killed_for=killed_for)) is None


def test_a_probe_without_error_does_not_reject() -> None:
    assert probe_fault(Outcome(0, None, False, 1.0, 1.0, 1.0, None, "")) is None
