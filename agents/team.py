"""The mixed team: a language model writes, the recipes library begins and stands in. How many
requests are open at a time is the loop's business.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from agents.recipes.assemble import paradigm
from core.evolution.model_search import RECIPE_DRAFTS
from core.protocols import Model, Proposer
from core.records import Brief, Proposal
from utils.errors import ModelError, ProposalError

log = logging.getLogger(__name__)

MAX_REST = 8


@dataclass(frozen=True, slots=True)
class TeamRules:
    """recipe_drafts: first drafts that the recipes write, so that a trained result is there within
    minutes.
    """

    recipe_drafts: int = RECIPE_DRAFTS


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


class Partners:
    """Implements core.protocols.Proposer: a recipe of each family, as a partner of what the model
    writes. A brief names the recipes so far as siblings.
    """

    def __init__(self, recipes: Proposer) -> None:
        self._recipes = recipes

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when every family has its recipe."""
        proposal = self._recipes.propose(brief)
        if paradigm(proposal.plan) in map(paradigm, brief.siblings):
            raise ProposalError("every family of recipes was tried")
        return proposal


class MixedTeam:
    """Implements core.protocols.Proposer. Safe to call from several threads.

    The model gets every brief but the first drafts. The recipes answer instead while the model
    cannot be reached, and while it rests after unusable answers (1, 2, 4, at most 8 briefs).
    """

    def __init__(
        self,
        recipes: Proposer,
        author: Proposer,
        model: Model,
        rules: TeamRules,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        """over: True once no program can be tried any more."""
        self._recipes = recipes
        self._author = author
        self._model = model
        self._rules = rules
        self._over = over
        self._lock = threading.Lock()
        self._rest = self._next_rest = 0
        self._said = ""

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when the answer of the model or the recipes cannot be used."""
        if self._recipes_begin(brief) or self._resting() or not self._model.available:
            return self._recipes.propose(brief)
        return self._ask(brief)

    def _ask(self, brief: Brief) -> Proposal:
        try:
            proposal = self._author.propose(brief)
        except ModelError as error:
            if self._over():
                # The search has ended and not the model failed: a recipe comes too late as well.
                raise ProposalError(f"no answer before the search ended: {error}") from error
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
