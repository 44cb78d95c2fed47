"""What a run has learned so far, in the same few lines whether it made five steps or five hundred.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.evolution.experience import change_of
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
    programs = [entry for entry in entries if entry.kind != "ensemble"]
    if not programs:
        return _NOTHING
    state = _state(programs, direction)
    below = [
        *_failure_lines(programs),
        *_locus_lines(programs, direction),
        *_untried_line(programs, paradigms),
    ]
    room = TOTAL - sum(len(line) + 1 for line in (state, *below))
    return "\n".join([state, *_best_lines(programs, direction, room), *below])


def faults_text(entries: Sequence[Entry], direction: Direction) -> str:
    """The part of the digest that helps to mend a program: the state and the failures."""
    programs = [entry for entry in entries if entry.kind != "ensemble"]
    return (
        "\n".join([_state(programs, direction), *_failure_lines(programs)])
        if programs
        else _NOTHING
    )


def best(entries: Sequence[Entry], direction: Direction, count: int) -> list[Entry]:
    """Programs of different plans, best first: those that ran on every fold before those that were
    raced out.
    """
    order = ranked(entries, direction)
    order = [entry for entry in order if entry.complete] + [
        entry for entry in order if not entry.complete
    ]
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
    return (
        one_line(anonymous(entry.verdict.reasons[0]), 400) if entry.verdict.reasons else "invalid"
    )


def untried(plans: Sequence[str], paradigms: Paradigms) -> list[str]:
    """Names of the paradigms that no plan speaks of, in the order given."""
    lowered = [plan.lower() for plan in plans]
    return [
        name
        for name, pattern in paradigms.items()
        if not any(re.search(pattern, plan) for plan in lowered)
    ]


def _state(entries: Sequence[Entry], direction: Direction) -> str:
    valid = sum(entry.verdict.valid for entry in entries)
    # A score on one fold is no score to beat.
    leader = max(entries, key=lambda entry: (entry.complete, entry.score(direction).utility))
    since = sum(entry.step > leader.step for entry in entries)
    stale = f"; no gain in the last {_PLATEAU} steps or more" if since >= _PLATEAU else ""
    score = f"; best score {_number(leader.verdict.score)}" if leader.verdict.valid else ""
    return f"Steps: {len(entries)} finished, {len(entries) - valid} failed{score}{stale}."


def _best_lines(entries: Sequence[Entry], direction: Direction, room: int) -> Iterator[str]:
    leaders, scores = best(entries, direction, _MOST_BEST), adjusted(entries, direction)
    yield "Best programs:" if leaders else "Best programs: none is valid yet."
    width = min((room - 16) // max(len(leaders), 1) - 1, _LONGEST)
    for entry in leaders:
        error = "" if entry.verdict.stderr is None else f" +- {entry.verdict.stderr:.2g}"
        yield one_line(f"- {_number(scores[entry.id].value)}{error}: {entry.plan}", width)


def _failure_lines(entries: Sequence[Entry]) -> Iterator[str]:
    found = failures(entries)
    yield "Failures by cause:" if found else "Failures by cause: none."
    shown = found[:_MOST_FAILURES]
    for failure in shown:
        last = failure.entries[-1]
        room = FAILURES // len(shown)
        plan = one_line(last.plan, room // 3)
        yield one_line(
            f"- {len(failure.entries)}x {one_line(failure.cause, room - len(plan) - 18)} (last: {plan})",
            room,
        )


def _locus_lines(entries: Sequence[Entry], direction: Direction) -> Iterator[str]:
    """Per locus how often a change was tried and helped, and the change that helped most."""
    scores = adjusted(entries, direction)
    yield "Changes of one part:"
    for locus in LOCI:
        tries = [entry for entry in entries if entry.locus == locus and entry.parents]
        gains = [(_gain(entry, scores), entry) for entry in tries]
        helped = [(gain, entry) for gain, entry in gains if gain > 0]
        if not tries:
            yield f"- {locus}: not tried yet"
            continue
        line = f"- {locus}: {len(tries)} tried, {len(helped)} helped"
        if helped:
            gain, entry = max(helped, key=lambda item: (item[0], -item[1].step))
            line += f", most (by {gain:.2g}): {change_of(entry.plan).removeprefix(f'{locus}: ')}"
        yield one_line(line, LOCUS)


def _gain(entry: Entry, scores: Mapping[str, Score]) -> float:
    parent = entry.parents[0]
    return (
        scores[entry.id].gain_over(scores[parent])
        if entry.id in scores and parent in scores
        else 0.0
    )


def _untried_line(entries: Sequence[Entry], paradigms: Paradigms) -> Iterator[str]:
    if paradigms:
        names = untried([entry.plan for entry in entries], paradigms)
        yield one_line(
            f"Not tried yet: {', '.join(names) or 'nothing of the usual; think of something else'}.",
            UNTRIED,
        )


def _number(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.5g}"
