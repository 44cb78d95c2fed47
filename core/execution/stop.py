"""The one signal that ends everything: set by a signal, a deadline or a finished search."""

from __future__ import annotations

import os
import select


class StopSignal:
    """An event with a reason; the first reason wins.

    A pipe and not a threading.Event: setting it inside a signal handler takes no lock that the
    interrupted thread may hold, and `fileno` lets a waiter watch it together with other
    descriptors.
    """

    def __init__(self) -> None:
        self._reasons: list[str] = []
        self._read, self._write = os.pipe()

    def set(self, reason: str) -> None:
        """Never blocks; safe in signal handlers and in any thread."""
        self._reasons.append(reason)
        if len(self._reasons) == 1:
            os.write(self._write, b"!")

    def is_set(self) -> bool:
        return bool(self._reasons)

    @property
    def reason(self) -> str | None:
        return next(iter(self._reasons), None)

    def fileno(self) -> int:
        """A descriptor that is readable once the signal is set, and stays so."""
        return self._read

    def wait(self, timeout: float | None = None) -> bool:
        """True as soon as the signal is set; False after `timeout` seconds."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        if timeout is not None:
            timeout = max(timeout, 0.0) * 1000
        return bool(poll.poll(timeout))

    def close(self) -> None:
        """Gives the descriptors back; the reason stays."""
        os.close(self._read)
        os.close(self._write)
