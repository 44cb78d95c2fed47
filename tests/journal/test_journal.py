"""The journal file and the state that is folded from it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from core.contract import Folders
from core.doubles import ManualClock, entry, proposal
from core.evaluation import summarise
from core.events import TYPES, ExtraDone, FoldScored, ProposalFailed, Proposed, Published, StepDone
from core.genome import digest
from core.journal.history import History
from core.journal.journal import Journal, read_lines
from core.journal.programs import ProgramStore
from core.publishing.report import ReportKeeper
from core.records import Best, Brief, Entry, ErrorInfo, Outcome
from utils.errors import ResumeError, UsageError

Opener = Callable[..., Journal]
CONTRACT_TYPES = (
    "run_started spec baseline llm_call proposal proposal_failed probe fold step epoch persona skill published "
    "ensemble final_pick refit resumed lost run_ended extra brief plans errors likeness blend suspicion"
).split()
NASTY = "\x00\x1b[31m\udcff\u2028" + "é" * 3 + '\\"'


def record(journal: Journal, programs: ProgramStore, made: Entry) -> None:
    text = f"# {made.id}\n"
    offer = proposal(Brief(made.step, "draft", 7), text)
    journal.append(Proposed(offer, programs.put(text)))
    for fold in made.folds:
        journal.append(FoldScored(made.id, fold, 60.0))
    journal.append(StepDone(made))


@pytest.fixture
def programs(tmp_path: Path) -> ProgramStore:
    return ProgramStore(tmp_path / "programs")


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens journals and closes them after the test."""
    with ExitStack() as stack:

        def open_journal(
            path: Path, listen: Callable[[dict[str, object]], None] = lambda line: None
        ) -> Journal:
            journal = Journal(path, ManualClock(), listen)
            stack.callback(journal.close)
            return journal

        yield open_journal


def replay(path: Path, programs: ProgramStore) -> History:
    history = History(programs.get)
    for line in read_lines(path)[0]:
        history.apply(line)
    return history


def test_every_event_type_of_the_contract_exists() -> None:
    assert sorted(TYPES) == sorted(CONTRACT_TYPES)


def test_replay_equals_the_live_state(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    live = History(programs.get)
    journal = opened(tmp_path / "journal.jsonl", live.apply)
    for number, score in enumerate([0.7, None, 0.8]):
        record(journal, programs, entry(f"s{number:04d}", score, steers=score is not None))
    journal.append(ProposalFailed(3, "draft", "nothing new"))
    journal.append(Published(Best("s0002", "draft", 0.8, 0.01, "holdout"), 10, "ab", "local"))
    again = replay(tmp_path / "journal.jsonl", programs)
    assert again.entries == live.entries
    assert again.incumbent == live.incumbent
    assert again.incumbent is not None
    assert again.incumbent.id == "s0002"
    assert again.next_step == live.next_step == 4
    assert again.published == live.published
    assert not again.pending


@pytest.mark.parametrize(
    "torn", [b'{"v":1,"se', b'{"v":1,"seq":2}', b"\x00\x00\n", b'{"v":1,"seq":9,"t":1}\n']
)
def test_a_torn_last_line_is_cut_off_and_the_journal_goes_on(
    tmp_path: Path, opened: Opener, programs: ProgramStore, torn: bytes
) -> None:
    path = tmp_path / "journal.jsonl"
    first = opened(path)
    first.append(ProposalFailed(0, "draft", "a"))
    first.append(ProposalFailed(1, "draft", "b"))
    first.close()
    path.write_bytes(path.read_bytes() + torn)
    second = opened(path)
    second.append(ProposalFailed(2, "draft", "c"))
    lines, good = read_lines(path)
    assert [line["reason"] for line in lines] == ["a", "b", "c"]
    assert [line["seq"] for line in lines] == [0, 1, 2]
    assert good == path.stat().st_size


def test_lesson_37_a_step_stays_below_20_kb_whatever_a_program_prints(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    shout = NASTY * 100_000
    error = ErrorInfo("ValueError", shout, shout)
    loud = Outcome(1, None, False, 1.0, 1.0, 1.0, error, shout)
    path = tmp_path / "journal.jsonl"
    journal = opened(path)
    record(journal, programs, entry("s0000", 0.5, folds=[0.5] * 5, outcome=loud))
    assert path.stat().st_size <= 20_000
    lines = [
        json.loads(raw, parse_constant=pytest.fail)
        for raw in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) == 7
    assert len(lines[-1]["outcome"]["tail"].encode()) <= 4_000


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "journal.jsonl"
    journal = opened(path)
    journal.append(ProposalFailed(0, "draft", "a"))

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    real = journal._file
    journal._file = Full(real)  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space"):
        journal.append(ProposalFailed(1, "draft", "b"))
    journal._file = real
    journal.append(ProposalFailed(1, "draft", "c"))
    assert [line["reason"] for line in read_lines(path)[0]] == ["a", "c"]


def test_a_journal_has_one_writer(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "journal.jsonl"
    first = opened(path)
    first.append(ProposalFailed(0, "draft", "a"))
    with pytest.raises(ResumeError, match="another run"):
        opened(path)
    first.append(ProposalFailed(1, "draft", "b"))
    assert len(read_lines(path)[0]) == 2


def test_pending_proposals_wait_for_their_step(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    history = History(programs.get)
    journal = opened(tmp_path / "journal.jsonl", history.apply)
    offer = proposal(Brief(0, "draft", 7), "x = 1\n")
    journal.append(Proposed(offer, programs.put(offer.program)))
    assert replay(tmp_path / "journal.jsonl", programs).pending == {"s0000": offer}


def test_programs_are_kept_by_digest(programs: ProgramStore) -> None:
    key = programs.put("print(1)\n")
    assert key == digest("print(1)\n")
    assert programs.get(key) == "print(1)\n"


def test_a_program_comes_back_as_it_was_written(programs: ProgramStore) -> None:
    text = "x = 1\r\ny = 2\r\n"
    assert programs.get(programs.put(text)) == text


@pytest.mark.parametrize("damage", [None, b"", b"print(2)\n", b"\xff"])
def test_a_program_that_is_gone_or_damaged_is_one_clear_line(
    programs: ProgramStore, damage: bytes | None
) -> None:
    key = programs.put("print(1)\n")
    path = programs.path(key)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(UsageError, match="missing or damaged"):
        programs.get(key)


def test_every_line_is_on_the_disk_before_append_returns(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    journal = opened(path)
    for number in range(3):
        journal.append(ProposalFailed(number, "draft", "no program"))
        assert synced[number:] == [path.stat().st_size]


def test_replay_of_500_steps_is_complete(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = opened(path)
    for number in range(500):
        record(journal, programs, entry(f"s{number:04d}", number / 500, folds=[number / 500] * 5))
    assert replay(path, programs).steps_done == 500


def test_lesson_36_what_an_event_costs_does_not_grow_with_the_run(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    folders = Folders(tmp_path / "w", tmp_path / "l", tmp_path / "s", tmp_path / "c")
    history = History(programs.get)
    report = ReportKeeper(history, folders, lambda: 1.0)
    journal = opened(tmp_path / "journal.jsonl", history.apply)
    sizes = []
    for number in range(60):
        before = journal.path.stat().st_size
        record(journal, programs, entry(f"s{number:04d}", 0.5))
        report.write()
        sizes.append(folders.run_json.stat().st_size + journal.path.stat().st_size - before)
    assert max(sizes) < min(sizes) + 100


def test_a_journal_that_is_damaged_in_the_middle_is_kept_aside(
    tmp_path: Path, opened: Opener, programs: ProgramStore, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = opened(path)
    for number in range(3):
        record(journal, programs, entry(f"s{number:04d}", 0.5))
    journal.close()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    torn = b"".join(lines[:-1]) + lines[-1][:10]
    path.write_bytes(torn)
    opened(path).close()
    assert not caplog.records
    damaged = b"".join([*lines[:4], b"\x00 garbage\n", *lines[5:]])
    path.write_bytes(damaged)
    opened(path).close()
    assert path.read_bytes() == b"".join(lines[:4])
    assert path.with_name("journal.damaged.jsonl").read_bytes() == damaged
    assert "is damaged behind line 4" in caplog.text


def test_what_is_no_step_moves_no_count_of_steps(
    tmp_path: Path, opened: Opener, programs: ProgramStore
) -> None:
    history = History(programs.get)
    journal = opened(tmp_path / "journal.jsonl", history.apply)
    record(journal, programs, entry("s0000", 0.5, folds=[0.5]))
    for number in range(2):
        journal.append(ProposalFailed(number + 1, "mutate", "no answer"))
    made = proposal(Brief(1, "draft", 7), "x = 1\n")
    extra = replace(made, id="x0000", extra=True, author="recipes")
    journal.append(Proposed(extra, programs.put(extra.program)))
    before = (history.next_step, history.failed_in_a_row, history.llm.unanswered, history.taught)
    assert before == (3, 2, 1, 0)
    assert history.next_extra == 1
    assert list(history.pending) == ["x0000"]
    done = replace(entry("x0000", 0.9, folds=[]), extra=True)
    journal.append(ExtraDone(done))
    assert (history.steps_done, history.extras_done, history.failed_in_a_row) == (1, 1, 2)
    again = replay(tmp_path / "journal.jsonl", programs)
    assert (again.next_extra, again.next_step, again.extras_done) == (1, 3, 1)


@pytest.mark.parametrize(
    ("author", "extra", "change"),
    [("recipes", False, "A 1 -> 2"), ("model", True, "A 1 -> 2"), ("model", False, "")],
)
def test_a_journal_from_before_changes_were_carried_has_them_in_plans(
    programs: ProgramStore, author: str, extra: bool, change: str
) -> None:
    """What a model wrote in brackets was never a change."""
    made = StepDone(replace(entry("s0001", 0.7, folds=[]), plan="trees [A 1 -> 2]")).fields()
    line = made | {"type": "step", "t": 1.0, "author": author, "extra": extra}
    history = History(programs.get)
    history.apply(line | {"change": "B 3 -> 4"})
    line.pop("change")
    history.apply(line)
    assert [step.change for step in history.entries] == ["B 3 -> 4", change]


def test_an_entry_gives_back_the_proposal_that_it_came_of() -> None:
    offer = replace(
        proposal(Brief(1, "mutate", 7, locus="MODEL"), "x = 1\n"),
        change="MODEL: A 1 -> 2",
        hypothesis="why",
        told_s=9.0,
        skills=("k1",),
    )
    folds = [replace(fold, seed=offer.seed) for fold in entry("s0001", 0.7).folds]
    assert summarise(offer, folds, len(folds), None).as_proposal("x = 1\n") == offer
