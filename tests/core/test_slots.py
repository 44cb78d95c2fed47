"""Where a model writes: requests, steps and extras have slots of their own."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from core.doubles import CLEAN, FreePace, proposal
from core.events import EpochClosed, ExtraDone, FoldScored, Proposed, StepDone
from core.evolution.evidence import is_unproven
from core.loop import WAITING_BEYOND, Ending, Loop, ProgramLife, Rules, Slots
from core.records import Brief, Entry, Idle, Job, Outcome, Proposal
from tests.core.test_loop import FOLDS, World
from utils.errors import Interrupted, ProposalError

PATIENCE_S = 30.0


class ListedExtras:
    """Implements core.protocols.Extras: these, in order. after: entries that must be there first."""

    def __init__(self, *extras: Proposal, after: int = 0) -> None:
        self._extras = list(extras)
        self._after = after

    def next_extra(self, now: Idle) -> Proposal | None:
        if not self._extras or len(now.entries) < self._after:
            return None
        return dataclasses.replace(self._extras.pop(0), id=f"x{now.number:04d}", step=now.step)


def extra(program: str, kind: str = "tune", seed: int = 1) -> Proposal:
    made = proposal(Brief(0, "tune", seed), program)
    return dataclasses.replace(made, kind=kind, extra=True)  # type: ignore[arg-type]


def numbered(job: Job) -> float:
    return float(job.program) / 1000


def world(
    count: int = 30, judge: Callable[[Job], float | None] = numbered, **changes: object
) -> World:
    """A model that writes the programs 1, 2, 3, ...: each is better than all before."""
    programs = [f"{number}\n" for number in range(1, count + 1)]
    return World(programs, judge=judge, **({"calls": 2} | changes))  # type: ignore[arg-type]


# ---------------------------------------------------------------- requests


def test_a_request_is_open_while_the_only_box_is_busy() -> None:
    asked = threading.Event()

    def run(job: Job) -> Outcome:
        # The first program holds the box until somebody was asked for the third.
        assert asked.wait(PATIENCE_S)
        return CLEAN

    made = world(outcome=run, steps=5)
    propose = made.proposer.propose

    def listen(brief: Brief) -> Proposal:
        if brief.step == 2:
            asked.set()
        return propose(brief)

    made.proposer.propose = listen  # type: ignore[method-assign]
    made.run()
    assert made.history.steps_done == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_so_many_programs_wait_for_a_box_and_no_more(workers: int) -> None:
    """The box is held until as many briefs are decided as may be; none is decided beyond them."""
    most = workers + workers + WAITING_BEYOND
    full, decided, flying = threading.Event(), list[int](), list[int]()

    def run(job: Job) -> Outcome:
        assert full.wait(PATIENCE_S)
        return CLEAN

    made = world(outcome=run, steps=12, workers=workers)
    decide = made.loop._parts.search.next_brief

    def listen(
        entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        decided.append(step)
        flying.append(len(running) + 1)
        if len(decided) == most:
            full.set()
        return decide(entries, step, running, progress)

    made.loop._parts.search.next_brief = listen  # type: ignore[method-assign]
    made.run()
    assert max(flying) == most
    assert made.history.steps_done == 12


def test_no_more_requests_are_open_than_there_are_calls() -> None:
    lock, most, open_now = threading.Lock(), [0], [0]
    both = threading.Barrier(2)
    made = world(steps=8, workers=4, calls=2)
    propose = made.proposer.propose

    def count(brief: Brief) -> Proposal:
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        if brief.step < 2:
            both.wait(PATIENCE_S)
        made_now = propose(brief)
        with lock:
            open_now[0] -= 1
        return made_now

    made.proposer.propose = count  # type: ignore[method-assign]
    made.run()
    assert most[0] == 2


def test_steps_in_flight_count_against_the_limit() -> None:
    made = world(steps=5, workers=3, calls=2).run()
    assert made.history.steps_done == 5
    assert len(made.events.of(Proposed)) == 5


def test_a_model_without_an_answer_ends_the_search() -> None:
    made = World([], calls=2).run()
    assert made.history.steps_done == 0
    # A second request may be open when the last one fails.
    assert 25 <= made.history.failed_in_a_row <= 26


def test_a_rejected_program_frees_its_slot() -> None:
    programs: list[str | ProposalError] = ["1\n", "1\n", ProposalError("prose"), "2\n"]
    made = World(programs, judge=numbered, calls=1, steps=2).run()
    assert [entry.plan for entry in made.history.entries] == ["1", "2"]


def test_what_the_model_was_told_is_recorded_and_what_recipes_were_is_not() -> None:
    made = world(steps=2)
    propose = made.proposer.propose

    def sign(brief: Brief) -> Proposal:
        author = "model" if brief.step else "recipes"
        return dataclasses.replace(propose(brief), author=author)

    made.proposer.propose = sign  # type: ignore[method-assign]
    made.run()
    told = {entry.step: entry.told_s for entry in made.history.entries}
    assert told == {0: None, 1: 60.0}


class ReservePace(FreePace):
    """Nothing is kept back for the end until a program is there; then the search is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: Sequence[Entry] = ()

    def search_ends(self) -> float:
        return 0.0 if self.entries else math.inf


def test_a_first_answer_that_is_slow_does_not_use_up_the_time_of_the_end() -> None:
    """It was asked for when there was nothing to choose from; meanwhile there is."""
    pace, given_up = ReservePace(), threading.Event()
    made = world(steps=9, calls=1, pace=pace)
    pace.entries = made.history.entries
    propose, waited = made.proposer.propose, list[bool]()

    def answer(brief: Brief) -> Proposal:
        if brief.step == 1:
            waited.append(given_up.wait(PATIENCE_S))
            raise Interrupted("nobody waits any more")
        return propose(brief)

    made.proposer.propose = answer  # type: ignore[method-assign]
    parts = dataclasses.replace(made.loop._parts, abandon=given_up.set)
    Loop(parts, made.loop._rules, made.loop._budget).run()
    assert waited == [True]
    # Nor is anybody asked again, who would not answer.
    assert [brief.step for brief in made.proposer.briefs] == [0]
    assert made.history.steps_done == 1


# ---------------------------------------------------------------- extras


def test_what_is_no_step_counts_as_none() -> None:
    made = world(steps=2, extras=ListedExtras(extra("901\n"), extra("902\n"), extra("903\n")))
    seen: list[str] = []
    decide = made.loop._parts.search.next_brief

    def listen(
        entries: Sequence[Entry], step: int, running: Sequence[Proposal], progress: float
    ) -> Brief:
        seen.extend(item.id for item in running)
        return decide(entries, step, running, progress)

    made.loop._parts.search.next_brief = listen  # type: ignore[method-assign]
    made.run()
    assert made.history.steps_done == 2
    assert made.history.extras_done == 3
    extras = [event.entry.id for event in made.events.of(ExtraDone)]  # type: ignore[attr-defined]
    assert extras == ["x0000", "x0001", "x0002"]
    assert [event.epoch for event in made.events.of(EpochClosed)] == [1]  # type: ignore[attr-defined]
    assert made.history.next_step == 2
    assert not [name for name in seen if name.startswith("x")]


def test_the_time_after_the_last_step_is_used_unless_it_is_switched_off() -> None:
    ended = [
        world(steps=3, extras=extras).run().history.extras_done
        for extras in (ListedExtras(*(extra(f"{n}\n") for n in range(500, 509))), None)
    ]
    assert ended == [9, 0]


def test_recipes_alone_run_no_extras() -> None:
    made = world(steps=3, calls=0, extras=ListedExtras(extra("901\n"))).run()
    assert made.history.extras_done == 0


def test_an_extra_that_leads_steers_and_is_published() -> None:
    made = world(steps=1, extras=ListedExtras(extra("901\n"))).run()
    lead = made.history.incumbent
    assert lead is not None
    assert lead.id == made.publisher.entries[-1].id == "x0000"


def of_the_first(program: str) -> Proposal:
    return dataclasses.replace(extra(program), author="model", parents=("s0000",))


@pytest.mark.parametrize(("p_parent", "leads"), [(0.84, False), (0.86, True)])
def test_a_value_of_the_leader_takes_its_place_on_evidence_alone(
    p_parent: float, leads: bool
) -> None:
    made = world(steps=1, extras=ListedExtras(of_the_first("901\n"), after=1))
    rules = dataclasses.replace(
        made.loop._rules, is_unproven=partial(is_unproven, direction="maximize")
    )
    made.judge.p_better = lambda challenger, incumbent: p_parent  # type: ignore[method-assign]
    made.loop = Loop(made.loop._parts, rules, made.loop._budget)
    made.run()
    tried = made.history.entry("x0000")
    assert (tried.p_parent, tried.unproven, tried.steers) == (p_parent, not leads, leads)
    lead = made.history.incumbent
    assert lead is not None
    assert lead.id == made.publisher.entries[-1].id == ("x0000" if leads else "s0000")


def test_a_program_is_compared_with_its_own_parent_where_another_one_leads() -> None:
    first = World(["900\n", "800\n"], judge=numbered, steps=2, calls=1).run()
    behind = dataclasses.replace(of_the_first("850\n"), parents=("s0001",), kind="seed")
    first.loop = Loop(
        dataclasses.replace(first.loop._parts, extras=ListedExtras(behind)),
        first.loop._rules,
        first.loop._budget,
    )
    first.run()
    tried = first.history.entry("x0000")
    assert (tried.incumbent, tried.parents) == ("s0000", ("s0001",))
    assert tried.p_better is not None
    assert tried.p_parent is not None
    assert tried.p_better < 0.5 < tried.p_parent


def test_twins_are_no_duplicates_and_finished_folds_cost_nothing() -> None:
    # The leader is far ahead of 1, which loses its race on its first fold.
    first = World(["900\n", "1\n"], judge=numbered, steps=2, calls=1).run()
    behind = first.history.entry("s0001")
    assert len(behind.folds) == 1
    twin = dataclasses.replace(behind.as_proposal("1\n"), kind="folds", extra=True)
    other = dataclasses.replace(twin, kind="seed", seed=99)
    first.loop = Loop(
        dataclasses.replace(first.loop._parts, extras=ListedExtras(twin, other)),
        first.loop._rules,
        first.loop._budget,
    )
    ran = len(first.runner.jobs)
    first.run()
    whole, seeded = first.history.entries[-2:]
    assert (whole.kind, whole.complete, len(whole.folds)) == ("folds", True, FOLDS)
    assert (seeded.kind, len(seeded.folds), seeded.folds[0].seed) == ("seed", 1, 99)
    assert len(first.runner.jobs) - ran == FOLDS - 1 + 1


def test_an_extra_stops_between_its_folds_for_a_step_and_goes_on_at_no_cost() -> None:
    made = world(steps=1)
    made.run()
    life = ProgramLife(made.loop._parts, made.loop._rules, made.loop._budget)
    answers = iter([False, True])
    running = extra("901\n")
    running = dataclasses.replace(running, id="x0000")
    assert life.finish(running, lambda: next(answers)) == "gave way"
    assert not made.events.of(ExtraDone)
    assert life.finish(running) == "done"
    folds = [event for event in made.events.of(FoldScored) if event.id == "x0000"]  # type: ignore[attr-defined]
    assert len(folds) == FOLDS


class OneBox:
    """A life whose extra runs until it must give way, and whose step ends when it did."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.began, self.left, self.tick = (threading.Event() for _ in range(3))
        self._steps = iter([proposal(Brief(0, "draft", 0), "1\n")])
        self._extras = iter([dataclasses.replace(extra("901\n"), id="x0000")])
        self._gone = False

    def unfinished(self) -> list[Proposal]:
        return []

    def may_start(self, in_flight: int) -> bool:
        return not self._gone

    def may_run_extras(self) -> bool:
        return True

    def propose(self) -> Proposal | None:
        """The program is there once the extra has the box."""
        assert self.began.wait(PATIENCE_S)
        self._gone = True
        return next(self._steps, None)

    def search_is_over(self) -> bool:
        return False

    def next_extra(self) -> Proposal | None:
        return next(self._extras, None)

    def finish(self, item: Proposal, give_way: Callable[[], bool] = lambda: False) -> Ending:
        self.log.append(f"{item.id} begins")
        if not item.extra:
            assert self.left.wait(PATIENCE_S)
            return self._ended(item)
        if self.left.is_set():
            return self._ended(item)
        self.began.set()
        for _ in range(3000):
            if give_way():
                self.log.append(f"{item.id} gives way")
                self.left.set()
                return "gave way"
            self.tick.wait(0.01)
        raise AssertionError("no step asked for the box")

    def _ended(self, item: Proposal) -> Ending:
        self.log.append(f"{item.id} ends")
        return "done"


def test_an_extra_makes_room_for_a_step_and_comes_back_after_it() -> None:
    box = OneBox()
    rules = Rules(1, 10, lambda text: (), lambda *_: True, lambda p_better: False, 1, 1)
    Slots(box, rules).run()  # type: ignore[arg-type]
    assert box.log == [
        "x0000 begins",
        "s0000 begins",
        "x0000 gives way",
        "s0000 ends",
        "x0000 begins",
        "x0000 ends",
    ]


class ShortPace(FreePace):
    """No time is left for extras."""

    def limit(self, proposal: Proposal, view: object) -> float:
        return 0.0 if proposal.extra else 60.0


def test_an_extra_that_finds_no_time_is_the_last_one() -> None:
    listed = ListedExtras(*(extra(f"{number}\n") for number in range(500, 510)))
    made = world(steps=1, extras=listed, pace=ShortPace()).run()
    assert made.history.extras_done == 0
    assert list(made.history.pending) == ["x0000"]


def test_a_kill_within_an_extra_is_made_good_and_it_is_still_no_step() -> None:
    first = world(steps=1, extras=ListedExtras(extra("901\n"), after=1))

    def stop_in_extra(job: Job) -> Outcome:
        if (job.program, job.view.fold) != ("901\n", 1):
            return CLEAN
        first.stop.reason = "SIGKILL"
        return dataclasses.replace(CLEAN, killed_for="stop")

    first.runner._script = stop_in_extra
    first.run()
    assert list(first.history.pending) == ["x0000"]
    for calls, extras in ((2, ListedExtras()), (0, None)):
        second = world(steps=1, calls=calls, extras=extras)
        second.programs._texts.update(first.programs._texts)
        second.judge.scores.update(first.judge.scores)
        for event in first.events.events:
            second._apply(event)
        assert second.history.next_extra == 1
        second.loop = Loop(second.loop._parts, second.loop._rules, second.loop._budget)
        second.run()
        if calls:
            assert second.history.entry("x0000").extra
            assert (second.history.steps_done, second.history.extras_done) == (1, 1)
            assert len(second.runner.jobs) == FOLDS - 1
        else:
            # All steps are done, and recipes run no extras: it stays where it was.
            assert list(second.history.pending) == ["x0000"]


def test_a_stop_leaves_what_waits_pending() -> None:
    made = world(steps=9, extras=ListedExtras(extra("901\n")))

    def stop(job: Job) -> Outcome:
        made.stop.reason = "SIGTERM"
        return dataclasses.replace(CLEAN, killed_for="stop")

    made.runner._script = stop
    made.run()
    assert made.history.entries == []
    assert made.history.pending
    assert not made.events.of(StepDone)


def test_a_value_that_may_not_run_is_left_out() -> None:
    listed = ListedExtras(extra("901\n"), extra("902\n"))
    made = world(steps=1, extras=listed, gate=lambda text: ("no",) if "901" in text else ()).run()
    assert {entry.plan for entry in made.history.entries} == {"1", "902"}
