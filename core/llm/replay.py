"""The answers of a recorded run, given again without a network."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from core.events import LlmCall
from core.llm.endpoint import PERMANENT, Kind
from core.llm.ledger import request_digest
from core.llm.loose_json import read_json
from core.llm.texts import join
from core.records import Answer, Request
from utils.errors import ConfigError, ModelError
from utils.json_records import from_json

JOURNAL, ANSWERS = "journal.jsonl", "answers"
_GIVEN_UP: Kind = "given up"
# How the purpose of a request for a program begins: with the step.
_STEP = re.compile(r"s\d+ ")


@dataclasses.dataclass
class RecordedAnswer:
    """The requests that one answer took, in order."""

    calls: list[LlmCall]
    used: bool = False


class ReplayModel:
    """Implements core.protocols.Model: the recorded answer to the same request, else to the same
    purpose, else the next unused one of the same role, where both are of programs or neither is. Its
    calls are recorded again as they were, so that totals and caps are the same.
    """

    def __init__(
        self,
        folder: Path,
        role: str,
        record: Callable[[LlmCall], None],
        put: Callable[[str], str] = lambda text: text,
    ) -> None:
        """folder: the log folder of the recorded run. Raises ConfigError when it holds no recorded
        calls.
        """
        self._answers = folder / ANSWERS
        self._record, self._put = record, put
        self._lock = threading.Lock()
        calls = [call for call in recorded_calls(folder / JOURNAL) if call.role == role]
        self._recorded = list(_grouped(calls))

    @property
    def available(self) -> bool:
        return any(not recorded.used for recorded in self._recorded)

    def complete(self, request: Request) -> Answer:
        """Raises the recorded failure as ModelError, and one when the recording is over."""
        calls, texts = self._again(self._next(request))
        while (calls[-1].error or "").startswith(_GIVEN_UP):
            # The run stopped there; the same was asked again once it went on.
            calls, texts = self._again(self._next(request))
        good = [call for call in calls if call.ok]
        if not good:
            raise _failure(calls[-1])
        pieces = [texts[call.answer] for call in good if call.answer]
        if request.schema is not None:
            return Answer(pieces[-1], data=_data(pieces[-1], request.schema))
        complete = calls[-1].ok and calls[-1].finish != "length"
        return Answer(functools.reduce(join, pieces), complete)

    def _again(self, recorded: RecordedAnswer) -> tuple[list[LlmCall], dict[str, str]]:
        """The calls, recorded once more, and their texts by digest."""
        texts = {call.answer: self._text(call) for call in recorded.calls if call.answer}
        for text in texts.values():
            self._put(text)
        for call in recorded.calls:
            self._record(call)
        return recorded.calls, texts

    def _next(self, request: Request) -> RecordedAnswer:
        digest = request_digest(request)
        tests_in_order: tuple[Callable[[LlmCall], bool], ...] = (
            lambda call: call.request == digest,
            lambda call: call.purpose == request.purpose,
            lambda call: (
                not call.purpose or _of_program(call.purpose) == _of_program(request.purpose)
            ),
        )
        with self._lock:
            unused = [recorded for recorded in self._recorded if not recorded.used]
            for test, recorded in itertools.product(tests_in_order, unused):
                if test(recorded.calls[0]):
                    recorded.used = True
                    return recorded
        raise ModelError(
            f"the recording holds no further answer ({request.purpose})",
            permanent=True,
            kind="replay",
        )

    def _text(self, call: LlmCall) -> str:
        path = self._answers / f"{call.answer}.txt"
        try:
            # Bytes: reading as text would change line ends.
            return path.read_bytes().decode()
        except OSError as error:
            raise ModelError(
                f"the recording lacks {path}: {error.strerror}", permanent=True, kind="replay"
            ) from None


def _of_program(purpose: str) -> bool:
    return _STEP.match(purpose) is not None


def recorded_calls(journal: Path) -> list[LlmCall]:
    """Every call that a journal names, in order. Raises ConfigError when there is no journal, or
    none in it.
    """
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"llm.replay_dir: cannot read {journal}: {error.strerror}") from None
    calls = [from_json(LlmCall, line) for line in _call_lines(lines)]
    if not calls:
        raise ConfigError(f"llm.replay_dir: {journal} holds no call of a language model")
    return calls


def _call_lines(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Up to the first torn line, as the journal's own reader does."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if event.get("type") == LlmCall.type:
            yield event


def _grouped(calls: Iterable[LlmCall]) -> Iterator[RecordedAnswer]:
    """Calls of the same answer together, in the order in which the answers were begun; threads may
    have mixed them.
    """
    open_groups: dict[str, RecordedAnswer] = {}
    groups: list[RecordedAnswer] = []
    for call in calls:
        group = open_groups.get(call.request)
        if group is not None and call.attempt == group.calls[-1].attempt + 1:
            group.calls.append(call)
        else:
            open_groups[call.request] = group = RecordedAnswer([call])
            groups.append(group)
    return iter(groups)


def _failure(call: LlmCall) -> ModelError:
    kind, _, message = (call.error or "").partition(": ")
    if kind not in get_args(Kind):
        return ModelError(f"{call.model}: {call.error}")
    return ModelError(f"{call.model}: {message}", kind in PERMANENT, kind)


def _data(text: str, schema: dict[str, Any]) -> Any:
    try:
        return read_json(text, schema)
    except ValueError as error:
        raise ModelError(f"the recorded answer: {error}", kind="format") from None
