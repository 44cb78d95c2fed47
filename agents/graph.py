"""The conversation about one program as a graph: write -> check -> (repair -> check)*. The only
langgraph file.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypedDict

from agents.answers.attempt import Attempt
from core.protocols import Model
from core.records import Answer, Brief, Message, Request

log = logging.getLogger(__name__)

REPAIRS = 1


class Prompts(Protocol):
    """The texts that a model is asked with."""

    def system(self) -> str:
        """What stays the same over a run, so that prefix caches work."""
        ...

    def write(self, brief: Brief) -> str:
        """Asks for plan and program in one answer."""
        ...

    def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
        """Asks again; program: what was wrong, "" when there was none."""
        ...


class Examine(Protocol):
    def __call__(self, brief: Brief, answer: Answer, bases: Sequence[str]) -> Attempt: ...


class ConversationState(TypedDict, total=False):
    """asked: requests so far."""

    brief: Brief
    deadline: float
    answer: Answer
    attempt: Attempt
    asked: int


Conversation = Callable[[Brief, float], Attempt]
"""(brief, deadline in epoch seconds) -> the last attempt, with the reasons against it if there are any left."""


def load() -> None:
    """Imports langgraph; a second and more, which can pass in the background while views are built."""
    # What these libraries tell each other (a pending deprecation, pydantic versions) is nothing
    # that a user can mend. Recorded and not filtered: langchain puts filters of its own before
    # those that are there.
    with warnings.catch_warnings(record=True) as caught:
        import langgraph.graph  # noqa: F401
    for warning in caught:
        log.debug("while langgraph was imported: %s", warning.message)


def conversation(
    model: Model, prompts: Prompts, examine: Examine, repairs: int = REPAIRS
) -> Conversation:
    """Builds the graph; all kinds of briefs run through it, several at once if need be. At most 1 +
    `repairs` requests.

    langgraph is imported here and not above: it takes more than a second, which a run without a
    model saves. Whatever the environment says, nothing is traced: prompts are sent to the model and
    to nobody else.
    """
    load()
    from langgraph.graph import END, START, StateGraph

    nodes = _Nodes(model, prompts, examine, repairs)
    graph = StateGraph(ConversationState)
    graph.add_node("write", nodes.write)
    graph.add_node("check", nodes.check)
    graph.add_node("repair", nodes.repair)
    graph.add_edge(START, "write")
    graph.add_edge("write", "check")
    graph.add_conditional_edges("check", nodes.next, {"repair": "repair", "done": END})
    graph.add_edge("repair", "check")
    compiled = graph.compile()

    def converse(brief: Brief, deadline: float) -> Attempt:
        with _untraced():
            final = compiled.invoke({"brief": brief, "deadline": deadline, "asked": 0})
        attempt: Attempt = final["attempt"]
        return attempt

    return converse


@contextmanager
def _untraced() -> Iterator[None]:
    """Neither LANGSMITH_TRACING nor its older names have an effect in here (the oldest would be an
    error).

    A handler that does nothing takes the place of the one that the environment may ask for.
    """
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.tracers.context import tracing_v2_callback_var
    from langsmith import tracing_context

    token = tracing_v2_callback_var.set(BaseCallbackHandler())  # type: ignore[arg-type]
    try:
        with tracing_context(enabled=False):
            yield
    finally:
        tracing_v2_callback_var.reset(token)


class _Nodes:
    """What happens at each node; `check` asks no model."""

    def __init__(self, model: Model, prompts: Prompts, examine: Examine, repairs: int) -> None:
        self._model = model
        self._prompts = prompts
        self._examine = examine
        self._repairs = repairs

    def write(self, state: ConversationState) -> dict[str, Any]:
        return self._ask(state, self._prompts.write(state["brief"]), state["brief"].kind)

    def repair(self, state: ConversationState) -> dict[str, Any]:
        attempt = state["attempt"]
        return self._ask(
            state, self._prompts.repair(state["brief"], attempt.program, attempt.reasons), "repair"
        )

    def check(self, state: ConversationState) -> dict[str, Any]:
        """A repair that lost its plan or its reason, or found nothing at all, keeps what was there."""
        brief, before = state["brief"], state.get("attempt")
        bases = [parent.program for parent in brief.parents]
        if before is not None and before.program:
            bases.insert(0, before.program)
        attempt = self._examine(brief, state["answer"], bases)
        if before is not None:
            plan, program = before.plan or attempt.plan, attempt.program or before.program
            hypothesis = before.hypothesis or attempt.hypothesis
            attempt = Attempt(plan, program, attempt.locus, attempt.reasons, hypothesis)
        return {"attempt": attempt}

    def next(self, state: ConversationState) -> str:
        if state["attempt"].reasons and state["asked"] <= self._repairs:
            return "repair"
        return "done"

    def _ask(self, state: ConversationState, text: str, purpose: str) -> dict[str, Any]:
        brief = state["brief"]
        request = Request(
            system=self._prompts.system(),
            messages=(Message("user", text),),
            purpose=f"s{brief.step:04d} {purpose}",
            deadline=state["deadline"],
            temperature=brief.persona.temperature,
            model=brief.persona.model,
        )
        return {"answer": self._model.complete(request), "asked": state["asked"] + 1}
