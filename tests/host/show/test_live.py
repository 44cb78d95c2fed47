"""What a user sees while units run: from rows and files to lines, a table and plain text."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from swarm_host.disk.last_line import last_line
from swarm_host.records import (
    Grade,
    Handle,
    Mount,
    Outputs,
    RunConfig,
    UnitResult,
    UnitRow,
    UnitSpec,
    Usage,
)
from swarm_host.show.live import (
    Following,
    LiveLine,
    OutputCopy,
    PlainLines,
    Table,
    Watch,
    chosen,
    counted,
    in_words,
    watch,
)
from swarm_host.show.scores import PEEK_S, best_score
from swarm_host.states import State

LINE = LiveLine("u-1", "dummy", "churn", 2, "running", 1.25, 0.875, "epoch 3")


def row(
    folder: Path, state: State = "running", updated: float = 100.0, **changes: object
) -> UnitRow:
    run = RunConfig("i", (), str(folder), mounts=(Mount(str(folder / "ws"), "/home/workspace"),))
    spec = UnitSpec("u-1", "g", "dummy", "churn", 2, str(folder), run)
    made = UnitRow(spec, state, 1, "me", None, False, None, None, updated)
    return replace(made, **changes)  # type: ignore[arg-type]


def result(
    outcome: str = "ok", seconds: float | None = 90.0, score: float | None = 0.5
) -> UnitResult:
    grade = Grade(True, score, False)
    return UnitResult(
        "u-1",
        outcome,
        "all fine",
        None,
        grade,
        Usage(seconds),
        "docker",
        (),
        (),
        7.0,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"10 %\r20 %\r30 %", "30 %"),
        (b"one\n\n   \n\n", "one"),
        (b"\x1b[31mred\x1b[0m\x1b]0;title\x07\n", "red"),
        (b"a\x00b\x08c\xe2\x80\xaed\n", "a b c d"),
        (b"bad \xff utf\n", "bad \ufffd utf"),
        (b"x" * 10_000 + b"\nend\n", "end"),
        (b"", ""),
    ],
)
def test_last_line(tmp_path: Path, data: bytes, shown: str) -> None:
    (tmp_path / "log").write_bytes(data)
    assert last_line(tmp_path / "log") == shown
    assert last_line(tmp_path / "none") == ""


def test_a_log_that_is_a_pipe_or_a_link_is_not_waited_for(tmp_path: Path) -> None:
    """As one that an agent put there. Opened as any file, the pipe would wait for its writer."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "log").write_text("of another unit")
    (tmp_path / "link").symlink_to("log")
    program = (
        "import sys; from pathlib import Path; from swarm_host.disk.last_line import last_line"
    )
    program += "; print([last_line(Path(path)) for path in sys.argv[1:]])"
    words = [sys.executable, "-c", program, str(tmp_path / "pipe"), str(tmp_path / "link")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, env=environ, timeout=60)
    assert done.stdout == b"['', '']\n"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"best": {"score": 0.25}}', 0.25),
        ('{"best": {"score": null}}', None),
        ('{"best": {"score": NaN}}', None),
        ('{"best": {"score": "1"}}', None),
        ('{"best": {"score": true}}', None),
        ('{"best": null}', None),
        ("[]", None),
        ("{", None),
        ("[" * 100_000, None),
    ],
)
def test_best_score(tmp_path: Path, text: str, score: float | None) -> None:
    report = tmp_path / "run.json"
    report.write_text(text)
    assert best_score([tmp_path / "none", report]) == score


def test_a_report_that_is_a_link_a_pipe_or_huge_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('{"best": {"score": 1}}')
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "huge").write_text('{"best": {"score": 1}}' + " " * (1 << 20))
    os.mkfifo(tmp_path / "pipe")
    assert best_score([tmp_path / "link", tmp_path / "pipe", tmp_path / "huge"]) is None


@pytest.mark.parametrize(
    ("place", "logs"),
    [
        ("unit/logs", "/home/logs"),
        ("ws/logs", "/home/logs"),
        ("runs/.swarm/local/u-1-1/work/logs", "/home/logs"),
        ("runs/.swarm/local/u-1-1/work/logs", "logs"),
    ],
)
def test_a_running_unit_shows_phase_minutes_score_and_output(
    tmp_path: Path, place: str, logs: str
) -> None:
    folder = tmp_path / "unit"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "stdout.log").write_text("hello\nworld\n")
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "run.json").write_text(json.dumps({"best": {"score": 0.75}}))
    one = row(folder, handle=Handle("local", "u-1-1", "7"))
    mounts = (Mount(str(tmp_path / "ws" / "logs"), "/home/logs"),)
    run = replace(one.spec.run, mounts=mounts, outputs=Outputs(logs=logs))
    one = replace(one, spec=replace(one.spec, run=run))
    look = Watch(tmp_path / "runs", clock=lambda: 160.0)
    expected = LiveLine("u-1", "dummy", "churn", 2, "running", 1.0, 0.75, "world")
    assert look.lines([one]) == [expected]


class Container:
    """Looks into containers, as a test says, and remembers when."""

    def __init__(self, *found: bytes | None) -> None:
        self.found = list(found)
        self.looks: list[tuple[str, str]] = []

    def __call__(self, handle: Handle, path: str) -> bytes | None:
        self.looks.append((handle.name, path))
        return self.found.pop(0)


def in_a_container(folder: Path, number: int = 1, **changes: object) -> UnitRow:
    one = row(folder, handle=Handle("docker", f"u-{number}-1", "7"), **changes)  # type: ignore[arg-type]
    run = replace(one.spec.run, mounts=(), outputs=Outputs())
    return replace(one, spec=replace(one.spec, run=run, unit_id=f"u-{number}"))


def test_a_container_is_looked_into_seldom_and_not_at_its_start(tmp_path: Path) -> None:
    now = [100.0]
    container = Container(b'{"best": {"score": 0.5}}', b'{"best": {"score": 0.75}}', None)
    look = Watch(tmp_path, lambda: now[0], container)
    scores = []
    for _ in range(7):
        scores.append(look.lines([in_a_container(tmp_path)])[0].score)
        now[0] += PEEK_S / 2
    assert scores == [None, None, 0.5, 0.5, 0.75, 0.75, None]
    assert container.looks == [("u-1-1", "/home/logs/run.json")] * 3


def test_one_look_goes_into_one_container(tmp_path: Path) -> None:
    """A daemon that does not answer holds a display up once, not once per unit."""
    now = [100.0]
    container = Container(b'{"best": {"score": 1}}', b'{"best": {"score": 2}}')
    look = Watch(tmp_path, lambda: now[0], container)
    rows = [in_a_container(tmp_path, number) for number in (1, 2)]
    look.lines(rows)
    now[0] += PEEK_S
    assert [line.score for line in look.lines(rows)] == [1.0, None]
    assert [line.score for line in look.lines(rows)] == [1.0, 2.0]


def test_every_container_has_its_turn_where_looks_are_slow(tmp_path: Path) -> None:
    """Each look lasts so long that the first container is due again before the last one had a turn."""
    now = [100.0]
    names: list[str] = []

    def slow(handle: Handle, path: str) -> bytes:
        names.append(handle.name)
        now[0] += PEEK_S / 4
        return b"{}"

    look = Watch(tmp_path, lambda: now[0], slow)
    rows = [in_a_container(tmp_path, number) for number in range(1, 13)]
    look.lines(rows)
    now[0] += PEEK_S
    # The first one has ended, which costs the others one look.
    for _ in range(1 + 22):
        look.lines(rows[1:])
    assert names == [f"u-{number}-1" for number in range(2, 13)] * 2


@pytest.mark.parametrize("state", ["claimed", "starting", "collecting", "grading"])
def test_only_what_runs_is_looked_into(tmp_path: Path, state: State) -> None:
    now = [100.0]
    container = Container()
    look = Watch(tmp_path, lambda: now[0], container)
    for _ in range(3):
        assert look.lines([in_a_container(tmp_path, state=state)])[0].score is None
        now[0] += PEEK_S
    assert container.looks == []


def test_a_report_on_this_disk_spares_the_look(tmp_path: Path) -> None:
    now = [100.0]
    look = Watch(tmp_path, lambda: now[0], Container())
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "run.json").write_text('{"best": {"score": 3}}')
    for _ in range(3):
        assert look.lines([in_a_container(tmp_path)])[0].score == 3.0
        now[0] += PEEK_S


def test_a_score_that_is_not_known_is_a_dash() -> None:
    stream = io.StringIO()
    table = Table(stream)
    table.show([replace(LINE, score=None)])
    table.close()
    assert " - " in stream.getvalue()


def test_only_a_table_asks_for_scores(tmp_path: Path) -> None:
    table = Table(io.StringIO())
    table.close()
    shown = [table, PlainLines(print), Following(table, OutputCopy({}))]
    assert [display.shows_scores for display in shown] == [True, False, True]


def test_minutes_go_on_through_states_and_stop_at_the_end(tmp_path: Path) -> None:
    now = [100.0]
    look = Watch(tmp_path, clock=lambda: now[0])
    assert look.lines([row(tmp_path, "queued")])[0].minutes is None
    assert look.lines([row(tmp_path, "claimed")])[0].minutes == 0.0
    now[0] = 220.0
    assert look.lines([row(tmp_path, "running", updated=200.0)])[0].minutes == 2.0
    now[0] = 1000.0
    ended = row(tmp_path, "done", updated=400.0, result=result(seconds=None))
    assert look.lines([ended])[0].minutes == 5.0
    told = row(tmp_path, "done", updated=400.0, result=result())
    line = look.lines([told])[0]
    assert (line.phase, line.minutes, line.score, line.last) == ("ok", 1.5, 0.5, "all fine")


@pytest.mark.parametrize("state", ["queued", "cancelled"])
def test_a_unit_that_waits_again_shows_nothing_of_its_last_attempt(
    tmp_path: Path, state: State
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "stdout.log").write_text("of the first attempt\n")
    now = [100.0]
    look = Watch(tmp_path, clock=lambda: now[0])
    assert look.lines([row(tmp_path, "running")])[0].last == "of the first attempt"
    now[0] = 700.0
    (line,) = look.lines([row(tmp_path, state, updated=700.0)])
    said = "cancelled before attempt 2 began" if state == "cancelled" else ""
    assert (line.phase, line.minutes, line.score, line.last) == (state, None, None, said)
    # The next attempt has minutes of its own.
    now[0] = 760.0
    assert look.lines([row(tmp_path, "running", updated=700.0)])[0].minutes == 1.0


def test_plain_lines_tell_each_change_once() -> None:
    said: list[str] = []
    plain = PlainLines(said.append, clock=lambda: 0.0)
    queued = replace(LINE, phase="queued")
    for line in (queued, LINE, replace(LINE, last="epoch 4"), replace(LINE, phase="ok")):
        plain.show([line])
    assert [text[9:] for text in said] == [
        "u-1 (dummy churn seed 2): running, 1.2 min, score 0.875, epoch 3",
        "u-1 (dummy churn seed 2): ok, 1.2 min, score 0.875, epoch 3",
    ]


def test_a_plain_run_has_no_competition_in_its_line() -> None:
    bare = LiveLine("r-1", "my-agent:latest", "", 0, "starting", 0.0, None, "")
    assert in_words(bare) == "r-1 (my-agent:latest): starting"


def test_the_table_takes_hostile_output_as_text() -> None:
    stream = io.StringIO()
    table = Table(stream)
    table.show([replace(LINE, last="[bold]not markup[/bold] [link=x]y")])
    table.say("[red]a sentence")
    table.close()
    shown = stream.getvalue()
    assert "[bold]not markup[/bold]" in shown
    assert "[red]a sentence" in shown
    assert "0.875" in shown


def test_a_screen_shows_what_runs_before_what_waits() -> None:
    phases = ["ok", "queued", "running", "timeout", "queued", "grading", "ok"]
    lines = [replace(LINE, unit=f"u{at}", phase=phase) for at, phase in enumerate(phases)]
    assert [line.unit for line in chosen(lines, 99)] == [line.unit for line in lines]
    assert [line.unit for line in chosen(lines, 2)] == ["u2", "u5"]
    assert [line.unit for line in chosen(lines, 4)] == ["u0", "u2", "u3", "u5"]
    assert counted(lines) == "1 grading, 2 ok, 2 queued, 1 running, 1 timeout"
    assert counted(lines[:1]) == ""


def test_the_table_fits_its_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    stream = io.StringIO()
    table = Table(stream)
    table.show([replace(LINE, unit=f"u{at}", phase="queued") for at in range(200)])
    table.close()
    shown = stream.getvalue()
    assert "200 queued" in shown
    assert shown.count("dummy") == 6


def test_output_is_copied_once_and_by_stream(tmp_path: Path) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    copy = OutputCopy({tmp_path / "stdout.log": out, tmp_path / "stderr.log": err})
    copy.copy()
    (tmp_path / "stdout.log").write_bytes(b"one\n")
    copy.copy()
    with (tmp_path / "stdout.log").open("ab") as log:
        log.write(b"two")
    (tmp_path / "stderr.log").write_bytes(b"!\n")
    copy.copy()
    copy.copy()
    assert (out.getvalue(), err.getvalue()) == (b"one\ntwo", b"!\n")


class _Broken(io.BytesIO):
    def write(self, data: object) -> int:
        raise BrokenPipeError


def test_a_closed_pipe_ends_the_copy_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stdout.log").write_bytes(b"one\n")
    said: list[str] = []
    copy = OutputCopy({tmp_path / "stdout.log": _Broken()})
    following = Following(PlainLines(said.append), copy)
    following.show([LINE])
    following.show([replace(LINE, phase="ok")])
    following.close()
    assert len(said) == 2


class _Rows:
    """As much of a store as is looked at. Each look finds the next state."""

    def __init__(self, folder: Path, stop: threading.Event) -> None:
        self._rows = [row(folder, "claimed"), row(folder, "running")]
        self._end = row(folder, "done", result=result())
        self._stop = stop

    def units(self, group: str | None = None) -> Sequence[UnitRow]:
        if self._rows:
            return [self._rows.pop(0)]
        self._stop.set()
        return [self._end]


def test_watch_shows_the_end_too(tmp_path: Path) -> None:
    stop = threading.Event()
    said: list[str] = []
    store = _Rows(tmp_path, stop)
    watch(store, ["g"], Watch(tmp_path, lambda: 100.0), PlainLines(said.append), stop)  # type: ignore[arg-type]
    assert [text.partition("): ")[2].partition(",")[0] for text in said] == [
        "claimed",
        "running",
        "ok",
    ]
