"""Tests on the genuine libraries of the services; scripts/test_host_long.sh has them in a venv of their own."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The libraries keep their connections until the process ends, and use what others deprecated."""
    for line in (
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
        "ignore::DeprecationWarning",
    ):
        config.addinivalue_line("filterwarnings", line)
