"""Waits for what other threads and processes do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str = "it", seconds: float = 120.0) -> None:
    """Waits until a condition holds; the limit is for a test that would never end."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        pause.wait(0.02)
