"""list, show and compare on a folder of runs with some history."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from swarm_host.cli.comparing import print_comparison
from swarm_host.compare.records import Cell, Comparison
from swarm_host.launch.facts import unit_facts
from swarm_host.records import Grade

from tests.host.cli.conftest import ROOT, Answer, Commands


def test_groups_are_listed_with_what_became_of_them(history: Commands) -> None:
    said = history("list")
    assert said.status == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["group", "agent", "status", "ended", "outcomes", "notes"]
    assert lines[3].split()[:4] == ["g2", "agent-g2", "completed", "2/2"]
    assert "ok 1, lost 1" in lines[3]
    facts = history("list", "--json").json
    assert [one["outcomes"] for one in facts] == [{"no_submission": 1}, {"ok": 2}, {"ok": 1, "lost": 1}]  # fmt: skip


def test_units_are_listed_by_state_and_outcome(history: Commands) -> None:
    assert len(history("list", "--units", "--json").json) == 5
    lost = history("list", "--state", "lost", "--json").json
    # What sweep and worker tell of a unit, and minutes.
    store = history.store()
    told = unit_facts(store.unit("g2-u2"))
    store.close()
    assert lost == [told | {"min": round(told["seconds"] / 60, 1)}]
    assert [(one["unit"], one["message"]) for one in lost] == [("g2-u2", "it is gone")]
    assert history("list", "g1", "--state", "running", "--json").json == []
    assert "g1-u2" in history("list", "--units", "last").out


def test_one_unit_is_shown_in_full(history: Commands) -> None:
    said = history("show", "g1-u1", "--events")
    facts = dict(line.split(None, 1) for line in said.out.splitlines() if line[:1].strip())
    assert (facts["outcome"], facts["score"], facts["backend"]) == ("ok", "0.5", "fake")
    assert '"to": "claimed"' in said.out
    (whole,) = history("show", "g1-u1", "--json", "--events").json
    assert whole["result"]["grade"]["score"] == 0.5
    assert [event["kind"] for event in whole["events"]] == ["state"] * 3


READING = (("list", "--units"), ("show", "g2-u2"), ("compare",), ("logs", "g1-u1", "--json"))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("left", ["closed", "killed"])
def test_a_folder_that_cannot_be_written_is_read(
    history: Commands, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = history.runs / ".swarm"
    said = [history(*words).out for words in READING]
    if left == "killed":
        # As after kill -9: the newest changes are in the journal of SQLite alone.
        store = history.store()
        store.retry("g2-u2")
        files = [state / "store.sqlite", state / "store.sqlite-wal"]
        killed = [path.read_bytes() for path in files]
        store.close()
        said = [history(*words).out for words in READING]
        for path, data in zip(files, killed, strict=True):
            path.write_bytes(data)

    def refuse(path: Path, mode: int) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    connect = sqlite3.connect

    def as_on_such_a_disk(path: object, **named: Any) -> Any:
        """SQLite cannot make its files beside the store."""
        if "mode=ro" in str(path):
            raise sqlite3.OperationalError("unable to open database file")
        return connect(path, **named)

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(sqlite3, "connect", as_on_such_a_disk)
    before = tree(history.runs)
    assert [history(*words).out for words in READING] == said
    assert tree(history.runs) == before
    refused = history("retry", "g1-u1", "--queue")
    assert (refused.status, "Read-only file system" in refused.err) == (2, True)


def as_a_stranger(history: Commands, *words: str) -> Answer:
    """The command of a process that may not look into folders that are closed."""
    # root may look into all of them, unless it gives that up.
    gives_up = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    before = gives_up if os.geteuid() == 0 else []
    done = subprocess.run(
        [*before, sys.executable, "-m", "swarm_host", *words, "--runs", str(history.runs)],
        env=history.environ | {"PYTHONPATH": str(ROOT / "host")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def close() -> Iterator[Callable[[Path], None]]:
    """Closes folders until the end of the test."""
    closed: list[Path] = []

    def shut(folder: Path) -> None:
        folder.chmod(0)
        closed.append(folder)

    yield shut
    for folder in reversed(closed):
        folder.chmod(0o700)


needs_setpriv = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv"
)


@needs_setpriv
def test_a_folder_of_another_user_is_read_without_its_store(
    history: Commands, close: Callable[[Path], None]
) -> None:
    said = [history(*words).out for words in READING]
    close(history.runs / ".swarm")
    answers = [as_a_stranger(history, *words) for words in READING]
    assert [(answer.status, answer.out) for answer in answers] == [(0, out) for out in said]
    refused = as_a_stranger(history, "retry", "g1-u1", "--queue")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "cannot be opened: Permission denied" in refused.err


@needs_setpriv
def test_a_folder_that_is_closed_to_others_is_told_in_a_line(
    history: Commands, close: Callable[[Path], None]
) -> None:
    close(history.runs)
    said = as_a_stranger(history, "list")
    assert (said.status, said.out, said.err.count("\n")) == (2, "", 1)
    assert f"nothing in {history.runs} can be read" in said.err


def test_agents_are_compared(history: Commands) -> None:
    said = history("compare")
    assert said.status == 0
    assert "toy          0.6 ± 0.14 (2/2), 1 passed*" not in said.out
    assert "0.6 ± 0.14 (2/2), 1 passed" in said.out
    # One run has no spread, which is said; one pair has no interval.
    assert "0.4 ± ? (1/2), 0 passed" in said.out
    assert "+0.1 [one pair: no interval]" in said.out
    assert "without a result: g2-u2 (lost)" in said.out
    assert "agent-g1*" in said.out
    assert "warning: agent-g1: isolation none" in said.out
    assert "Student's t" in said.out
    assert "agent-g1  0.016667 ± 0  -" in said.out
    facts = history("compare", "--json").json
    assert facts["without_result"] == {"g2-u2": "lost"}
    assert facts["ranks"][0] == {"who": "agent-g1", "rank": 1.0, "spread": None, "blocks": 1}


WORDS = ("spread: ", "ended badly: ", "passed: ", "difference: ", "won: ", "rank: ", "p: ")


def explained(said: str) -> list[str]:
    return [word for word in WORDS if f"\n{word}" in said]


def test_a_comparison_explains_the_words_that_it_uses_and_no_others(
    history: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    said = history("compare").out
    assert explained(said) == [word for word in WORDS if word != "ended badly: "]
    assert "a tie is half a win" in said
    alone = history("compare", "g1").out
    assert "passed" in alone
    assert explained(alone) == ["spread: ", "passed: "]
    late = Cell("a", "c", 2, 2, 1, 0, 0, 0.5, 0.1, None, ())
    print_comparison(Comparison(("a",), ("c",), {}, (late,), (), (), (), (), {}, ()))
    shown = capsys.readouterr().out
    assert "1 ended badly" in shown
    assert explained(shown) == ["spread: ", "ended badly: "]


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        ({"beats_references": {"mean": True, "best": False}}, "beats all references  False"),
        ({"any_medal": False, "beats_references": True}, "any medal    False"),
    ],
)
def test_show_says_what_a_unit_did_not_pass(
    history: Commands, report: dict[str, object], shown: str
) -> None:
    store = history.store()
    row = store.unit("g1-u1")
    assert row.result is not None
    grade = Grade(True, 0.5, False, passed=False, report=report)
    store.amend("g1-u1", replace(row.result, grade=grade))
    store.close()
    said = history("show", "g1-u1").out
    assert shown in said
    assert "passed" not in said


def test_a_unit_that_is_cancelled_before_its_next_attempt_shows_nothing_of_the_last(
    history: Commands,
) -> None:
    assert history("retry", "g1-u1", "--queue", "--ok").status == 0
    assert history("cancel", "g1-u1").status == 0
    (one,) = history("list", "--units", "g1-u1", "--json").json
    assert one["message"] == "cancelled before attempt 2 began"
    assert (one["outcome"], one["score"], one["min"]) == ("cancelled", None, None)


def test_what_is_compared_is_chosen(history: Commands) -> None:
    assert history("compare", "--all", "--json").json["who"] == ["dummy", "agent-g1", "agent-g2"]
    assert history("compare", "--by", "group", "--json").json["who"] == ["g1", "g2"]
    said = history("compare", "--against", "agent-g2", "--json").json
    assert [(one["first"], one["second"]) for one in said["differences"]] == [("agent-g1", "agent-g2")]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--against", "agent-g3"], "nearest: agent-g2"),
        (["--all", "g1"], "exclude each other"),
        (["g9"], "no unit, group or sweep"),
    ],
)
def test_wrong_comparisons_are_refused(history: Commands, words: list[str], message: str) -> None:
    said = history("compare", *words)
    assert said.status == 2
    assert message in said.err


def test_a_state_that_does_not_exist_is_refused_with_those_there_are(history: Commands) -> None:
    said = history("list", "--units", "--state", "foo")
    assert (said.status, said.out) == (2, "")
    assert "queued" in said.err
    assert "unhealthy" in said.err
    assert "nearest: running" in history("list", "--state", "runing").err
