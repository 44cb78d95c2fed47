"""The kinds of brief, a line each: what a kind needs, what it may change, what it is asked with.

A new operator is a class in core/evolution/operators.py (and its place in OPERATORS), a template
agents/prompts/<kind>.md and a line here; its word stands in core.records.BriefKind, for the type
checker. Stdlib only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BriefTraits:
    """What is common to all briefs of a kind."""

    # The word in journals, personas and prompts.
    kind: str
    # What is done, in one sentence; {part} is the part that the brief is about.
    words: str
    # How many programs it starts from.
    parents: int = 1
    # It changes one part of its parent and nothing else: what it gains is the gain of that change.
    one_part: bool = False
    # It may ask for one aspect of that part.
    aspects: bool = False
    # It makes a failed program run and changes nothing else: it counts for the step that it mends,
    # and no lesson helps it.
    mends: bool = False
    # Its gain is measured over the leader of its moment, else over its first parent.
    over_leader: bool = False
    # Template of its task; "" for one that has the name of the kind.
    task: str = ""
    # Template of the form in which a model answers.
    answer: str = "answer_edits"
    # Most pieces of knowledge in its prompt.
    pieces: int = 1
    # Their characters together.
    knowledge: int = 1600
    # Characters of the ledger of ideas in its prompt.
    ledger: int = 1900


BY_KIND: dict[str, BriefTraits] = {
    traits.kind: traits
    for traits in (
        BriefTraits(
            "draft",
            "Write a new program with a method that was not tried yet.",
            parents=0,
            over_leader=True,
            answer="answer_program",
            # It rests on knowledge most.
            pieces=4,
            knowledge=4400,
            ledger=2900,
        ),
        BriefTraits(
            "rewrite",
            "Make the best program better, in any of its parts.",
            over_leader=True,
            # What runs have shown is worth more.
            pieces=0,
            knowledge=0,
            ledger=2900,
        ),
        BriefTraits("mutate", "Change the {part}.", one_part=True, aspects=True),
        BriefTraits(
            "merge",
            "Combine the best parts of two programs.",
            parents=2,
            over_leader=True,
            answer="answer_merge",
            # Two programs are what it rests on.
            pieces=0,
            knowledge=0,
        ),
        BriefTraits("debug", "Mend a program that failed.", mends=True),
        BriefTraits(
            "tune",
            "Set parameters of the {part} to other values.",
            one_part=True,
            # The harness tries values at no cost. A model meets such a brief only where it answers
            # again after recipes were alone, and makes a change of its own then.
            task="mutate",
        ),
        BriefTraits("shrink", "Make a program that met a limit smaller.", mends=True),
    )
}
"""In the order in which a model is asked about them."""


REBUILD = "rebuild"
"""A draft that starts from finished programs: one kind with first drafts, and another task."""


def tasks() -> tuple[str, ...]:
    """What models are asked for, by the names of the templates: personas have words for each."""
    own = [kind for kind, traits in BY_KIND.items() if not traits.task]
    return (*own, REBUILD)


def changes_one_part(kind: str) -> bool:
    """True for kinds that change one part of their parent; False for what is no brief (a blend)."""
    return kind in BY_KIND and BY_KIND[kind].one_part


def mends(kind: str) -> bool:
    """True for repairs; False for what is no brief (a blend)."""
    return kind in BY_KIND and BY_KIND[kind].mends
