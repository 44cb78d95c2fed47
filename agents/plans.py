"""Plans of the first programs of a model, asked for in one request: drafts that are written at the
same time then differ on purpose.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agents.answers.answer import one_line, without_thinking
from agents.answers.fences import first_code_line
from agents.prompting.siblings import FirstPlan, WrittenDraft
from core.events import PlansMade
from core.protocols import Clock, Model, Recorder
from core.records import Brief, Message, Request
from utils.errors import ModelError

log = logging.getLogger(__name__)

PURPOSE = "plans"
# One program alone needs no plan to differ from others; more than so many are no distinct ideas.
LEAST, MOST = 2, 8
_BARE_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})(?:text|markdown|md)?[ \t]*$", re.MULTILINE)
_ITEM = re.compile(r"^[^\w\n]{0,8}(?:plan\s*)?(\d{1,2})[\s*_]*[.):\-][\s*_]*(?=\S)", re.I | re.M)
_SHORTEST = 8


class PlanPrompts(Protocol):
    """The texts that plans are asked for with."""

    def system(self) -> str:
        """The same text that programs are asked for with, so that prefix caches work."""
        ...

    def plans(self, count: int, seconds: float) -> str:
        """Asks for so many plans in one answer, of programs that may run so long; inf: as the deadline
        allows.
        """
        ...


@dataclass(frozen=True, slots=True)
class PlansSoFar:
    """What a run knows of the first programs when its author begins.

    count: first programs that the model writes. plans: of an earlier session, () for none.
    written: first programs that are written by now, asked anew for each brief.
    """

    count: int
    plans: tuple[str, ...]
    written: Callable[[], list[WrittenDraft]]


@dataclass(frozen=True, slots=True)
class RequestTimes:
    """clock: epoch seconds. allowance_s: what one request may take. ends: epoch seconds after which
    no answer helps.
    """

    clock: Clock
    allowance_s: float
    ends: Callable[[], float] = lambda: math.inf

    @property
    def deadline(self) -> float:
        return min(self.clock() + self.allowance_s, self.ends())


class FirstPlans:
    """Gives each first draft a plan of its own. Safe to call from several threads: those that come
    while the one request is open wait for it.
    """

    def __init__(
        self,
        model: Model,
        prompts: Callable[[], PlanPrompts],
        so_far: PlansSoFar,
        recorder: Recorder,
        times: RequestTimes,
    ) -> None:
        """prompts: asked for when plans are due, for they show these plans themselves."""
        self._model = model
        self._prompts = prompts
        self._so_far = so_far
        self._recorder = recorder
        self._times = times
        self._lock = threading.Lock()
        self._plans: tuple[str, ...] | None = None
        self._claims: dict[int, int] = {}

    def claim(self, brief: Brief) -> None:
        """Keeps a plan for a first draft, after the one request where that is due; does nothing for
        other briefs. Raises Interrupted when the run stops.
        """
        if brief.kind != "draft" or brief.parents:
            return
        with self._lock:
            if self._plans is None:
                self._plans = self._so_far.plans or self._ask(brief.seconds)
            free = [i for i in range(len(self._plans)) if i not in self._claims.values()]
            if free:
                place = self._place(brief)
                self._claims[brief.step] = place if place in free else free[0]

    def release(self, brief: Brief) -> None:
        """The plan of a brief that found no program is free for the next draft."""
        with self._lock:
            self._claims.pop(brief.step, None)

    def of(self, brief: Brief) -> FirstPlan | None:
        """The plan that is kept for a brief, beside the others; None where it has none."""
        with self._lock:
            plans, claim = self._plans, self._claims.get(brief.step)
        if claim is None or plans is None:
            return None
        return FirstPlan(plans[claim], plans[:claim] + plans[claim + 1 :])

    def _place(self, brief: Brief) -> int:
        """First programs of the model that are written or in flight: the plans go in this order, also
        in a run that was resumed.
        """
        written = sum(not draft.by_recipes for draft in self._so_far.written())
        return written + brief.siblings.count("")

    def _ask(self, seconds: float) -> tuple[str, ...]:
        """() where no plans are due, none came or none could be read: drafts go on without. seconds: of
        a run of the first program, about what the others get.
        """
        count = min(self._so_far.count, MOST)
        begun = any(not draft.by_recipes for draft in self._so_far.written())
        if count < LEAST or begun:
            return ()
        prompts = self._prompts()
        messages = (Message("user", prompts.plans(count, seconds)),)
        request = Request(prompts.system(), messages, PURPOSE, self._times.deadline)
        try:
            plans = read_plans(self._model.complete(request).text, count)
        except ModelError as error:
            log.info("the first programs are written without common plans: %s", error)
            return ()
        if len(plans) < LEAST:
            log.info("the first programs are written without common plans: none could be read")
            return ()
        self._recorder.append(PlansMade(plans))
        return plans


def read_plans(text: str, most: int) -> tuple[str, ...]:
    """The numbered plans of an answer, one line each, no two the same. Those in a program are its
    comments.
    """
    text = _BARE_FENCE.sub("", without_thinking(text))
    above = "\n".join(text.split("\n")[: first_code_line(text)])
    marks = list(_ITEM.finditer(above))
    ends = [mark.start() for mark in marks[1:]] + [len(above)]
    plans: dict[str, None] = {}
    for mark, end in zip(marks, ends, strict=False):
        # A plan may go on in the lines below, up to an empty one.
        plan = one_line(above[mark.end() : end].split("\n\n")[0])
        if len(plan) >= _SHORTEST:
            plans[plan] = None
    return tuple(plans)[:most]
