"""The proposer that asks a language model."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable

from agents.answers.answer import one_line
from agents.answers.attempt import Attempt, Examiner
from agents.answers.self_check import Gate
from agents.graph import Conversation, Prompts, conversation
from agents.plans import FirstPlans
from agents.prompting.lessons import offered
from core.genome import Genome, normalised_digest
from core.protocols import Clock, Model
from core.records import Brief, Proposal
from utils.errors import ModelError, ProposalError


class ModelProposer:
    """Implements core.protocols.Proposer. Safe to call from several threads.

    gate: reasons of the box to reject a program. known: normalised digests of earlier programs of
    this run. allowance_s: seconds that one proposal may take, its repair included. ends: epoch
    seconds after which a program is too late. plans: of first drafts; None where each draft is on
    its own.
    """

    def __init__(
        self,
        model: Model,
        prompts: Prompts,
        gate: Gate,
        known: Iterable[str],
        clock: Clock,
        allowance_s: float,
        ends: Callable[[], float] = lambda: math.inf,
        plans: FirstPlans | None = None,
    ) -> None:
        self._model = model
        self._prompts = prompts
        self._examiner = Examiner(gate, self._is_known)
        self._clock = clock
        self._allowance_s = allowance_s
        self._ends = ends
        self._plans = plans
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._known = set(known)
        self._conversation: Conversation | None = None

    def propose(self, brief: Brief) -> Proposal:
        """Raises ProposalError when the answer cannot be used, also after its repair; ModelError
        when there is none.
        """
        if self._plans is None:
            return self._written(brief)
        self._plans.claim(brief)
        try:
            return self._written(brief)
        except (ProposalError, ModelError):
            self._plans.release(brief)
            raise

    def _written(self, brief: Brief) -> Proposal:
        converse = self.warm()
        attempt = converse(brief, min(self._clock() + self._allowance_s, self._ends()))
        if attempt.reasons:
            raise ProposalError(
                f"the answer of the model cannot be used: {'; '.join(attempt.reasons)}"
            )
        key = normalised_digest(attempt.program)
        with self._lock:
            if key in self._known:
                raise ProposalError(
                    "the answer of the model cannot be used: another lane has just written the same"
                )
            self._known.add(key)
        return _proposal(brief, attempt)

    def warm(self) -> Conversation:
        """Loads and builds the graph, once; a second or two that can pass while views are built."""
        with self._building:
            if self._conversation is None:
                self._conversation = conversation(
                    self._model, self._prompts, self._examiner.examine
                )
            return self._conversation

    def _is_known(self, key: str) -> bool:
        with self._lock:
            return key in self._known


def _proposal(brief: Brief, attempt: Attempt) -> Proposal:
    return Proposal.to(
        brief,
        plan=one_line(attempt.plan) or _plan_for(brief, attempt),
        program=attempt.program,
        genes=Genome.parse(attempt.program).hashes(),
        locus=attempt.locus,
        hypothesis=attempt.hypothesis,
        author="model",
        skills=tuple(skill.id for skill in offered(brief)),
    )


def _plan_for(brief: Brief, attempt: Attempt) -> str:
    """Where the model names none."""
    asked: str = brief.kind
    if attempt.locus:
        asked += f" ({brief.locus})"
    return f"{asked}: the model names no plan"
