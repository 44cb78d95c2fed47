from __future__ import annotations

import logging
import threading

import pytest

from utils.background import Pending
from utils.errors import WorkerError


def test_a_value_is_there_when_it_is_waited_for_and_not_before() -> None:
    go, pending = threading.Event(), Pending("numbers", 0)

    def find() -> int:
        assert go.wait(30)
        return 7

    assert pending.wait() == 0, "nothing was started"
    pending.start(find)
    assert pending.now() == 0
    go.set()
    assert pending.wait() == 7
    assert pending.now() == 7


def test_what_cannot_be_had_is_logged_once_and_the_fallback_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def find() -> int:
        raise WorkerError("it died")

    pending = Pending("numbers", 3)
    with caplog.at_level(logging.ERROR):
        pending.start(find)
        assert pending.wait() == 3
    assert caplog.messages == ["numbers: it died"]
