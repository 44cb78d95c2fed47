"""Prompts of a run: one text that stays the same byte for byte (system), and one per brief.
Templates are files.

Lengths are estimated as a quarter token per character: about right for English, too low by a fifth
for dense code.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.prompting.description import cut_description
from agents.prompting.digest import Paradigms, digest_text, faults_text, untried
from agents.prompting.lessons import lessons_text, shown
from agents.prompting.prompt_parts import (
    coarse,
    differing,
    fault_of,
    folded,
    listed,
    package_list,
    parts_by_parent,
    program_block,
    score_text,
    second_of,
)
from agents.prompting.skeleton import skeleton
from core.metric_names import BY_NAME
from core.records import Brief, BriefKind, CompetitionSpec, Entry, Parent, SplitSpec
from core.task.preview import Preview
from core.task.preview_text import preview_text
from utils.prompt_manager import PromptManager, render
from utils.text import cap
from utils.untrusted import anonymous, code_block, fence, one_line, plain

PROMPTS = Path(__file__).parents[1] / "prompts"

# Characters of each part.
DESCRIPTION, PREVIEW, WEIGHTS, WARNINGS = 5600, 4000, 800, 600
SIBLINGS, REASONS = 700, 1200
ROLE, STRATEGY = 300, 450
# How many pieces of knowledge, and their characters together; drafts rest on them most, merges on
# two programs.
SKILLS: dict[BriefKind, tuple[int, int]] = {
    "draft": (4, 4400),
    "mutate": (1, 1600),
    "merge": (0, 0),
    "tune": (1, 1600),
    "debug": (1, 1600),
    "shrink": (1, 1600),
}
_ANSWERS: dict[BriefKind, str] = {"draft": "answer_program", "merge": "answer_parts"}
_SHOWN_CLASSES, _SHOWN_COLUMNS, _SHOWN_SIBLINGS = 12, 8, 8

# Words in the names of families that are worth nothing without pretrained weights.
_PRETRAINED = frozenset({"pretrained", "frozen", "embeddings"})

Skills = Callable[[Brief, int], Sequence[str]]
"""(brief, most) -> texts of at most so many pieces of knowledge, best first."""


@dataclass(frozen=True, slots=True)
class CandidateMachine:
    """What a candidate program finds. packages: distribution name -> version. cpus, memory_mb: of
    one program.

    gpus: names of the devices that one program gets. weights: inventory of the pretrained weights,
    "" for none.
    """

    python: str
    packages: Mapping[str, str]
    cpus: int
    memory_mb: int
    gpus: tuple[str, ...] = ()
    weights: str = ""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is known about the competition. warnings: suspicions of leaks, as the journal's `spec`
    event has them.
    """

    spec: CompetitionSpec
    preview: Preview | None = None
    split: SplitSpec | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenDraft:
    """A first program as its author describes it."""

    plan: str
    by_recipes: bool


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What changes during a run, asked for each brief. drafts: those that are written by now,
    finished or not.
    """

    entries: Callable[[], Sequence[Entry]] = tuple
    drafts: Callable[[], Sequence[WrittenDraft]] = tuple
    skills: Skills = field(default=lambda brief, most: ())


class PromptBuilder:
    """Implements agents.graph.Prompts. The same facts and entries give the same bytes; safe to use
    from threads.
    """

    def __init__(
        self,
        facts: TaskFacts,
        machine: CandidateMachine,
        learned: RunProgress,
        folder: Path = PROMPTS,
    ) -> None:
        """Raises ValueError when a template does not fit the values that it gets."""
        self._facts, self._machine, self._learned = facts, machine, learned
        self._prompts = PromptManager(folder)
        self._phrases = _toml(folder / "phrases.toml")
        self._paradigms: Paradigms = _toml(folder / "paradigms.toml").get(facts.spec.modality, {})
        self._system = self._render_system()
        code = skeleton(facts.spec, self._prompts, folder)
        self._example = self._prompts.render("example", code=code_block(code)) if code else ""

    def system(self) -> str:
        """Rules, competition, data and machine. The example stands in drafts only: the others show
        a program.
        """
        return self._system

    def write(self, brief: Brief) -> str:
        """Who writes, digest of the run, its lessons, knowledge, and the brief last."""
        return self._prompts.render(
            "write",
            role=_voice(brief),
            digest=fence(self._digest(brief), "notes"),
            lessons=self._lessons(brief),
            skills=self._skills(brief),
            task=self._task(brief),
            allowance=self._allowance(brief.seconds),
            cpus=self._cpus(),
            answer=self._answer(brief.kind),
        ).lstrip("\n")

    def repair(self, brief: Brief, program: str, reasons: Sequence[str]) -> str:
        """What is wrong with an answer. Stands alone: no earlier message has to be sent again with
        it.
        """
        said = fence(
            cap("\n".join(f"- {anonymous(reason)}" for reason in reasons), REASONS), "reasons"
        )
        if not program:
            return self._prompts.render("repair_empty", task=self.write(brief), reasons=said)
        only = (
            f", {brief.locus} part only" if brief.locus and brief.kind in ("mutate", "tune") else ""
        )
        return self._prompts.render(
            "repair",
            kind=brief.kind,
            locus=only,
            reasons=said,
            program=program_block(program),
            answer=self._answer("debug"),
        )

    # ------------------------------------------------------------ what stays the same

    def _render_system(self) -> str:
        spec, facts = self._facts.spec, self._facts
        seen = preview_text(facts.preview, PREVIEW) if facts.preview is not None else ""
        sample = (
            spec.tables.sample.path if spec.tables.sample is not None else "sample_submission.csv"
        )
        names = [
            one_line(name, 40) or "without a name"
            for name in (*spec.ids.columns, *spec.answers.targets)
        ]
        return self._prompts.render(
            "system",
            sample=one_line(sample, 80),
            columns=listed(names, _SHOWN_COLUMNS),
            cells=self._cells(),
            metric=self._metric(),
            direction=self._phrases["direction"][spec.metric.direction],
            scored=self._scored(),
            description=fence(
                cut_description(spec.description, DESCRIPTION) or "No description was given."
            ),
            preview=fence(seen or "Nothing was looked at."),
            warnings=self._warnings(),
            machine=self._machine_text(),
        ).rstrip("\n")

    def _cells(self) -> str:
        spec = self._facts.spec
        classes = [one_line(name, 30) for name in spec.answers.classes]
        if spec.answers.one_hot and spec.value_kind != "label":
            return self._phrase("cells", "one_hot", label=one_line(spec.answers.labels[0], 40))
        if spec.value_kind == "label":
            shown = f": {listed(classes, _SHOWN_CLASSES)}" if classes else ""
            return self._phrase("cells", "label", classes=shown)
        if spec.answers.exclusive and spec.value_kind == "probability":
            return self._phrase("cells", "shares")
        if spec.value_kind == "probability":
            return self._phrase(
                "cells",
                "probability",
                of=f" that the label is `{classes[1]}`" if len(classes) == 2 else "",
            )
        if spec.value_kind == "list":
            most = BY_NAME[spec.metric.name].at
            return self._phrase(
                "cells", "list", most="" if most is None else f", best first; {most} of them count"
            )
        return self._phrase("cells", spec.value_kind)

    def _metric(self) -> str:
        spec = self._facts.spec
        if spec.metric.source == "generated":
            return self._phrase("metric", "generated")
        if spec.metric.source == "fallback":
            return spec.metric.name + self._phrase("metric", "fallback")
        parts = [spec.metric.name]
        if len(spec.answers.labels) > 1:
            parts.append(self._phrase("metric", "column_mean"))
        if spec.metric.weight_column is not None:
            parts.append(
                self._phrase("metric", "weighted", column=one_line(spec.metric.weight_column, 40))
            )
        if spec.metric.mean_over is not None:
            parts.append(
                self._phrase("metric", "mean_over", column=one_line(spec.metric.mean_over, 40))
            )
        return "".join(parts)

    def _scored(self) -> str:
        split = self._facts.split
        if split is None or split.kind != "none":
            return self._phrase(
                "scored", "held_out", split=self._held_out(split) if split is not None else ""
            )
        report = json.dumps({"score": 0.123, "direction": self._facts.spec.metric.direction})
        return self._phrase("scored", "reported", report=report)

    def _held_out(self, split: SplitSpec) -> str:
        values = {"folds": "one part" if split.folds == 1 else f"{split.folds} folds"}
        if split.kind in ("group", "time"):
            values["column"] = one_line(
                (split.group_column if split.kind == "group" else split.time_column) or "", 40
            )
        return self._phrase("held_out", split.kind, **values)

    def _warnings(self) -> str:
        if not self._facts.warnings:
            return ""
        lines = "\n".join(f"- {one_line(warning, 200)}" for warning in self._facts.warnings)
        return self._prompts.render(
            "warnings", warnings=fence(cap(lines, WARNINGS, head_share=1.0))
        )

    def _machine_text(self) -> str:
        machine = self._machine
        gpus = (
            listed(sorted(machine.gpus), 4) if machine.gpus else self._phrase("machine", "no_gpu")
        )
        weights = (
            fence(cap(plain(machine.weights), WEIGHTS, head_share=1.0)) if machine.weights else ""
        )
        return self._prompts.render(
            "machine",
            python=machine.python,
            cpus=self._cpus(),
            memory=self._memory(),
            gpus=gpus,
            packages=package_list(machine.packages),
            weights=weights or self._phrase("machine", "no_weights"),
        ).rstrip("\n")

    def _cpus(self) -> str:
        return "1 CPU" if self._machine.cpus == 1 else f"{self._machine.cpus} CPUs"

    def _memory(self) -> str:
        return self._phrase("machine", "memory", gib=f"{self._machine.memory_mb / 1024:.0f}")

    # ------------------------------------------------------------ what a brief asks for

    def _task(self, brief: Brief) -> str:
        """The brief in words; one that lacks its parents is answered as a draft."""
        if brief.kind == "draft" or not brief.parents:
            others = self._others(brief)
            return self._prompts.render(
                "draft",
                siblings=self._siblings(others),
                idea=self._idea(brief, others),
                example=self._example,
            ).rstrip("\n")
        parent = brief.parents[0]
        shown = _shown(brief)
        values = {"plan": one_line(parent.plan, 200), "program": program_block(shown)}
        if brief.kind == "mutate":
            aspect = self._phrase("mutate", "aspect", aspect=brief.aspect) if brief.aspect else ""
            values |= {
                "score": score_text(parent),
                "locus": brief.locus or "weakest",
                "aspect": aspect,
            }
        elif brief.kind == "tune":
            where = self._phrase("tune", "where", locus=brief.locus) if brief.locus else ""
            values |= {"score": score_text(parent), "where": where}
        elif brief.kind == "debug":
            values |= fault_of(parent, self._entry(parent))
        elif brief.kind == "shrink":
            values |= fault_of(parent, self._entry(parent)) | {
                "allowance": self._allowance(brief.seconds),
                "memory": self._memory(),
            }
        else:
            plan = parts_by_parent(brief)
            favoured = self._phrase("merge", "favoured", **plan) if plan else ""
            values |= {"score": score_text(parent), "favoured": favoured} | second_of(brief)
        return self._prompts.render(brief.kind, **values).rstrip("\n")

    def _digest(self, brief: Brief) -> str:
        entries, direction = list(self._learned.entries()), self._facts.spec.metric.direction
        if brief.kind in ("debug", "shrink") and brief.parents:
            return faults_text(entries, direction)
        # What has not been tried yet is for those who begin anew.
        return digest_text(entries, direction, self._paradigms if brief.kind == "draft" else {})

    def _entry(self, parent: Parent) -> Entry | None:
        return next((entry for entry in self._learned.entries() if entry.id == parent.id), None)

    def _others(self, brief: Brief) -> list[WrittenDraft]:
        """The drafts that are known by now: a sibling that was still being written when the brief
        was made may be.
        """
        written = list(self._learned.drafts())
        known = {draft.plan for draft in written}
        return [
            *(
                WrittenDraft(plan, False)
                for plan in dict.fromkeys(brief.siblings)
                if plan and plan not in known
            ),
            *written,
        ]

    def _siblings(self, others: Sequence[WrittenDraft]) -> str:
        """What other drafts rest on. Recipes are a floor and no limit: their idea is free for a
        better program.
        """
        parts = []
        for by_recipes, title in ((False, "siblings"), (True, "recipes")):
            plans = dict.fromkeys(
                one_line(draft.plan, SIBLINGS // _SHOWN_SIBLINGS)
                for draft in others
                if draft.by_recipes == by_recipes
            )
            if plans:
                listing = "\n".join(f"- {plan}" for plan in [*plans][-_SHOWN_SIBLINGS:])
                parts.append(f"{self._phrase('draft', title)}\n{fence(listing, 'notes')}")
        return "\n".join(parts) or self._phrase("draft", "first")

    def _idea(self, brief: Brief, others: Sequence[WrittenDraft]) -> str:
        """The strongest family that no program of a model rests on; drafts that are being written
        have those before.
        """
        plans = [draft.plan for draft in others if not draft.by_recipes]
        fitting = [
            name
            for name in untried(plans, self._paradigms)
            if self._machine.weights or not _PRETRAINED & {*name.split()}
        ]
        under_way = max(len(brief.siblings) - len(others), 0)
        return (
            self._phrase("draft", "idea", idea=fitting[under_way % len(fitting)]) + "\n"
            if fitting
            else ""
        )

    def _lessons(self, brief: Brief) -> str:
        skills = shown(brief.skills)
        if not skills:
            return ""
        origin = self._phrase(
            "lessons", "run" if all(skill.origin == "run" for skill in skills) else "carried"
        )
        lessons = fence(lessons_text(skills), "notes")
        return self._prompts.render("lessons", origin=origin, lessons=lessons).rstrip("\n")

    def _skills(self, brief: Brief) -> str:
        """As many of the pieces as fit beside the run's own lessons; the first one that does not
        ends the list.
        """
        most, room = SKILLS[brief.kind]
        room -= len(lessons_text(brief.skills))
        texts: list[str] = []
        for text in self._learned.skills(brief, most)[:most]:
            room -= len(text)
            if room < 0:
                break
            texts.append(text.strip("\n"))
        return self._prompts.render("skills", skills="\n\n".join(texts)) if texts else ""

    def _allowance(self, seconds: float) -> str:
        return coarse(seconds) if math.isfinite(seconds) else self._phrase("allowance", "open")

    def _answer(self, kind: BriefKind) -> str:
        return self._prompts.render(_ANSWERS.get(kind, "answer_edits"))

    def _phrase(self, group: str, name: str, **values: str) -> str:
        return render(self._phrases[group][name], values)


def _voice(brief: Brief) -> str:
    """Role and strategy of the persona, a line each, "" for neither."""
    persona = brief.persona
    lines = one_line(persona.role, ROLE), one_line(persona.strategy.get(brief.kind, ""), STRATEGY)
    return "\n".join(line for line in lines if line)


def _shown(brief: Brief) -> str:
    """The first parent without the bodies that the brief leaves alone."""
    program = brief.parents[0].program
    if brief.kind == "merge":
        replaced = {locus for locus, parent in brief.gene_plan if parent != brief.parents[0].id}
        return folded(program, *(locus for locus in differing(brief) if locus not in replaced))
    return (
        folded(program, brief.locus)
        if brief.kind in ("mutate", "tune") and brief.locus
        else program
    )


def _toml(path: Path) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
