"""What an author may be told of a run as it goes on. Asked anew for each brief."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.prompting.siblings import FirstPlan, WrittenDraft
from core.records import Brief, Ensemble, Entry, Proposal

Skills = Callable[[Brief, int], Sequence[str]]
"""(brief, most) -> texts of at most so many pieces of knowledge, best first."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What changes during a run."""

    # Finished steps.
    entries: Callable[[], Sequence[Entry]] = tuple
    # First programs that are written by now, finished or not.
    drafts: Callable[[], Sequence[WrittenDraft]] = tuple
    # Pieces of knowledge.
    skills: Skills = field(default=lambda brief, most: ())
    # Seconds granted, by evaluation key.
    limits_s: Callable[[], Mapping[str, float]] = dict
    # What each search view holds out, in words, by its name; "" where nobody knows.
    spans: Callable[[], Mapping[str, str]] = dict
    # (id of an entry, characters) -> where its held-out errors lie; "" where nobody knows.
    errors: Callable[[str, int], str] = field(default=lambda entry_id, limit: "")
    # The ensemble as it would be if the search ended now.
    blend: Callable[[], Ensemble | None] = field(default=lambda: None)
    # Correlation of the held-out errors of two entries.
    likeness: Callable[[str, str], float | None] = field(default=lambda first, second: None)
    # The plan that is kept for a first draft; None where it has none.
    first_plan: Callable[[Brief], FirstPlan | None] = field(default=lambda brief: None)
    # Seconds until no program can be tried any more; inf where nobody knows.
    seconds_left: Callable[[], float] = field(default=lambda: math.inf)
    # Steps that are written and have no score yet.
    running: Callable[[], Sequence[Proposal]] = tuple
