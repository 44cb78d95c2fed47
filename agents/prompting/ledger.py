"""The ledger of a run: its best programs and what became of each idea, a line each, in the same room
whether it made five steps or five hundred. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from statistics import fmean

from agents.prompting.ideas import (
    Idea,
    best_whole,
    fold_gains,
    folds_of_run,
    ideas,
    mended,
    origin,
    paired_error,
    root,
)
from agents.prompting.plan_line import plan_line
from core.evolution.experience import told_change
from core.evolution.selection import fold_scores, whole
from core.records import Entry
from core.score import Direction

# Characters of the best programs, of a plan, of a reason, of the values tried.
BEST, PLAN, WHY, VALUES = 1200, 300, 160, 360
_MOST_BEST, _MOST_VALUES, _PLATEAU = 5, 3, 5


class IdeaLedger:
    """What finished programs say, in lines that agree with each other: a score over part of the
    folds is marked wherever it stands, and before and after are over equal folds.
    """

    def __init__(self, entries: Sequence[Entry], direction: Direction) -> None:
        """entries: finished programs, extras too, in the order of their end."""
        self._entries = entries
        self._direction = direction
        self._by_id = {entry.id: entry for entry in entries}
        self._ideas = {idea.entry.id: idea for idea in ideas(entries, direction)}
        self._folds = folds_of_run(entries)
        self._best = best_whole(entries, direction)[:_MOST_BEST]

    @property
    def leader(self) -> Entry | None:
        """The best program by scores over all folds; None where none has one."""
        return next(iter(self._best), None)

    def head(self) -> str:
        """How many programs there are, the best score, and since when nothing was better."""
        steps = list(filter(_is_step, self._entries))
        failed = sum(not step.verdict.valid for step in steps)
        parts = [f"Steps: {len(steps)} finished, {failed} failed"]
        if extras := len(self._entries) - len(steps):
            parts.append(f"{extras} more runs at no cost")
        leader = self.leader
        if leader is None:
            return f"{'; '.join(parts)}; no program has a score over all folds yet."
        after = self._entries[self._entries.index(leader) + 1 :]
        parts.append(f"best score over all folds {self._whole_score(leader)} ({leader.id})")
        since = sum(map(_is_step, after))
        if since >= _PLATEAU:
            parts.append(f"no gain in the last {since} steps")
        return f"{'; '.join(parts)}."

    def best_lines(self) -> Iterator[str]:
        """The best programs, full plans; fewer of them where these are long."""
        if not self._best:
            yield "Best programs: none ran on all folds yet."
            return
        yield "Best programs, scores over all folds (seconds of a run):"
        room = BEST
        for entry in self._best:
            head = f"- {entry.id} {self._whole_score(entry)}, {self.what(entry)}"
            idea = self._ideas.get(entry.id)
            if idea is not None and idea.gain is not None:
                head += f", {self._against(idea)}"
                if idea.base is not None and not origin(entry, self._by_id).parents:
                    head += f" than {idea.base.id}"
            line = f"{head} ({_seconds(entry)}): {plan_line(entry.plan, PLAN)}"
            room -= len(line)
            if room < 0 and entry is not self._best[0]:
                return
            yield line

    def idea_lines(self, room: int) -> Iterator[str]:
        """What was tried beside the best: the newest, what helped most and what is refuted; as many
        as fit.
        """
        compared = [idea for idea in self._ideas.values() if idea.gain is not None]
        helped = sum(idea.helped for idea in compared)
        title = (
            f"Ideas: {len(compared)} compared with what they started from, {helped} of them better."
        )
        lines: dict[str, str] = {}
        room -= len(title) + len(" Others, newest first:")
        for idea in self._telling():
            line = self._idea_line(idea)
            room -= len(line) + 1
            if room < 0:
                break
            lines[idea.entry.id] = line
        if lines:
            title += " Others, newest first:"
        if lines or compared:
            yield title
        for entry_id in reversed(self._ideas):
            if entry_id in lines:
                yield lines[entry_id]

    def value_lines(self) -> Iterator[str]:
        """The values that were tried at no cost, a line for each program, best programs first."""
        tried: dict[str, list[Entry]] = {}
        for entry in self._entries:
            if entry.extra and entry.kind == "tune" and entry.parents:
                tried.setdefault(root(entry, self._by_id).id, []).append(entry)
        known = [program for program in tried if program in self._by_id]
        known.sort(key=lambda program: self._by_id[program].score(self._direction), reverse=True)
        room = VALUES
        for program in known[:_MOST_VALUES]:
            line = self._values_of(program, tried[program])
            room -= len(line)
            if room >= 0:
                yield line

    def what(self, entry: Entry) -> str:
        """Where a program came from, in a few words."""
        if not entry.parents:
            return "recipe" if entry.author == "recipes" else "first draft"
        first = entry.parents[0]
        words = {
            "draft": f"{first} rebuilt",
            "rewrite": f"{first} rewritten",
            "mutate": f"{entry.locus or 'part'} of {first}",
            "tune": f"values of {first}",
            "merge": " with ".join(entry.parents[:2]),
            "debug": f"{first} mended",
            "shrink": f"{first} made smaller",
            "seed": f"{first}, another seed",
            "folds": f"{first}, all folds",
        }[entry.kind]
        began = origin(entry, self._by_id)
        if began is entry or not began.parents:
            return words
        return f"{words} ({self.what(began)})"

    # ------------------------------------------------------------ which ideas

    def _telling(self) -> Iterator[Idea]:
        """Those that have a score and no later step in their place, the most telling first: in turn
        two of the newest, one that helped most beside the error of its gain, one that made it worse.
        """
        told = mended(self._entries) | {entry.id for entry in self._best}
        left = [idea for idea in self._ideas.values() if idea.entry.verdict.valid]
        left = [idea for idea in left if idea.entry.id not in told]
        newest = left[::-1]
        helped = sorted(filter(self._helped, left), key=_least_clear_last)
        refuted = list(filter(_is_constraint, newest))
        seen: set[str] = set()
        turns = zip_longest(newest[::2], newest[1::2], helped, refuted)
        for idea in chain.from_iterable(turns):
            if idea is not None and idea.entry.id not in seen:
                seen.add(idea.entry.id)
                yield idea

    def _helped(self, idea: Idea) -> bool:
        """A gain over a recipe is no news once a program of a model leads."""
        leader = self.leader
        passed = leader is not None and leader.author == "model"
        of_recipe = idea.base is not None and idea.base.author == "recipes"
        return idea.helped and not (passed and of_recipe)

    # ------------------------------------------------------------ words

    def _idea_line(self, idea: Idea) -> str:
        entry = idea.entry
        head = f"- {entry.id} {self.what(entry)}: {self._result(idea)}, {_seconds(entry)}: "
        line = head + plan_line(told_change(entry), PLAN)
        if entry.hypothesis:
            line += f" | tried because: {plan_line(entry.hypothesis, WHY)}"
        return line

    def _result(self, idea: Idea) -> str:
        """Before and after on equal folds; its own score where there is nothing to compare with."""
        if idea.base is None or idea.gain is None:
            entry = idea.entry
            return f"{number(entry.verdict.score)}{self._mark(len(fold_scores(entry)))}"
        before = number(idea.before)
        if not origin(idea.entry, self._by_id).parents:
            before += f" ({idea.base.id})"
        return f"{before} -> {number(idea.after)}, {self._against(idea)}"

    def _against(self, idea: Idea) -> str:
        """The gain over what it started from, with the mark of folds that one of the two lacks."""
        return gain_text(idea.gain or 0.0, idea.error) + self._mark(idea.common)

    def _mark(self, folds: int) -> str:
        """Says that a score is not over all folds, "" where it is."""
        if folds == self._folds:
            return ""
        if self._folds:
            return f" ({folds} of {self._folds} folds)"
        if folds == 1:
            return " (1 fold so far)"
        return f" ({folds} folds so far)"

    def _whole_score(self, entry: Entry) -> str:
        text = number(entry.verdict.score)
        if entry.verdict.stderr is not None:
            text += f" +- {entry.verdict.stderr:.2g}"
        return text

    def _values_of(self, program: str, entries: Sequence[Entry]) -> str:
        """Each against the program whose value it changed, on all folds; the best of those that have
        shown to be better, with all its values.
        """
        gains = {entry.id: self._gains_of_value(entry) for entry in entries}
        shown = [entry for entry in entries if not entry.unproven]
        helped = [entry for entry in shown if sum(gains[entry.id]) > 0]
        line = f"- {program}, values tried at no cost: {len(entries)}, {len(helped)} of them better"
        if helped:
            best = max(helped, key=lambda entry: entry.score(self._direction).utility)
            own = gains[best.id]
            words = gain_text(fmean(own), paired_error(own))
            line += f"; best {best.id}, {words} than {best.parents[0]}: "
            line += plan_line(told_change(best), 120)
        return line

    def _gains_of_value(self, entry: Entry) -> list[float]:
        """() where it or the program whose value it changed did not run on all folds."""
        base = self._by_id.get(entry.parents[0])
        if base is None or not (whole(entry) and whole(base)):
            return []
        return fold_gains(entry, base, self._direction)


def number(value: float | None) -> str:
    """A score in at most five digits."""
    if value is None:
        return "unscored"
    return f"{value:.5g}"


def gain_text(gain: float, error: float | None) -> str:
    """A gain in units of the metric, with its own standard error where the folds give one."""
    if not gain:
        return "no difference"
    words = f"{'better' if gain > 0 else 'worse'} by {abs(gain):.2g}"
    return f"{words} +- {error:.2g}" if error else words


def _seconds(entry: Entry) -> str:
    """Of one run: of all its folds on average, of the probe where that was the only one."""
    seconds = entry.outcome.duration_s
    if entry.folds:
        seconds = entry.seconds / len(entry.folds)
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _is_step(entry: Entry) -> bool:
    return not entry.extra


def _least_clear_last(idea: Idea) -> tuple[float, float]:
    return -idea.clarity, -(idea.gain or 0.0)


def _is_constraint(idea: Idea) -> bool:
    """A change that was tried for a reason and made it worse: nobody need try it again."""
    return idea.finding == "worse" and bool(idea.entry.hypothesis)
