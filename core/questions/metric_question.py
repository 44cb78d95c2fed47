"""Asks about a metric that the description does not name beyond doubt, while the run goes on for a
while without it.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from core.llm.models import Models
from core.protocols import Clock
from core.records import CompetitionSpec
from core.score import Direction
from core.task.hints import MetricAnswer
from utils.background import Pending

log = logging.getLogger(__name__)

# Seconds, and share of the time that is left, for which views wait for an answer.
WAIT_S, WAIT_SHARE = 60.0, 0.1


@dataclass(frozen=True, slots=True)
class MetricQuestion:
    """spec: with a stand-in for its metric. models: who can be asked. deadline: epoch seconds; of
    the run, or when it reaches a reader, of the answer.
    """

    spec: CompetitionSpec
    models: Models
    deadline: float


@dataclass(frozen=True, slots=True)
class WrittenScores:
    """Two programs for the same score, written apart. best: the value of perfect answers, None
    where it depends.
    """

    first: str
    second: str
    direction: Direction
    best: float | None


Reading = MetricAnswer | WrittenScores | None
# None where nobody knows.
MetricReader = Callable[[MetricQuestion], Reading]
# Reasons against a written score; [] when it may be used.
Examiner = Callable[[CompetitionSpec, WrittenScores], Sequence[str]]


class MetricInquiry:
    """A question in the background, and its answer where it comes in time."""

    def __init__(self, reader: MetricReader | None, clock: Clock) -> None:
        """reader: None where there is nobody to ask."""
        self._reader = reader
        self._clock = clock
        self._until = 0.0
        self._answer: Pending[Reading] = Pending("metric question", None)

    def ask(self, question: MetricQuestion, examine: Examiner) -> None:
        """Asks where a stand-in took the metric's place and a description could tell more."""
        spec, now = question.spec, self._clock()
        if self._reader is None or spec.metric.source != "fallback" or not spec.description.strip():
            return
        self._until = now + min(WAIT_S, WAIT_SHARE * (question.deadline - now))
        asked = dataclasses.replace(question, deadline=self._until)
        self._answer.start(partial(_examined, self._reader, asked, examine))

    def answer(self) -> Reading:
        """What came in time; a written score only when it was accepted.

        Waits for it, but no longer than the share of the run that the question may cost.
        """
        return self._answer.wait(max(self._until - self._clock(), 0.0))


def _examined(reader: MetricReader, question: MetricQuestion, examine: Examiner) -> Reading:
    found = reader(question)
    if not isinstance(found, WrittenScores):
        return found
    reasons = examine(question.spec, found)
    if reasons:
        log.warning("the written score is not used: %s", "; ".join(reasons))
        return None
    return found
