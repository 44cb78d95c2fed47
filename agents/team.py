"""The mixed team: a language model writes, the recipes library begins, fills idle cores and stands
in.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.protocols import Model, Proposer
from core.records import Brief, Proposal
from utils.errors import ModelError, ProposalError

log = logging.getLogger(__name__)

MAX_REST = 8


@dataclass(frozen=True, slots=True)
class TeamRules:
    """recipe_drafts: first drafts that the recipes write, so that a trained result is there within
    minutes. calls: briefs that the model works on at the same time; further lanes are filled by
    recipes or wait.
    """

    recipe_drafts: int = 2
    calls: int = 2


class ModelAlone:
    """Implements core.protocols.Proposer: the language model with nobody beside it, where recipes
    cannot work.
    """

    def __init__(self, author: Proposer) -> None:
        self._author = author

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when there is no answer, or none that can be used."""
        try:
            return self._author.propose(brief)
        except ModelError as error:
            raise ProposalError(f"the language model failed: {error}") from error


class MixedTeam:
    """Implements core.protocols.Proposer. Safe to call from several threads.

    The model gets every brief but the first drafts. The recipes answer instead while the model
    cannot be reached, while it rests after unusable answers (1, 2, 4, at most 8 briefs), and while
    all its calls are taken and time runs out faster than steps do: a program that costs no call is
    then better than an idle core.
    """

    def __init__(
        self,
        recipes: Proposer,
        author: Proposer,
        model: Model,
        rules: TeamRules,
        steps_to_spare: Callable[[], bool],
    ) -> None:
        """steps_to_spare: True when the time will end before the steps do at the speed so far."""
        self._recipes = recipes
        self._author = author
        self._model = model
        self._rules = rules
        self._steps_to_spare = steps_to_spare
        self._free_calls = threading.Semaphore(rules.calls)
        self._lock = threading.Lock()
        self._rest = self._next_rest = 0
        self._said = ""

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when the answer of the model or the recipes cannot be used."""
        if self._recipes_begin(brief) or self._resting() or not self._model.available:
            return self._recipes.propose(brief)
        if not self._free_calls.acquire(blocking=not self._steps_to_spare()):
            return self._recipes.propose(brief)
        try:
            return self._ask(brief)
        finally:
            self._free_calls.release()

    def _ask(self, brief: Brief) -> Proposal:
        try:
            proposal = self._author.propose(brief)
        except ModelError as error:
            self._complain(str(error))
            return self._recipes.propose(brief)
        except ProposalError:
            with self._lock:
                self._next_rest = min(max(1, 2 * self._next_rest), MAX_REST)
                self._rest = self._next_rest
            raise
        with self._lock:
            self._next_rest, self._said = 0, ""
        return proposal

    def _complain(self, error: str) -> None:
        """Once for each cause in a row: several briefs fail at a time, and all that follow."""
        with self._lock:
            again, self._said = self._said == error, error
        level = logging.WARNING
        if again:
            level = logging.DEBUG
        log.log(level, "the language model failed, recipes go on: %s", error)

    def _recipes_begin(self, brief: Brief) -> bool:
        return brief.kind == "draft" and len(brief.siblings) < self._rules.recipe_drafts

    def _resting(self) -> bool:
        with self._lock:
            resting = self._rest > 0
            self._rest -= resting
            return resting
