"""The task of a brief in words: the template of its kind, filled with what it asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agents.prompting.digest import Paradigms
from agents.prompting.phrases import Phrases
from agents.prompting.prompt_parts import (
    coarse,
    differing,
    fault_of,
    folded,
    parts_by_parent,
    program_block,
    score_text,
    second_of,
)
from agents.prompting.siblings import WrittenDraft, free_idea, other_drafts
from agents.prompting.system_text import CandidateMachine
from core.evolution.briefs import BY_KIND
from core.records import Brief, Entry
from utils.prompt_manager import PromptManager
from utils.untrusted import fence, one_line

SIBLINGS = 700
_SHOWN_SIBLINGS = 8

Place = Callable[[Brief], str]
"""What stands in one place of a template, for a brief."""


class TaskText:
    """Every place that the template of a kind of brief may have is a line of `_places`; a new kind
    is a new template.
    """

    def __init__(
        self,
        machine: CandidateMachine,
        prompts: PromptManager,
        phrases: Phrases,
        paradigms: Paradigms,
        example: str,
    ) -> None:
        """paradigms: ideas for drafts. example: a program of the form that is asked for, "" for
        none.
        """
        self._machine = machine
        self._prompts = prompts
        self._phrase = phrases
        self._paradigms = paradigms
        self._example = example

    def write(self, brief: Brief, entries: Sequence[Entry], drafts: Sequence[WrittenDraft]) -> str:
        """The brief in words; one that lacks its parents is answered as a draft. entries: finished
        steps. drafts: those that are written by now. Raises ValueError for a template that asks
        for what nobody knows.
        """
        name = brief.kind
        if not brief.parents:
            name = "draft"
        known = self._places(entries, drafts)
        asked = self._prompts.places(name)
        if unknown := sorted(asked - known.keys()):
            raise ValueError(f"prompt {name}: nothing is known of {', '.join(unknown)}")
        values = {place: known[place](brief) for place in asked}
        return self._prompts.render(name, **values).rstrip("\n")

    def allowance(self, brief: Brief) -> str:
        """How long its program may run."""
        if math.isfinite(brief.seconds):
            return coarse(brief.seconds)
        return self._phrase("allowance", "open")

    def _places(self, entries: Sequence[Entry], drafts: Sequence[WrittenDraft]) -> dict[str, Place]:
        def fault(brief: Brief) -> dict[str, str]:
            return fault_of(brief.parents[0], _entry_of(brief, entries))

        return {
            "plan": lambda brief: one_line(brief.parents[0].plan, 200),
            "program": lambda brief: program_block(_shown(brief)),
            "score": lambda brief: score_text(brief.parents[0]),
            "locus": lambda brief: brief.locus or "weakest",
            "aspect": self._aspect,
            "where": self._where,
            "type": lambda brief: fault(brief)["type"],
            "error": lambda brief: fault(brief)["error"],
            "allowance": self.allowance,
            "memory": lambda brief: self._phrase("machine", "memory", gib=self._machine.gib),
            "favoured": self._favoured,
            "other": lambda brief: second_of(brief)["other"],
            "other_plan": lambda brief: second_of(brief)["other_plan"],
            "other_score": lambda brief: second_of(brief)["other_score"],
            "siblings": lambda brief: self._siblings(other_drafts(brief, drafts)),
            "idea": lambda brief: self._idea(brief, other_drafts(brief, drafts)),
            "example": lambda brief: self._example,
        }

    def _aspect(self, brief: Brief) -> str:
        if not brief.aspect:
            return ""
        return self._phrase("mutate", "aspect", aspect=brief.aspect)

    def _where(self, brief: Brief) -> str:
        if not brief.locus:
            return ""
        return self._phrase("tune", "where", locus=brief.locus)

    def _favoured(self, brief: Brief) -> str:
        """Which parts the gene plan takes from which of two programs."""
        parts = parts_by_parent(brief)
        if not parts:
            return ""
        return self._phrase("merge", "favoured", **parts)

    def _siblings(self, others: Sequence[WrittenDraft]) -> str:
        """What other drafts rest on. Recipes are a floor and no limit: their idea is free for a
        better program.
        """
        parts: list[str] = []
        for by_recipes, title in ((False, "siblings"), (True, "recipes")):
            plans: dict[str, None] = {}
            for draft in others:
                if draft.by_recipes == by_recipes:
                    plans[one_line(draft.plan, SIBLINGS // _SHOWN_SIBLINGS)] = None
            if plans:
                listing = "\n".join(f"- {plan}" for plan in [*plans][-_SHOWN_SIBLINGS:])
                parts.append(f"{self._phrase('draft', title)}\n{fence(listing, 'notes')}")
        return "\n".join(parts) or self._phrase("draft", "first")

    def _idea(self, brief: Brief, others: Sequence[WrittenDraft]) -> str:
        idea = free_idea(brief, others, self._paradigms, bool(self._machine.weights))
        if not idea:
            return ""
        return self._phrase("draft", "idea", idea=idea) + "\n"


def _entry_of(brief: Brief, entries: Sequence[Entry]) -> Entry | None:
    """The finished step of the first parent; None when it is not known."""
    for entry in entries:
        if entry.id == brief.parents[0].id:
            return entry
    return None


def _shown(brief: Brief) -> str:
    """The first parent without the bodies that the brief leaves alone."""
    parent, traits = brief.parents[0], BY_KIND[brief.kind]
    if traits.parents > 1:
        replaced = {locus for locus, giver in brief.gene_plan if giver != parent.id}
        whole = [locus for locus in differing(brief) if locus not in replaced]
        return folded(parent.program, *whole)
    if traits.one_part and brief.locus:
        return folded(parent.program, brief.locus)
    return parent.program
