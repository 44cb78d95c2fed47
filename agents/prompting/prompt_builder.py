"""Prompts of a run: one text that stays the same byte for byte (system), and one per brief.
Templates are files.

Lengths are estimated as a quarter token per character: about right for English, too low by a fifth
for dense code.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from pathlib import Path

from agents.prompting.digest import Paradigms, digest_text, faults_text
from agents.prompting.elision import ROOM
from agents.prompting.lessons import lessons_text, offered
from agents.prompting.phrases import Phrases
from agents.prompting.plan_line import plan_line
from agents.prompting.plan_text import PLAN
from agents.prompting.progress import RunProgress
from agents.prompting.prompt_parts import coarse, program_block
from agents.prompting.siblings import without_weights
from agents.prompting.skeleton import skeleton
from agents.prompting.system_text import CandidateMachine, SystemText, TaskFacts
from agents.prompting.task_text import TaskSetting, TaskText, template
from core.evolution.briefs import BY_KIND, changes_one_part, mends
from core.records import Brief, Entry
from utils.prompt_manager import PromptManager
from utils.text import cap
from utils.untrusted import anonymous, code_block, fence, one_line

PROMPTS = Path(__file__).parents[1] / "prompts"

# Characters of each part.
REASONS, ROLE, STRATEGY = 1200, 300, 450
# Role, digest and form of the answer together, and the words of the task.
AROUND = 5000
# Beside a program of more characters the ledger of ideas has fewer.
LONG_PROGRAM, SHORT_LEDGER = 10_000, 1900
# Programs that are written and not judged yet, and the characters of each.
MOST_RUNNING, RUNNING = 3, 200


class PromptBuilder:
    """Implements agents.graph.Prompts. The same facts and entries give the same bytes; safe to use
    from threads.
    """

    def __init__(
        self,
        facts: TaskFacts,
        machine: CandidateMachine,
        progress: RunProgress,
        folder: Path = PROMPTS,
    ) -> None:
        """Raises ValueError when a template does not fit the values that it gets."""
        self._machine, self._progress = machine, progress
        self._direction = facts.spec.metric.direction
        self._prompts = PromptManager(folder)
        self._phrase = Phrases(folder)
        self._paradigms = _paradigms(folder, facts.spec.modality)
        if not machine.pretrained:
            self._paradigms = without_weights(self._paradigms)
        system = SystemText(facts, machine, self._prompts, self._phrase)
        self._system = system.text()
        example = ""
        if code := skeleton(facts.spec, self._prompts, folder):
            example = self._prompts.render("example", code=code_block(code))
        folds = 0
        if facts.split is not None:
            folds = facts.split.folds
        taken = len(self._system) + AROUND
        self._offers = facts.offered
        windows = system.tells_windows
        setting = TaskSetting(
            self._direction, folds, windows, taken, self._paradigms, example, self._offers
        )
        self._tasks = TaskText(machine, self._prompts, self._phrase, progress, setting)

    def system(self) -> str:
        """Rules, competition, data and machine. The example stands in drafts only: the others show
        a program.
        """
        return self._system

    def write(self, brief: Brief) -> str:
        """Who writes, digest of the run, its lessons, knowledge, and the brief last."""
        digest = self._digest(brief, list(self._progress.entries()))
        return self._prompts.render(
            "write",
            role=_voice(brief),
            digest=fence(digest, "notes"),
            lessons=self._lessons(brief),
            skills=self._skills(brief),
            task=self._tasks.write(brief, digest),
            allowance=self._tasks.allowance(brief.seconds),
            cpus=self._machine.cpu_words,
            left=self._left(brief),
            answer=self._prompts.render(BY_KIND[brief.kind].answer),
        ).lstrip("\n")

    def plans(self, count: int, seconds: float) -> str:
        """Asks for the plans of so many first programs, and of no more. seconds: of a run, inf for as
        long as the deadline allows.
        """
        entries = list(self._progress.entries())
        blended = self._phrase("plans", "blended") if self._offers.blended else ""
        return self._prompts.render(
            "plans",
            digest=fence(digest_text(entries, self._direction, {}), "notes"),
            count=str(count),
            most=str(PLAN),
            allowance=self._tasks.allowance(seconds),
            cpus=self._machine.cpu_words,
            blended=blended,
        )

    def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
        """What is wrong with an answer. Stands alone: no earlier message has to be sent again with
        it.
        """
        lines = "\n".join(f"- {anonymous(reason)}" for reason in reasons)
        listing = fence(cap(lines, REASONS), "reasons")
        if not program:
            return self._prompts.render("repair_empty", task=self.write(brief), reasons=listing)
        only = ""
        if brief.locus and changes_one_part(brief.kind):
            only = f", {brief.locus} part only"
        return self._prompts.render(
            "repair",
            kind=template(brief),
            locus=only,
            reasons=listing,
            program=program_block(program),
            answer=self._prompts.render("answer_edits"),
        )

    def _digest(self, brief: Brief, entries: Sequence[Entry]) -> str:
        if mends(brief.kind) and brief.parents:
            return faults_text(entries, self._direction, brief.parents[0].id)
        paradigms: Paradigms = {}
        if not brief.parents:
            # What has not been tried yet is for those who begin anew.
            paradigms = self._paradigms
        running = self._running(brief)
        most = BY_KIND[brief.kind].ledger
        if brief.parents and len(brief.parents[0].program) > LONG_PROGRAM:
            most = min(most, SHORT_LEDGER)
        most -= len(running)
        under_way = [proposal.plan for proposal in self._progress.running()]
        planned = self._progress.first_plan(brief)
        if planned is not None:
            under_way += planned.others
        text = digest_text(entries, self._direction, paradigms, most, under_way)
        return text + running

    def _running(self, brief: Brief) -> str:
        """What others have written and nobody has seen a score of, newest last; first drafts know it
        from their own list.
        """
        if not brief.parents:
            return ""
        lines: list[str] = []
        for proposal in self._progress.running():
            what = " and ".join(proposal.parents) or "nothing"
            head = f"- {proposal.id}, {proposal.kind} from {what}:"
            lines.append(plan_line(proposal.plan, RUNNING, head))
        if not lines:
            return ""
        return "\nRunning now, no score yet:\n" + "\n".join(lines[-MOST_RUNNING:])

    def _left(self, brief: Brief) -> str:
        """Whether a large change can still be followed by others; a first draft has its own plan."""
        seconds = self._progress.seconds_left()
        if not brief.parents or not math.isfinite(seconds):
            return ""
        return self._phrase("allowance", "left", left=coarse(seconds))

    def _lessons(self, brief: Brief) -> str:
        skills = offered(brief)
        if not skills:
            return ""
        origin = self._phrase("lessons", "carried")
        if all(skill.origin == "run" for skill in skills):
            origin = self._phrase("lessons", "run")
        lessons = fence(lessons_text(skills), "notes")
        return self._prompts.render("lessons", origin=origin, lessons=lessons).rstrip("\n")

    def _skills(self, brief: Brief) -> str:
        """As many of the pieces as fit beside the run's own lessons; the first one that does not
        ends the list.
        """
        if template(brief) == "rebuild":
            # What the run itself has found is worth more by then.
            return ""
        traits = BY_KIND[brief.kind]
        longest = ROOM if changes_one_part(brief.kind) else LONG_PROGRAM
        if brief.parents and len(self._tasks.program(brief)) > longest:
            # Beside a long program they make a prompt longer than its author reads with care.
            return ""
        room = traits.knowledge - len(lessons_text(offered(brief)))
        texts: list[str] = []
        for text in self._progress.skills(brief, traits.pieces)[: traits.pieces]:
            room -= len(text)
            if room < 0:
                break
            texts.append(text.strip("\n"))
        if not texts:
            return ""
        return self._prompts.render("skills", skills="\n\n".join(texts))


def _voice(brief: Brief) -> str:
    """Role and strategy of the persona, a line each, "" for neither. A strategy speaks of the parts
    that the persona likes: where another one is asked for it would forbid what the task wants.
    """
    persona, strategy = brief.persona, ""
    if persona.loci.get(brief.locus or "", 1.0) >= 1.0:
        strategy = persona.strategy.get(template(brief), "")
    lines = (one_line(persona.role, ROLE), one_line(strategy, STRATEGY))
    return "\n".join(filter(None, lines))


def _paradigms(folder: Path, modality: str) -> Paradigms:
    """Families of methods for a modality, the strongest first; {} where none are listed."""
    by_modality = tomllib.loads((folder / "paradigms.toml").read_text(encoding="utf-8"))
    paradigms: Paradigms = by_modality.get(modality, {})
    return paradigms
