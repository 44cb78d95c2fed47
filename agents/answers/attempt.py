"""What an answer of a model is worth: the program in it, what it changes, and what speaks against
running it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from agents.answers.answer import ModelAnswer, read_answer
from agents.answers.edits import (
    Edit,
    EditRefusedError,
    apply_edits,
    keep_to_locus,
    only_changed,
)
from agents.answers.imports import with_imports
from agents.answers.loci import mark_loci
from agents.answers.partial import with_parts
from agents.answers.self_check import SHOWN, Gate, reasons_against
from core.evolution.briefs import BY_KIND, changes_one_part
from core.genome import normalised_digest
from core.records import Answer, Brief

CUT_OFF = "the answer was cut off at its length limit: write a shorter and simpler program"
NO_PROGRAM = "the answer holds no program"
TOO_LONG = (
    "the program has {count:,} characters, {over:,} too many: take out what carries no weight"
)
NOTHING_TO_EDIT = "the answer edits a program, but there is none: write the whole program"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program ("" when the answer held none), its plan, and the reasons against it (() when it
    may be proposed).

    locus: the one locus that it changes in its parent; None for a new program and where several
    changed. hypothesis: why it should be better, "" where its author does not say.
    """

    plan: str
    program: str
    locus: str | None
    reasons: tuple[str, ...]
    hypothesis: str = ""


@dataclass(frozen=True, slots=True)
class Examiner:
    """gate: reasons of the box. known: True for the normalised digest of a program that was there
    before.
    """

    gate: Gate
    known: Callable[[str], bool]

    def examine(self, brief: Brief, answer: Answer, bases: Sequence[str]) -> Attempt:
        """bases: programs that the prompt showed; edits are meant for the first of them to which
        they apply.
        """
        reading = read_answer(answer.text, bases)
        parents = {normalised_digest(parent.program) for parent in brief.parents}
        known = _KnownPrograms(self.known, parents)
        options, refusal = _programs(reading, bases)
        attempts = [self._judged(brief, reading, program, known) for program in options]
        if not attempts:
            why = refusal or NO_PROGRAM
            attempts = [Attempt(reading.plan, "", None, (why,), reading.hypothesis)]
        # A part that is read as a whole lacks nearly everything: the better reading is the one with
        # fewer faults.
        best = min(attempts, key=lambda attempt: len(attempt.reasons))
        if best.reasons and not answer.complete:
            return replace(best, reasons=(CUT_OFF, *best.reasons))
        return best

    def _judged(
        self, brief: Brief, reading: ModelAnswer, program: str, known: Container[str]
    ) -> Attempt:
        locus: str | None

        def reasons(text: str) -> tuple[str, ...]:
            return (*_too_long(brief, text), *reasons_against(text, self.gate, known))

        program, locus = with_imports(program), None
        if brief.parents and changes_one_part(brief.kind) and brief.locus is not None:
            parent = brief.parents[0].program
            program, locus = keep_to_locus(
                parent, program, brief.locus, lambda text: not reasons(text)
            )
        elif brief.parents and _may_change_any_part(brief.kind):
            locus = only_changed(brief.parents[0].program, program)
        return Attempt(reading.plan, program, locus, reasons(program), reading.hypothesis)


def _too_long(brief: Brief, program: str) -> tuple[str, ...]:
    """The fault of a program that later authors could not see whole; () for what is shorter, or no
    longer than its longest parent.
    """
    most = max([SHOWN, *(len(parent.program) for parent in brief.parents)])
    if len(program) <= most:
        return ()
    return (TOO_LONG.format(count=len(program), over=len(program) - SHOWN),)


def _may_change_any_part(kind: str) -> bool:
    """True for kinds whose gain over their one parent is that of what they changed, wherever it is."""
    traits = BY_KIND[kind]
    return traits.parents == 1 and not traits.mends


@dataclass(frozen=True, slots=True)
class _KnownPrograms:
    """Digests that a program must not have."""

    earlier: Callable[[str], bool]
    parents: set[str]

    def __contains__(self, key: object) -> bool:
        return key in self.parents or (isinstance(key, str) and self.earlier(key))


def _programs(reading: ModelAnswer, bases: Sequence[str]) -> tuple[list[str], str]:
    """(programs that the answer may mean, most likely first; why its edits were refused, "" when
    they were not).
    """
    programs: list[str] = []
    refusal = ""
    if reading.edits:
        edited = _edited(reading.edits, bases)
        if isinstance(edited, EditRefusedError):
            refusal = edited.reason
        else:
            programs.append(mark_loci(edited))
    if reading.program:
        programs.append(reading.program)
        for base in bases:
            whole = with_parts(base, reading.marked)
            if whole is not None:
                programs.append(whole)
    return programs, refusal


def _edited(edits: Sequence[Edit], bases: Sequence[str]) -> str | EditRefusedError:
    """The first base to which the edits apply, with them; why the first one refuses them where none
    does.
    """
    if not bases:
        return EditRefusedError(NOTHING_TO_EDIT)
    refusals: list[EditRefusedError] = []
    for base in bases:
        edited = apply_edits(base, edits)
        if not isinstance(edited, EditRefusedError):
            return edited
        refusals.append(edited)
    return refusals[0]
