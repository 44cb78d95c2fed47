"""Who answers a relay's prompts in tests: a thread, or another process, that only sees files."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from benchmark.relay import ANSWER, PROMPT, open_prompts
from benchmark.scripted_server import filled


def put_answer(folder: Path, number: int, text: str) -> None:
    """As a person is told to: under another name, and renamed."""
    draft = folder / f"{number:04d}{ANSWER}.tmp"
    draft.write_text(text)
    draft.replace(folder / f"{number:04d}{ANSWER}")


class Person:
    """Answers each prompt in the folder, in order: `says` is given its number and text."""

    def __init__(self, folder: Path, says: Callable[[int, str], str]) -> None:
        self._folder, self._says = folder, says
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Person:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(0.02):
            for number in open_prompts(self._folder):
                text = (self._folder / f"{number:04d}{PROMPT}").read_text()
                put_answer(self._folder, number, self._says(number, text))


def by_schema(text: str) -> str | None:
    """An answer to a prompt that asks for JSON; None for one that asks for a program."""
    _, asks, schema = text.partition("JSON that follows this schema, and nothing else:\n\n")
    if not asks:
        return None
    return json.dumps(filled(json.loads(schema), "", "scripted words"))
