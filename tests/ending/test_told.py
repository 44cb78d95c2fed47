"""What authors are told of held-out rows: asked once, journalled, taken from the journal afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from core.doubles import EventList, entry, view
from core.ending.likeness import MOST_READ, rivalry_of
from core.ending.told import CANDIDATES_SO_FAR, BlendSoFar, ErrorReports
from core.events import BlendSeen, ErrorsSeen, Event, LikenessSeen
from core.evolution.diversity import genes_in_common
from core.journal.history import History
from core.judging.service import BlendChoice
from core.records import Ensemble, Entry, ErrorGroup, ErrorReport, ErrorTable, View
from tests.core.paper_spec import paper_spec
from utils.errors import WorkerError

REPORT = ErrorReport(
    800, ("rmse 2", "bias"), (ErrorTable("by hour (rmse)", (ErrorGroup("night", 30, 1.5, 0.2),)),)
)


class Asked:
    """A judge that answers from what it was given, and remembers what it was asked."""

    def __init__(self, answer: object) -> None:
        self._answer = answer
        self.asked: list[object] = []

    def _next(self, question: object) -> object:
        self.asked.append(question)
        if isinstance(self._answer, WorkerError):
            raise self._answer
        return self._answer

    def error_correlation(self, a: Sequence[str], b: Sequence[str]) -> float | None:
        return self._next((list(a), list(b)))  # type: ignore[return-value]

    def error_report(self, names: Sequence[str], views: Sequence[View]) -> ErrorReport | None:
        return self._next((list(names), [each.name for each in views]))  # type: ignore[return-value]

    def select(self, candidates: Sequence[tuple[str, Sequence[str]]]) -> BlendChoice | None:
        return self._next([name for name, _ in candidates])  # type: ignore[return-value]


def remembered(*entries: Entry) -> tuple[History, EventList]:
    """A history with these entries, and a recorder that writes into it."""
    history = History(lambda key: "")
    history.entries.extend(entries)
    lines: list[Event] = []

    def listen(event: Event) -> None:
        lines.append(event)
        line = {"v": 1, "seq": len(lines), "t": 1.0, "type": event.type} | event.fields()
        history.apply(line)

    return history, EventList(listen)


# ---------------------------------------------------------------- likeness


def test_a_pair_is_asked_once_and_journalled() -> None:
    first, second = entry("s0000", 0.6, folds=[0.6, 0.6]), entry("s0001", 0.9)
    history, recorder = remembered(first, second)
    judge = Asked(0.25)
    alike = rivalry_of(history, recorder, judge, paper_spec())
    assert alike(first, second) == alike(second, first) == 0.25
    assert judge.asked == [(["s0000-0", "s0000-1"], ["s0001-0", "s0001-1", "s0001-2"])]
    assert recorder.events == [LikenessSeen("s0000", "s0001", 0.25)]
    # A replay has the journal and no judge.
    again = rivalry_of(history, recorder, Asked(WorkerError("no worker")), paper_spec())
    assert again(second, first) == 0.25
    assert alike(first, first) == 1.0


@pytest.mark.parametrize("answer", [None, float("nan"), WorkerError("gone")])
def test_genes_stand_in_where_errors_cannot_be_compared(answer: object) -> None:
    first, second = (
        dataclasses.replace(entry(f"s{i}", 0.6), genes={"DATA": "a", "MODEL": str(i)})
        for i in range(2)
    )
    history, recorder = remembered(first, second)
    judge = Asked(answer)
    alike = rivalry_of(history, recorder, judge, paper_spec())
    assert alike(first, second) == alike(first, second) == 0.5
    # Nor is it asked again and again.
    assert len(judge.asked) == 1
    assert recorder.events == []


def test_entries_without_predictions_are_not_asked_about() -> None:
    first, second = entry("s0000", 0.6), entry("s0001", 0.9)
    lost = first.without_predictions([fold.key for fold in first.folds])
    history, recorder = remembered(lost, second)
    judge = Asked(0.25)
    assert rivalry_of(history, recorder, judge, paper_spec())(lost, second) == genes_in_common(
        lost, second
    )
    assert judge.asked == []


def test_very_many_test_rows_are_not_read() -> None:
    history, recorder = remembered()
    many = paper_spec(rows_test=MOST_READ + 1)
    assert rivalry_of(history, recorder, Asked(0.2), many) is genes_in_common


# ---------------------------------------------------------------- reports


def test_a_report_is_asked_once_and_comes_back_out_of_the_journal() -> None:
    history, recorder = remembered(entry("s0000", 0.6, folds=[0.6]))
    judge = Asked(REPORT)
    errors = ErrorReports(history, recorder, judge, lambda: [view("search0")])
    assert errors("s0000") == errors("s0000") == REPORT
    assert judge.asked == [(["s0000-0"], ["search0"])]
    assert recorder.of(ErrorsSeen) == [ErrorsSeen("s0000", REPORT)]
    replayed = ErrorReports(history, recorder, Asked(WorkerError("none")), lambda: [])
    assert replayed("s0000") == REPORT


@pytest.mark.parametrize("answer", [None, WorkerError("gone")])
def test_no_report_is_not_asked_for_again(answer: object) -> None:
    history, recorder = remembered(entry("s0000", 0.6), entry("s0001", None))
    judge = Asked(answer)
    errors = ErrorReports(history, recorder, judge, lambda: [view("search0")])
    assert errors("s0000") is None
    assert errors("s0000") is None
    assert errors("s0001") is None
    assert errors("unknown") is None
    assert len(judge.asked) == 1
    assert recorder.events == []


# ---------------------------------------------------------------- the blend so far


def chosen(*members: tuple[str, float], p_better: float = 0.9) -> BlendChoice:
    return BlendChoice(Ensemble(members, "rank", 0.9, 0.01), "s0001", 0.8, 0.02, p_better)


def blend_of(history: History, recorder: EventList, judge: Asked) -> BlendSoFar:
    return BlendSoFar(paper_spec(), history, recorder, judge, lambda a, b: 0.5)


def test_the_blend_is_made_anew_where_its_candidates_changed() -> None:
    history, recorder = remembered(entry("s0000", 0.6), entry("s0001", 0.9))
    judge = Asked(chosen(("s0001", 0.7), ("s0000", 0.3)))
    blend = blend_of(history, recorder, judge)
    assert blend() == blend() == Ensemble((("s0001", 0.7), ("s0000", 0.3)), "rank", 0.9, 0.01)
    assert judge.asked == [["s0001", "s0000"]]
    # Neither a failure nor a program that was raced out is a member.
    history.entries += [entry("s0002", None), entry("s0003", 0.95, complete=False)]
    blend()
    assert len(judge.asked) == 1
    history.entries.append(entry("s0004", 0.7))
    blend()
    assert judge.asked[1:] == [["s0001", "s0004", "s0000"]]
    # The same answer is no news.
    assert len(recorder.of(BlendSeen)) == 1


def test_a_single_program_is_told_where_no_blend_beats_it() -> None:
    history, recorder = remembered(entry("s0000", 0.6), entry("s0001", 0.9))
    weak = chosen(("s0001", 0.7), ("s0000", 0.3), p_better=0.4)
    blend = blend_of(history, recorder, Asked(weak))
    assert blend() == Ensemble((("s0001", 1.0),), "rank", 0.8, 0.02)


def test_one_program_is_no_blend_and_twins_are_one() -> None:
    history, recorder = remembered(entry("s0000", 0.6))
    judge = Asked(chosen(("s0000", 1.0)))
    assert blend_of(history, recorder, judge)() is None
    history.entries.append(entry("s0001", 0.9))
    same = BlendSoFar(paper_spec(), history, recorder, judge, lambda a, b: 1.0)
    assert same() is None
    assert judge.asked == []


def test_not_all_programs_are_candidates() -> None:
    every = [entry(f"s{number:04d}", number / 100) for number in range(CANDIDATES_SO_FAR + 5)]
    history, recorder = remembered(*every)
    judge = Asked(None)
    assert blend_of(history, recorder, judge)() is None
    assert [len(names) for names in judge.asked] == [CANDIDATES_SO_FAR]  # type: ignore[arg-type]


def test_a_lost_worker_leaves_the_last_blend() -> None:
    history, recorder = remembered(entry("s0000", 0.6), entry("s0001", 0.9))
    history.blend = Ensemble((("s0000", 1.0),), "rank", 0.6, 0.01)
    assert blend_of(history, recorder, Asked(WorkerError("gone")))() == history.blend
