"""start.sh with an adapter that misbehaves in one way per test."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.image.starting import BASH, LIMIT_S, PRINTABLE, Place, finish, is_alive, wait_for

KEY = "sk-very-secret-0123"
STARTS = 6


# ---------------------------------------------------------------- words, status, environment


def test_words_and_exit_status_are_passed_on(place: Place) -> None:
    place.adapter("sys.exit(7)")
    ran = place.run("agent.max_steps=3", "task.target_columns=[a, b]")
    assert ran.code == 7
    keys = {
        "project.log_dir": "logs",
        "output.submission_dir": "submission",
        "output.code_dir": "code",
    }
    folders = [f"{key}={place.root / name}" for key, name in keys.items()]
    assert place.starts == [[*folders, "agent.max_steps=3", "task.target_columns=[a, b]"]]


@pytest.mark.parametrize("code", [1, 2])
def test_the_contracts_exit_statuses_start_nothing_again(place: Place, code: int) -> None:
    place.adapter(f"sys.exit({code})")
    assert place.run().code == code
    assert len(place.starts) == 1


def test_the_adapter_runs_in_its_folder_with_the_environments_python(place: Place) -> None:
    place.adapter("print('here', os.getcwd(), sys.executable, repr(sys.stdin.read()))")
    python = Path(sys.executable).parent / "python"
    assert f"here {place.root / 'agent'} {python} ''\n" in place.run().text


def test_one_line_about_the_hardware(place: Place) -> None:
    (line,) = [line for line in place.run().text.splitlines() if "hardware" in line]
    assert "core" in line
    assert "memory" in line
    assert "GPU" in line or "(" in line


def test_no_such_environment_is_one_clear_line(place: Place) -> None:
    ran = place.run(CONDA_ENV_NAME="other")
    assert ran.code == 1
    assert "error: there is no conda environment other" in ran.text
    assert place.starts == []


def test_without_conda_too(place: Place) -> None:
    (place.root / "bin" / "conda").unlink()
    ran = place.run(PATH=f"{place.root / 'bin'}:/usr/bin:/bin")
    assert ran.code == 1
    assert "error: there is no conda environment agent" in ran.text


@pytest.mark.parametrize("shell", [(BASH,), (BASH, "-x")])
def test_lesson_24_no_key_in_any_output(place: Place, shell: tuple[str, ...]) -> None:
    place.adapter("os.kill(os.getpid(), 9) if starts < 3 else None")
    ran = place.run(f"llm.code.api_key={KEY}", shell=shell, API_KEY=KEY, OPENAI_API_KEY=KEY)
    assert ran.code == 0
    assert len(place.starts) == 3
    assert KEY not in ran.text
    assert KEY.encode() not in place.log


@pytest.mark.parametrize(
    ("asked", "there", "given"), [("true", True, True), ("true", False, False), ("", True, False)]
)
def test_the_obfuscated_description_when_it_is_asked_for(
    place: Place, asked: str, there: bool, given: bool
) -> None:
    description = place.root / "data" / "description_obfuscated.md"
    if there:
        description.write_text("x")
    place.run(OBFUSCATE=asked)
    assert (f"data.desc_file={description}" in place.starts[0]) == given


# ---------------------------------------------------------------- the relay


def test_the_relay_is_ascii_and_the_log_is_complete(place: Place) -> None:
    """Characters split over two writes, bytes that are no text, control characters, both streams."""
    raw = (
        "caf\u00e9 \u2014 \u4e2d\u6587\n".encode()
        + b"\xff\xfe\x00 bytes \x1b[31mred\x1b[0m\a\r\n"
        + b"tab\there\n"
    )
    place.adapter(
        f"raw = {raw!r}\n"
        "for number in range(len(raw)):\n    out.write(raw[number : number + 1]); out.flush()\n"
        "sys.stderr.write('on stderr \\u00e9\\n')\n"
    )
    ran = place.run()
    assert set(ran.output) <= PRINTABLE
    assert "caf  \n bytes [31mred[0m\ntab\there\n" in ran.text
    assert "on stderr" in ran.text
    assert raw in place.log


def test_much_output_arrives_to_the_last_line(place: Place) -> None:
    place.adapter("for number in range(60_000):\n    print('line \\u00e9', number, 'x' * 60)\n")
    ran = place.run()
    lines = [line for line in ran.text.splitlines() if line.startswith("line ")]
    assert [int(line.split()[1]) for line in lines] == list(range(60_000))


def test_lines_arrive_while_the_adapter_runs(place: Place) -> None:
    place.adapter("print('first line'); time.sleep(600)")
    process = place.start()
    assert process.stdout is not None
    try:
        while b"first line" not in (line := process.stdout.readline()):
            assert line, "the output ended"
    finally:
        process.terminate()
        finish(process)


def test_a_reader_that_goes_away_does_not_end_the_run(place: Place) -> None:
    place.adapter("for number in range(3000):\n    print('line', number, 'x' * 60)\nsys.exit(5)")
    process = place.start()
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(LIMIT_S) == 5
    assert b"line 2999 " in place.log


# ---------------------------------------------------------------- supervision


@pytest.mark.parametrize("death", ["os.kill(os.getpid(), 9)", "os._exit(139)"])
def test_a_killed_adapter_is_started_again(place: Place, death: str) -> None:
    place.adapter(f"if starts < 3:\n    {death}\nprint('resumed')\n")
    ran = place.run("a.b=c")
    assert ran.code == 0
    assert "resumed" in ran.text
    assert len(place.starts) == 3
    assert place.starts[0] == place.starts[2]


def test_at_most_five_new_starts(place: Place) -> None:
    place.adapter("os.kill(os.getpid(), 9)")
    ran = place.run()
    assert ran.code == 128 + signal.SIGKILL
    assert len(place.starts) == STARTS
    assert "no further start" in ran.text


def test_no_new_start_after_the_time_limit(place: Place) -> None:
    place.adapter("time.sleep(1.2); os.kill(os.getpid(), 9)")
    ran = place.run(TIME_LIMIT_SECS="1", START_MARGIN_SECS="0")
    assert ran.code > 128
    assert len(place.starts) == 1


# ---------------------------------------------------------------- the end in time

# `timeout` signals its child and then its group: the second one must not meet the interpreter on
# its way out.
PUBLISHES = """
def publish(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print('published'); sys.exit(3)
signal.signal(signal.SIGTERM, publish)
print('ready')
time.sleep(600)
"""
IGNORES = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready')\ntime.sleep(600)\n"


@pytest.mark.parametrize(
    ("words", "limit"), [((), "1.2"), (("agent.time_limit=9", "agent.time_limit=1e0"), "600")]
)
def test_the_time_limit_ends_in_a_published_result(
    place: Place, words: tuple[str, ...], limit: str
) -> None:
    place.adapter(PUBLISHES)
    ran = place.run(*words, TIME_LIMIT_SECS=limit, START_MARGIN_SECS="0")
    assert ran.code == 3
    assert "published" in ran.text
    assert ran.seconds < 10


def test_an_adapter_that_ignores_sigterm_is_killed_after_the_grace_period(place: Place) -> None:
    place.adapter(IGNORES)
    ran = place.run(TIME_LIMIT_SECS="1", START_MARGIN_SECS="0", START_GRACE_SECS="0.5")
    assert ran.code == 128 + signal.SIGKILL
    assert len(place.starts) == 1
    assert ran.seconds < 10


@pytest.mark.parametrize("limit", ["soon", "-5", "nan", "99999999999999999999"])
def test_a_bad_time_limit_is_left_to_the_adapter(place: Place, limit: str) -> None:
    place.adapter("sys.exit(2)")
    assert place.run(TIME_LIMIT_SECS=limit).code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_adapter_and_starts_nothing_again(
    place: Place, number: signal.Signals
) -> None:
    place.adapter(PUBLISHES)
    process = place.start()
    wait_for(
        lambda: (place.root / "logs" / "adapter.log").exists() and b"ready" in place.log,
        "the adapter",
    )
    process.send_signal(number)
    ran = finish(process)
    assert ran.code == 3
    assert "published" in ran.text
    assert len(place.starts) == 1


# ---------------------------------------------------------------- what is left behind


def test_what_the_adapter_left_running_ends_with_it(place: Place) -> None:
    """A child that ignores SIGTERM and holds the output open."""
    place.adapter(
        "code = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)'\n"
        "child = subprocess.Popen([sys.executable, '-c', code])\n"
        "(place / 'pid').write_text(str(child.pid))\n"
    )
    ran = place.run()
    assert ran.code == 0
    assert ran.seconds < 4
    wait_for(lambda: not is_alive(int((place.root / "agent" / "pid").read_text())), "its end", 5)


@pytest.mark.long
def test_a_stray_that_holds_the_output_does_not_keep_start_sh(place: Place) -> None:
    place.adapter(
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "(place / 'pid').write_text(str(child.pid))\nprint('last words')\n"
    )
    process = place.start()
    begin = time.monotonic()
    assert process.wait(LIMIT_S) == 0
    assert time.monotonic() - begin < 10
    os.kill(int((place.root / "agent" / "pid").read_text()), signal.SIGKILL)
    output, _ = process.communicate()
    assert b"last words" in output


def test_links_are_gone_and_files_stay(place: Place) -> None:
    place.adapter(
        f"root = Path({str(place.root)!r})\n"
        "if starts > 1:\n    sys.exit(0)\n"
        "(root / 'submission' / 'submission.csv').write_text('id\\n1\\n')\n"
        "(root / 'code' / 'deep').mkdir()\n"
        "(root / 'code' / 'deep' / 'absolute').symlink_to('/etc/passwd')\n"
        "(root / 'logs' / 'folder').symlink_to(root / 'agent')\n"
        "(root / 'logs' / 'relative').symlink_to('adapter.log')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert place.run().code == 0
    folders = [place.root / name for name in ("submission", "code", "logs")]
    left = {str(path.relative_to(place.root)) for folder in folders for path in folder.rglob("*")}
    assert left == {"submission/submission.csv", "code/deep", "logs/adapter.log"}
    assert (place.root / "agent" / "run_mle_adapter.py").exists()
