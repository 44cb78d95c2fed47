"""What a run has learned so far, in the same room whether it made five steps or five hundred.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.prompting.ledger import IdeaLedger
from core.records import Entry
from core.score import Direction
from utils.text import clipped
from utils.untrusted import anonymous, one_line

# Characters of the whole and of its parts; the ideas take what is left.
TOTAL, FAILURES, UNTRIED = 2900, 480, 160
_NOTHING = "No program has finished yet."
_MOST_FAILURES = 4
_VARIABLE = re.compile(r"\d+|'[^']*'|\"[^\"]*\"")

Paradigms = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """One cause of failures. entries: those that failed by it, oldest first."""

    cause: str
    entries: tuple[Entry, ...]


def digest_text(
    entries: Sequence[Entry],
    direction: Direction,
    paradigms: Paradigms,
    most: int = TOTAL,
    under_way: Sequence[str] = (),
) -> str:
    """Lines on the state of the search, the best programs, what became of each idea, the values
    tried, failures by cause, and what is untried; at most `most` characters.

    paradigms: name -> pattern that finds it in a plan, both lower case. under_way: plans that have
    no score yet; what they try is not called untried. Blends are left out: nobody writes one.
    """
    programs = _programs(entries)
    if not programs:
        return _NOTHING
    ledger = IdeaLedger(programs, direction)
    above = [ledger.head(), *ledger.best_lines()]
    below = [
        *ledger.value_lines(),
        *_failure_lines(programs, ledger),
        *_untried_line([*(entry.plan for entry in programs), *under_way], paradigms),
    ]
    room = most - len("\n".join((*above, *below))) - 1
    return "\n".join([*above, *ledger.idea_lines(room), *below])


def faults_text(entries: Sequence[Entry], direction: Direction, about: str = "") -> str:
    """The part of the digest that helps to mend a program: the state and the failures. about: id of
    that program, whose own failure is told in full elsewhere.
    """
    programs = _programs(entries)
    if not programs:
        return _NOTHING
    ledger = IdeaLedger(programs, direction)
    others = [entry for entry in programs if entry.id != about]
    return "\n".join([ledger.head(), *_failure_lines(others, ledger)])


def _programs(entries: Sequence[Entry]) -> list[Entry]:
    """All but the blends."""
    return [entry for entry in entries if entry.kind != "ensemble"]


def failures(entries: Sequence[Entry]) -> list[Failure]:
    """Failed entries by cause, the commonest first, then the latest. Numbers and quoted words make
    no new cause.
    """
    causes: dict[str, list[Entry]] = {}
    for entry in entries:
        if not entry.verdict.valid:
            causes.setdefault(_VARIABLE.sub("#", cause(entry))[:80], []).append(entry)
    order = sorted(causes.values(), key=lambda failed: (-len(failed), -failed[-1].step))
    return [Failure(cause(failed[-1]), tuple(failed)) for failed in order]


def cause(entry: Entry) -> str:
    """Why an entry failed, in one line without paths: its error, else the judge's first reason."""
    error = entry.outcome.error
    if error is not None:
        return one_line(anonymous(f"{error.type}: {error.message}"), 400).rstrip(": ")
    if not entry.verdict.reasons:
        return "invalid"
    return one_line(anonymous(entry.verdict.reasons[0]), 400)


def untried(plans: Sequence[str], paradigms: Paradigms) -> list[str]:
    """Names of the paradigms that no plan speaks of, in the order given."""
    lowered = list(map(str.lower, plans))
    names: list[str] = []
    for name, pattern in paradigms.items():
        if not any(map(re.compile(pattern).search, lowered)):
            names.append(name)
    return names


def _failure_lines(entries: Sequence[Entry], ledger: IdeaLedger) -> Iterator[str]:
    """A line for each cause, with the step that it struck last."""
    shown = failures(entries)[:_MOST_FAILURES]
    if not shown:
        return
    yield "Failures by cause:"
    room = FAILURES // len(shown)
    for failure in shown:
        last = failure.entries[-1]
        plan = clipped(one_line(last.plan, room), room // 3)
        of = f"{last.id}, {ledger.what(last)}"
        why = one_line(failure.cause, room - len(plan) - len(of) - 20)
        yield one_line(f"- {len(failure.entries)}x {why} (last: {of}: {plan})", room)


def _untried_line(plans: Sequence[str], paradigms: Paradigms) -> Iterator[str]:
    if paradigms:
        names = ", ".join(untried(plans, paradigms))
        nothing = "nothing of the usual; think of something else"
        yield one_line(f"Not tried yet: {names or nothing}.", UNTRIED)
