"""A program that is right beyond belief on some views is scored by the others, and chosen for nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from core.doubles import ManualClock
from core.ending.end_game import finalists
from core.events import StepDone, Suspected
from core.evolution.selection import adjusted, by_whole_scores
from core.journal.history import History
from core.journal.journal import Journal, read_lines
from core.records import Entry, Job, Suspicion
from tests.core.test_loop import FOLDS, World
from tests.judging.arena import make_spec

CHEAT, HONEST, BETTER = "cheat\n", "honest\n", "better\n"


def score(job: Job) -> float:
    """The cheat is perfect on two views and poor on the third."""
    if job.program == CHEAT:
        return 0.5 if job.view.fold == 2 else 1.0
    return {HONEST: 0.7, BETTER: 0.8}[job.program]


def cheats(world_of: dict[str, World]) -> Callable[[Sequence[str]], Suspicion | None]:
    """What a judge says of the programs of a world."""

    def odd(names: Sequence[str]) -> Suspicion | None:
        scores = world_of["it"].judge.scores
        perfect = [name for name in names if scores[name] == 1.0]
        if not perfect:
            return None
        return Suspicion(("search0", "search1"), "no wrong answers", 1e-9)

    return odd


def played(*programs: str, author: str = "model") -> World:
    made: dict[str, World] = {}
    made["it"] = World(
        programs,
        judge=score,
        steps=len(programs),
        author=author,  # type: ignore[arg-type]
        odd=cheats(made),
    )
    return made["it"].run()


def the(world: World, program: str) -> Entry:
    return next(e for e in world.history.entries if world.programs.get(e.program) == program)


def test_what_is_not_believed_counts_nowhere() -> None:
    world = played(HONEST, CHEAT, BETTER)
    cheat = the(world, CHEAT)
    assert [view.name for view in world.views.search()][:2] == ["search0", "search1"]
    assert cheat.suspect == ("search0", "search1")
    assert cheat.verdict.valid
    assert cheat.verdict.score == pytest.approx(0.5)
    assert [fold.view for fold in cheat.valid_folds] == ["search2"]
    assert len(cheat.folds) == FOLDS
    assert cheat.p_better == 0.0
    assert not cheat.complete
    assert not cheat.steers
    assert world.history.incumbent == the(world, BETTER)
    entries = world.history.entries
    assert cheat not in by_whole_scores(entries, "maximize")
    assert adjusted(entries, "maximize")[cheat.id].value < 0.6
    picked = finalists(make_spec("accuracy"), world.history, 9, None, world.events)
    assert {result.best.id for result in picked} == {"s0000", "s0002"}
    assert "s0001" not in {entry.id for entry in world.publisher.entries}


def test_it_is_journalled_before_the_step_and_said() -> None:
    world = played(HONEST, CHEAT)
    kinds = [event.type for event in world.events.events]
    assert kinds.index("suspicion") < len(kinds) - 1 - kinds[::-1].index("step")
    (event,) = world.events.of(Suspected)
    assert event.render() == "s0001 is not believed: no wrong answers"
    step = world.events.of(StepDone)[-1]
    assert "0.50000 ± 0.01000 (without search0, search1)" in step.render()


def test_a_replay_knows_it_again(tmp_path: Path) -> None:
    world = played(HONEST, CHEAT)
    journal = Journal(tmp_path / "journal.jsonl", ManualClock(), lambda line: None)
    for event in world.events.events:
        journal.append(event)
    journal.close()
    history = History(world.programs.get)
    for line in read_lines(tmp_path / "journal.jsonl")[0]:
        history.apply(line)
    assert history.entries == world.history.entries


def test_the_first_program_and_recipes_are_not_asked_about() -> None:
    """Nobody was shown output before the first, and no recipe ever is."""
    assert not played(CHEAT, HONEST).events.of(Suspected)
    assert not played(HONEST, CHEAT, author="recipes").events.of(Suspected)


def test_a_cheat_is_no_rival_that_excuses_another() -> None:
    asked: list[Sequence[Sequence[str]]] = []
    world = played(HONEST, CHEAT)
    inner = world.judge.suspicion

    def suspicion(names: Sequence[str], rivals: Sequence[Sequence[str]]) -> Suspicion | None:
        asked.append(rivals)
        return inner(names, rivals)

    world.judge.suspicion = suspicion  # type: ignore[method-assign]
    proposal = the(world, HONEST).as_proposal(HONEST)
    world.evaluator.suspicion(proposal, the(world, HONEST).folds)
    assert asked == [[the(world, HONEST).predictions]]
