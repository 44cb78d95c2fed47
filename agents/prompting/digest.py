"""What a run has learned so far, in the same few lines whether it made five steps or five hundred.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from core.evolution.change_words import change_of
from core.evolution.selection import adjusted, ranked
from core.genome import LOCI
from core.records import Entry
from core.score import Direction, Score
from utils.untrusted import anonymous, one_line

# Characters of the whole and of its parts; the best programs take what is left. Few items say more,
# many say less.
TOTAL, FAILURES, LOCUS, UNTRIED = 1200, 340, 80, 160
_LONGEST = 240
_NOTHING = "No program has finished yet."
_MOST_BEST, _MOST_FAILURES = 4, 4
_PLATEAU = 10
_VARIABLE = re.compile(r"\d+|'[^']*'|\"[^\"]*\"")

Paradigms = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Failure:
    """One cause of failures. entries: those that failed by it, oldest first."""

    cause: str
    entries: tuple[Entry, ...]


def digest_text(entries: Sequence[Entry], direction: Direction, paradigms: Paradigms) -> str:
    """Lines on the state of the search, the best programs, failures by cause, loci, and what is
    untried; at most about TOTAL characters.

    paradigms: name -> pattern that finds it in a plan, both lower case. Blends are left out: nobody
    writes one.
    """
    programs = _programs(entries)
    if not programs:
        return _NOTHING
    state = _state(programs, direction)
    below = [
        *_failure_lines(programs),
        *_locus_lines(programs, direction),
        *_untried_line(programs, paradigms),
    ]
    room = TOTAL - len("\n".join((state, *below))) - 1
    return "\n".join([state, *_best_lines(programs, direction, room), *below])


def faults_text(entries: Sequence[Entry], direction: Direction) -> str:
    """The part of the digest that helps to mend a program: the state and the failures."""
    programs = _programs(entries)
    if not programs:
        return _NOTHING
    return "\n".join([_state(programs, direction), *_failure_lines(programs)])


def _programs(entries: Sequence[Entry]) -> list[Entry]:
    """All but the blends."""
    return [entry for entry in entries if entry.kind != "ensemble"]


def best(entries: Sequence[Entry], direction: Direction, count: int) -> list[Entry]:
    """Programs of different plans, best first: those that ran on every fold before those that were
    raced out.
    """
    order = sorted(ranked(entries, direction), key=attrgetter("complete"), reverse=True)
    by_plan: dict[str, Entry] = {}
    for entry in order:
        by_plan.setdefault(entry.plan, entry)
    return list(by_plan.values())[:count]


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


def _state(entries: Sequence[Entry], direction: Direction) -> str:
    valid = sum(entry.verdict.valid for entry in entries)
    # A score on one fold is no score to beat.
    leader = max(entries, key=lambda entry: (entry.complete, entry.score(direction).utility))
    since = sum(entry.step > leader.step for entry in entries)
    text = f"Steps: {len(entries)} finished, {len(entries) - valid} failed"
    if leader.verdict.valid:
        text += f"; best score {_number(leader.verdict.score)}"
    if since >= _PLATEAU:
        text += f"; no gain in the last {_PLATEAU} steps or more"
    return f"{text}."


def _best_lines(entries: Sequence[Entry], direction: Direction, room: int) -> Iterator[str]:
    leaders, scores = best(entries, direction, _MOST_BEST), adjusted(entries, direction)
    if not leaders:
        yield "Best programs: none is valid yet."
        return
    yield "Best programs:"
    width = min((room - 16) // len(leaders) - 1, _LONGEST)
    for entry in leaders:
        score = _number(scores[entry.id].value)
        if entry.verdict.stderr is not None:
            score += f" +- {entry.verdict.stderr:.2g}"
        yield one_line(f"- {score}: {entry.plan}", width)


def _failure_lines(entries: Sequence[Entry]) -> Iterator[str]:
    shown = failures(entries)[:_MOST_FAILURES]
    if not shown:
        yield "Failures by cause: none."
        return
    yield "Failures by cause:"
    room = FAILURES // len(shown)
    for failure in shown:
        plan = one_line(failure.entries[-1].plan, room // 3)
        why = one_line(failure.cause, room - len(plan) - 18)
        yield one_line(f"- {len(failure.entries)}x {why} (last: {plan})", room)


def _locus_lines(entries: Sequence[Entry], direction: Direction) -> Iterator[str]:
    """Per locus how often a change was tried and helped, and the change that helped most."""
    scores = adjusted(entries, direction)
    yield "Changes of one part:"
    for locus in LOCI:
        tries = [entry for entry in entries if entry.locus == locus and entry.parents]
        if not tries:
            yield f"- {locus}: not tried yet"
            continue
        helped = [entry for entry in tries if _gain(entry, scores) > 0]
        line = f"- {locus}: {len(tries)} tried, {len(helped)} helped"
        if helped:
            most = max(helped, key=lambda entry: (_gain(entry, scores), -entry.step))
            change = change_of(most.plan).removeprefix(f"{locus}: ")
            line += f", most (by {_gain(most, scores):.2g}): {change}"
        yield one_line(line, LOCUS)


def _gain(entry: Entry, scores: Mapping[str, Score]) -> float:
    """Over its parent; 0 where one of the two has no score."""
    parent = entry.parents[0]
    if entry.id not in scores or parent not in scores:
        return 0.0
    return scores[entry.id].gain_over(scores[parent])


def _untried_line(entries: Sequence[Entry], paradigms: Paradigms) -> Iterator[str]:
    if paradigms:
        names = ", ".join(untried([entry.plan for entry in entries], paradigms))
        nothing = "nothing of the usual; think of something else"
        yield one_line(f"Not tried yet: {names or nothing}.", UNTRIED)


def _number(value: float | None) -> str:
    if value is None:
        return "unscored"
    return f"{value:.5g}"
