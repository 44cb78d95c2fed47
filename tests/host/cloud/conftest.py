"""Tests on the genuine libraries of the services; scripts/test_host_long.sh has them in a venv of their own."""

from __future__ import annotations

import gc
import sys
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IGNORED = (
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::DeprecationWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The libraries keep their connections until the process ends, and use what others deprecated."""
    for item in items:
        if item.path.is_relative_to(HERE):
            for line in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(line))


def pytest_sessionfinish() -> None:
    """Those connections go now, when nobody counts them as a failure of the whole session."""
    if not sys.modules.keys() & {"modal", "daytona"}:
        return
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(5):
                gc.collect()
    finally:
        sys.unraisablehook = hook
