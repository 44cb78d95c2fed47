"""What the drafts before a draft and beside it rest on, and the ideas that are still free. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.prompting.digest import Paradigms, untried
from core.evolution.situation import drafts_of
from core.records import Brief, Entry, Proposal

# Words in the names of families that are worth nothing without pretrained weights.
_PRETRAINED = frozenset({"pretrained", "frozen", "embeddings"})


@dataclass(frozen=True, slots=True)
class WrittenDraft:
    """A first program as its author describes it."""

    plan: str
    by_recipes: bool


@dataclass(frozen=True, slots=True)
class FirstPlan:
    """The plan of a first draft, and those of the drafts that are written at the same time."""

    own: str
    others: tuple[str, ...]


def written_drafts(entries: Iterable[Entry], running: Iterable[Proposal]) -> list[WrittenDraft]:
    """Those that have a plan, finished or in flight, in the order of their steps."""
    drafts: list[WrittenDraft] = []
    for item in sorted(drafts_of(entries, running), key=lambda item: item.step):
        if item.plan:
            drafts.append(WrittenDraft(item.plan, item.author == "recipes"))
    return drafts


def other_drafts(brief: Brief, drafts: Sequence[WrittenDraft]) -> list[WrittenDraft]:
    """The brief's siblings and those that are written by now: a sibling without a plan when the
    brief was made may have one since.
    """
    known = {draft.plan for draft in drafts}
    others: list[WrittenDraft] = []
    for plan in dict.fromkeys(brief.siblings):
        if plan and plan not in known:
            others.append(WrittenDraft(plan, by_recipes=False))
    return [*others, *drafts]


def without_weights(paradigms: Paradigms) -> Paradigms:
    """The families that need no pretrained weights."""
    return {
        name: pattern for name, pattern in paradigms.items() if _PRETRAINED.isdisjoint(name.split())
    }


def free_idea(brief: Brief, others: Sequence[WrittenDraft], paradigms: Paradigms) -> str:
    """The strongest family that no program of a model rests on, "" for none; drafts that are being
    written have those before.
    """
    plans = [draft.plan for draft in others if not draft.by_recipes]
    free = untried(plans, paradigms)
    if not free:
        return ""
    under_way = max(len(brief.siblings) - len(others), 0)
    return free[under_way % len(free)]
