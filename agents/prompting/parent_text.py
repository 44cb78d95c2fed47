"""What an author is told of a finished program beside its text: score per fold, time, the end of its
output, where its held-out errors lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from agents.prompting.phrases import Phrases
from agents.prompting.progress import RunProgress
from agents.prompting.prompt_parts import coarse, number
from core.records import Entry, FoldResult, Parent
from utils.text import human_seconds
from utils.untrusted import anonymous, fence, one_line, plain, without_escapes

# Characters of a line of output, and of what a fold holds out.
_LINE, _SPAN = 240, 80
# Of a line as much is read as may shrink to one that is shown.
_READ = 8
# Bars of progress, and what a library says of itself.
_NOISE = re.compile(
    r"^\s*(?:.*\d{1,3}%\|.*|.*\d+/\d+ \[[=>. #-]+\].*|\[LightGBM\] \[(?:Info|Warning)\].*"
    r"|.*Warning: .*|\s*warnings\.warn\(.*)$"
)
_FOLDS_SHOWN = 8
# Tables of rows in disguise: a program may print the answers that it learns from, which other folds
# hold out. Neither long runs of signs nor long lists of numbers come back.
_NO_WORD = re.compile(r"\S{48,}")
_NUMBERS = re.compile(
    r"((?:[-+]?\d[\d.e+-]*[\s,;:/|()\[\]]+){16})(?:[-+]?\d[\d.e+-]*[\s,;:/|()\[\]]*)+"
)


@dataclass(frozen=True, slots=True)
class FactLimits:
    """Characters of the output and of the errors; 0 leaves them out."""

    output: int
    errors: int


class ParentText:
    """folds: search views of the run, 0 where that is not known. windows_told: the system text says
    what each fold holds out.
    """

    def __init__(
        self, progress: RunProgress, phrases: Phrases, folds: int, windows_told: bool = False
    ) -> None:
        self._progress = progress
        self._phrase = phrases
        self._folds = folds
        self._windows_told = windows_told

    def score(self, parent: Parent) -> str:
        """Its score over what it ran on, with the mark of one that did not run on every fold;
        "unknown" where it has none.
        """
        entry = self.entry(parent)
        if entry is None or not entry.verdict.valid:
            return number(parent.score)
        text = number(entry.verdict.score)
        if entry.verdict.stderr is not None:
            text += f" +- {entry.verdict.stderr:.2g}"
        if entry.complete:
            return text
        of = ""
        if self._folds:
            of = f" of {self._folds}"
        ran = str(len(entry.valid_folds))
        return text + self._phrase("parent", "partial", ran=ran, of=of)

    def facts(self, parent: Parent, limits: FactLimits) -> str:
        """Paragraphs, "" where nothing is known of it."""
        entry = self.entry(parent)
        if entry is None:
            return ""
        texts = (
            self._by_fold(entry),
            self._time(entry),
            self._output(entry, limits.output),
            self._errors(entry, limits.errors),
        )
        return "\n".join(filter(None, texts))

    def entry(self, parent: Parent) -> Entry | None:
        """The finished step; None when it is not known."""
        for entry in self._progress.entries():
            if entry.id == parent.id:
                return entry
        return None

    def output(self, parent: Parent, limit: int) -> str:
        """The end of what it printed, "" for nothing."""
        entry = self.entry(parent)
        if entry is None:
            return ""
        return self._output(entry, limit)

    def _by_fold(self, entry: Entry) -> str:
        """Nothing for a single holdout, whose score stands above."""
        folds = [fold for fold in entry.valid_folds if fold.verdict.score is not None]
        folds.sort(key=attrgetter("fold"))
        if len(folds) < 2:
            return ""
        spans: Mapping[str, str] = {}
        if not self._windows_told:
            spans = self._progress.spans()
        shown = "; ".join(
            _fold_words(fold, spans.get(fold.view, "")) for fold in folds[:_FOLDS_SHOWN]
        )
        return self._phrase("parent", "folds", folds=shown)

    def _time(self, entry: Entry) -> str:
        """The longest of its runs decides what the next one can be."""
        ran = [fold for fold in entry.folds if fold.outcome.duration_s > 0]
        if not ran:
            return ""
        longest = max(ran, key=lambda fold: fold.outcome.duration_s)
        told, limit = "", self._progress.limits_s().get(longest.key)
        if entry.told_s is not None:
            told = self._phrase("parent", "told", told=coarse(entry.told_s))
        if limit is not None:
            told += self._phrase("parent", "limit", limit=human_seconds(limit))
        end = "ended"
        if any(fold.outcome.timed_out for fold in ran):
            end = "stopped"
        return self._phrase(
            "parent",
            "time",
            used=human_seconds(longest.outcome.duration_s),
            told=told,
            end=self._phrase("parent", end),
        )

    def _output(self, entry: Entry, limit: int) -> str:
        text = cleaned(entry.outcome.tail, limit)
        if not text:
            return ""
        on = ""
        if entry.verdict.valid and len(entry.folds) > 1:
            last = max(fold.fold for fold in entry.folds)
            on = self._phrase("parent", "on", fold=str(last))
        return f"{self._phrase('parent', 'output', on=on)}\n{fence(text, 'output')}"

    def _errors(self, entry: Entry, limit: int) -> str:
        if not (limit and entry.verdict.valid):
            return ""
        text = self._progress.errors(entry.id, limit)
        if not text:
            return ""
        return f"{self._phrase('parent', 'errors')}\n{fence(text, 'notes')}"


def cleaned(output: str, limit: int) -> str:
    """The last whole lines of an output, at most `limit` characters: without escapes, paths, bars of
    progress and warnings; of a line that overwrites itself its last state; of equal lines one.
    """
    lines: list[str] = []
    for raw in without_escapes(output).split("\n"):
        shown = raw.rstrip("\r").rpartition("\r")[2][: _LINE * _READ]
        line = anonymous(plain(shown).rstrip())
        line = _NUMBERS.sub(r"\1... ", _NO_WORD.sub("...", line)).rstrip()
        if line and not _NOISE.match(line) and line not in lines[-1:]:
            lines.append(line[:_LINE])
    return "\n".join(_last(lines, limit))


def _last(lines: Sequence[str], limit: int) -> list[str]:
    kept: list[str] = []
    for line in reversed(lines):
        limit -= len(line) + 1
        if limit < 0:
            break
        kept.insert(0, line)
    return kept


def _fold_words(fold: FoldResult, span: str) -> str:
    where = ""
    if span:
        where = f" ({one_line(span, _SPAN)})"
    return f"fold {fold.fold}{where} {number(fold.verdict.score)}"
