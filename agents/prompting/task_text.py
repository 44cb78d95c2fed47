"""The task of a brief in words: the template of its kind, filled with what it asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.answers.self_check import SHOWN
from agents.prompting.digest import Paradigms
from agents.prompting.elision import around_fault, elided, without_helpers, without_reading
from agents.prompting.folding import unused
from agents.prompting.pairs import pair
from agents.prompting.parent_text import FactLimits, ParentText
from agents.prompting.phrases import Phrases
from agents.prompting.plan_line import plan_line
from agents.prompting.plan_text import PLAN, PlanText
from agents.prompting.progress import RunProgress
from agents.prompting.prompt_parts import coarse, fault_of, listed, number, program_block
from agents.prompting.siblings import WrittenDraft, free_idea, other_drafts
from agents.prompting.system_text import CandidateMachine, Offers
from core.evolution.briefs import BY_KIND, REBUILD
from core.evolution.selection import whole
from core.genome import LOCI
from core.records import Brief, Entry
from core.score import Direction, Score
from utils.prompt_manager import PromptManager
from utils.untrusted import code_block, fence, plain

SIBLINGS = 1200
_SHOWN_SIBLINGS, _SHOWN_MEMBERS = 8, 6
# A late draft sees the best program up to so many characters: of a longer one its plan is enough.
_REBUILT = 14_000
# Characters of a whole request that a rewrite and any other kind should stay below: what is told of
# a program beside its text takes what its text leaves of them, within bounds.
_REWRITE, _OTHERS = 24_000, 16_000
# Of a program that should be cut down.
_LONG = 14_000
# Functions by name.
_MOST_UNUSED = 8
_MOST_OUTPUT, _MOST_ERRORS = 1500, 1600
# Of the first program, and of the second one of a merge.
_LEAST = (FactLimits(900, 1000), FactLimits(600, 500))

Place = Callable[[Brief], str]
"""What stands in one place of a template, for a brief."""


@dataclass(frozen=True, slots=True)
class TaskSetting:
    """What is the same for all briefs of a run. folds: search views. windows_told:
    the system text says what each of them holds out. taken: characters of a request
    beside the task. paradigms: ideas for drafts. example: a program of the form that is asked for, ""
    for none. offers: what the harness does with finished programs.
    """

    direction: Direction
    folds: int
    windows_told: bool
    taken: int
    paradigms: Paradigms
    example: str
    offers: Offers


class TaskText:
    """Every place that the template of a kind of brief may have is a line of `_places`; a new kind
    is a new template.
    """

    def __init__(
        self,
        machine: CandidateMachine,
        prompts: PromptManager,
        phrases: Phrases,
        progress: RunProgress,
        setting: TaskSetting,
    ) -> None:
        self._machine = machine
        self._prompts = prompts
        self._phrase = phrases
        self._progress = progress
        self._setting = setting
        self._parents = ParentText(progress, phrases, setting.folds, setting.windows_told)

    def write(self, brief: Brief, told: str) -> str:
        """The brief in words. told: the digest above it, which need not be said again. Raises
        ValueError for a template that asks for what nobody knows.
        """
        name = template(brief)
        known = self._places(PlanText(self._phrase, told))
        asked = self._prompts.places(name)
        if unknown := sorted(asked - known.keys()):
            raise ValueError(f"prompt {name}: nothing is known of {', '.join(unknown)}")
        values = {place: known[place](brief) for place in asked}
        return self._prompts.render(name, **values).rstrip("\n")

    def allowance(self, seconds: float) -> str:
        """How long a program may run."""
        if math.isfinite(seconds):
            return coarse(seconds)
        return self._phrase("allowance", "open")

    def _places(self, plans: PlanText) -> dict[str, Place]:
        def fault(brief: Brief) -> dict[str, str]:
            return fault_of(brief.parents[0], self._parents.entry(brief.parents[0]))

        def drafts(brief: Brief) -> list[WrittenDraft]:
            return other_drafts(brief, self._progress.drafts())

        return {
            "id": lambda brief: brief.parents[0].id,
            "plan": lambda brief: plans.paragraph(brief.parents[0].plan),
            "program": self.program,
            "score": lambda brief: self._parents.score(brief.parents[0]),
            "facts": self._facts,
            "hidden": self._hidden,
            "output": lambda brief: self._parents.output(brief.parents[0], _MOST_OUTPUT // 2),
            "rank": self._rank,
            "long": self._long,
            "part": self._part,
            "type": lambda brief: fault(brief)["type"],
            "error": lambda brief: fault(brief)["error"],
            "allowance": lambda brief: self.allowance(brief.seconds),
            "memory": lambda brief: self._phrase("machine", "memory", gib=self._machine.gib),
            "alike": self._alike,
            "blend": lambda brief: self._blend(plans),
            "first_shown": self._first_shown,
            "blended": lambda brief: self._blended(),
            "other": lambda brief: program_block(pair(brief).second),
            "other_id": lambda brief: brief.parents[1].id,
            "other_plan": lambda brief: plans.paragraph(brief.parents[1].plan),
            "other_score": lambda brief: self._parents.score(brief.parents[1]),
            "other_shown": self._other_shown,
            "other_facts": self._other_facts,
            "others": lambda brief: self._others(brief, plans),
            "siblings": lambda brief: self._siblings(brief, drafts(brief), plans),
            "idea": lambda brief: self._idea(brief, drafts(brief)),
            "example": lambda brief: self._setting.example,
        }

    # ------------------------------------------------------------ programs

    def program(self, brief: Brief) -> str:
        """The first parent as the brief needs it, in a block."""
        parent, traits = brief.parents[0], BY_KIND[brief.kind]
        program = _with_all_parts(brief)
        if template(brief) == "merge":
            program = pair(brief).first
        elif traits.one_part and brief.locus in LOCI:
            program = elided(program, (brief.locus,))
        elif traits.one_part:
            program = without_reading(program)
        elif template(brief) == "debug" and parent.error is not None:
            program = around_fault(program, parent.error)
        elif not traits.parents:
            program = elided(program, LOCI[1:], _REBUILT)
            if len(program) > _REBUILT:
                return self._phrase("rebuild", "hidden")
        return program_block(program)

    def _hidden(self, brief: Brief) -> str:
        """Says so where lines of the program are left out."""
        if self.program(brief) == code_block(plain(_with_all_parts(brief))):
            return ""
        return self._phrase("parent", "hidden")

    def _facts(self, brief: Brief) -> str:
        return self._facts_of(brief, 0)

    def _other_facts(self, brief: Brief) -> str:
        return self._facts_of(brief, 1)

    def _facts_of(self, brief: Brief, place: int) -> str:
        room, shown = _OTHERS, len(self.program(brief))
        if template(brief) == "rewrite":
            room = _REWRITE
        elif template(brief) == "merge":
            both = pair(brief)
            shown = len(both.first) + len(both.second)
        # Output and errors of each program.
        most = (room - self._setting.taken - shown) // 2 // min(len(brief.parents), 2)
        least = _LEAST[place]
        limits = FactLimits(
            min(max(most, least.output), _MOST_OUTPUT), min(max(most, least.errors), _MOST_ERRORS)
        )
        return self._parents.facts(brief.parents[place], limits)

    def _other_shown(self, brief: Brief) -> str:
        return self._phrase("merge", pair(brief).second_as)

    def _first_shown(self, brief: Brief) -> str:
        """Says so where lines of the first program are left out."""
        if len(pair(brief).first) == len(without_helpers(brief.parents[0].program)):
            return ""
        return self._phrase("merge", "elided")

    def _rank(self, brief: Brief) -> str:
        """Whether the parent is the best by whole scores, or one of several good ones."""
        leader = best_whole(self._progress.entries(), self._setting.direction)
        if leader is None or leader.id == brief.parents[0].id:
            return self._phrase("best", "first")
        return self._phrase("best", "near")

    def _long(self, brief: Brief) -> str:
        """Beside a longer program its output and errors have hardly room. What may go at no loss is
        named.
        """
        text, count = "", len(brief.parents[0].program)
        if count > _LONG:
            text = self._phrase("best", "long", count=f"{count:,}", most=f"{SHOWN:,}")
            text += self._hidden(brief)
        return text + self._unused(brief)

    def _unused(self, brief: Brief) -> str:
        names = unused(_with_all_parts(brief))
        if not names:
            return ""
        return self._phrase("best", "unused", names=listed(names, _MOST_UNUSED))

    # ------------------------------------------------------------ what is asked

    def _part(self, brief: Brief) -> str:
        aspect = ""
        if brief.aspect:
            aspect = self._phrase("mutate", "aspect", aspect=brief.aspect)
        if not brief.locus:
            free = self._phrase("mutate", "free", aspect=aspect)
            return free + self._hidden(brief) + self._unused(brief)
        return self._phrase("mutate", "part", locus=brief.locus, aspect=aspect)

    # ------------------------------------------------------------ other programs

    def _alike(self, brief: Brief) -> str:
        first, second = brief.parents[:2]
        value = self._progress.likeness(first.id, second.id)
        if value is None:
            return ""
        return self._phrase("blend", "alike", value=f"{value:.2f}")

    def _blended(self) -> str:
        return self._phrase("merge", "blended") if self._setting.offers.blended else ""

    def _blend(self, known: PlanText) -> str:
        """Which ensemble would be submitted now, heaviest member first; "" for none of several."""
        blend = self._progress.blend()
        if blend is None or len(blend.members) < 2:
            return ""
        plans = {entry.id: entry.plan for entry in self._progress.entries()}
        score = ""
        if blend.score is not None:
            score = f" (score {number(blend.score)})"
        heaviest = sorted(blend.members, key=lambda member: -member[1])[:_SHOWN_MEMBERS]
        lines = [
            known.behind(f"- {weight:.2f} {name}", plans.get(name, ""), PLAN // 2)
            for name, weight in heaviest
        ]
        return self._phrase("blend", "now", score=score, members=fence("\n".join(lines), "notes"))

    def _others(self, brief: Brief, known: PlanText) -> str:
        """The further parents of a late draft, a line each, best first."""
        others = list(brief.parents[1:])
        others.sort(key=lambda other: -Score(other.score, self._setting.direction).utility)
        lines = [
            known.behind(f"- {other.id} {self._parents.score(other)}", other.plan, PLAN + 60)
            for other in others
        ]
        if not lines:
            return self._phrase("rebuild", "none")
        listing = fence("\n".join(lines), "notes")
        return f"{self._phrase('rebuild', 'others')}\n{listing}"

    def _siblings(self, brief: Brief, others: Sequence[WrittenDraft], known: PlanText) -> str:
        """What other drafts rest on, as planned where they have plans. Recipes are a floor and no
        limit: their idea is free for a better program.
        """
        parts: list[str] = []
        planned = self._progress.first_plan(brief)
        if planned is not None:
            listing = "\n".join(f"- {plan_line(plan, PLAN)}" for plan in planned.others)
            parts.append(f"{self._phrase('draft', 'together')}\n{fence(listing, 'notes')}")
            others = [draft for draft in others if draft.by_recipes]
        for by_recipes, title in ((False, "siblings"), (True, "recipes")):
            same = [draft.plan for draft in others if draft.by_recipes == by_recipes]
            plans = list(dict.fromkeys(same))[-_SHOWN_SIBLINGS:]
            if by_recipes and plans and all(map(known.has, plans)):
                parts.append(self._phrase("draft", "floor"))
            elif plans:
                width = min(PLAN, SIBLINGS // len(plans))
                listing = "\n".join(f"- {plan_line(plan, width)}" for plan in plans)
                parts.append(f"{self._phrase('draft', title)}\n{fence(listing, 'notes')}")
        return "\n".join(parts) or self._phrase("draft", "first")

    def _idea(self, brief: Brief, others: Sequence[WrittenDraft]) -> str:
        planned = self._progress.first_plan(brief)
        if planned is not None:
            return f"{self._phrase('draft', 'planned')}\n{fence(plan_line(planned.own, PLAN), 'notes')}\n"
        idea = free_idea(brief, others, self._setting.paradigms)
        if not idea:
            return ""
        return self._phrase("draft", "idea", idea=idea) + "\n"


def _with_all_parts(brief: Brief) -> str:
    """The first parent without what no author need read."""
    parent, traceback = brief.parents[0], ""
    if parent.error is not None:
        traceback = parent.error.traceback
    return without_helpers(parent.program, traceback)


def template(brief: Brief) -> str:
    """The template of a brief: a draft that starts from finished programs has one of its own, and
    what lacks its parents is asked for as a draft or a rewrite.
    """
    parents, traits = len(brief.parents), BY_KIND[brief.kind]
    if not parents:
        return "draft"
    if not traits.parents:
        return REBUILD
    if parents < traits.parents:
        return "rewrite"
    return traits.task or brief.kind


def best_whole(entries: Sequence[Entry], direction: Direction) -> Entry | None:
    """The best program by the scores of those that ran on every fold; None where none did."""
    ran = [entry for entry in entries if whole(entry) and entry.kind != "ensemble"]
    return max(ran, key=lambda entry: Score(entry.verdict.score, direction).utility, default=None)
