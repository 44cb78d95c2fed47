"""Grading programs in real worker processes: their limits, their end, and what they are given."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from swarm_host.errors import GradingFailed, SubmissionRefused
from swarm_host.grading.copying import copy_submission
from swarm_host.grading.workers import GradingLimits, GradingWorkers
from swarm_host.records import GradingAnswer, GradingProgram

LIMITS = GradingLimits(
    submission_bytes=1000, memory=1 << 28, cpu_s=20, wall_s=60.0, file_bytes=1 << 20
)
# For programs that do not end.
HURRY = replace(LIMITS, cpu_s=1, wall_s=1.5)
Run = Callable[..., GradingAnswer]


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "left" / "submission.csv"
    path.parent.mkdir()
    path.write_text("id,y\n1,2\n")
    return path


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[GradingWorkers]:
    with GradingWorkers(tmp_path / "scratch", os.environ, LIMITS) as workers:
        yield workers


def program(tmp_path: Path, body: str, top: str = "") -> GradingProgram:
    path = tmp_path / "program.py"
    lines = "\n    ".join(body.splitlines())
    path.write_text(f"import os, sys, time\n{top}\ndef main(arguments):\n    {lines}\n")
    return GradingProgram(sys.executable, str(path))


def test_a_program_reads_a_copy_and_answers(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    one = program(
        tmp_path,
        "print(arguments, open('submission.csv').read())\nprint('said', file=sys.stderr)\nreturn 4",
    )
    answer = workers.run(one, ("a", "b c"), submission)
    assert answer == GradingAnswer(4, "['a', 'b c'] id,y\n1,2\n\n", "said\n", "exit")
    # Nothing of it is left but the idle worker's own folder.
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    workers.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_program_is_loaded_once(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    top = f"open({str(tmp_path / 'loads')!r}, 'a').write('x')\ncount = 0"
    one = program(tmp_path, "global count\ncount += 1\nprint(count)", top)
    workers.warm(one)
    outputs = [workers.run(one, (), submission).output for _ in range(3)]
    # What a submission did to the program is gone with its process.
    assert outputs == ["1\n"] * 3
    assert (tmp_path / "loads").read_text() == "x"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_closed_a_stream_when_it_was_loaded(
    workers: GradingWorkers, tmp_path: Path, submission: Path, stream: str
) -> None:
    one = program(tmp_path, "os.write(1, b'graded')", f"sys.{stream}.close()")
    assert [workers.run(one, (), submission).output for _ in range(2)] == ["graded"] * 2


@pytest.mark.parametrize(
    ("body", "ended_by"),
    [
        ("while True: pass", "time"),
        ("time.sleep(3600)", "time"),
        ("import signal; signal.signal(24, signal.SIG_IGN)\nwhile True: pass", "time"),
        ("os.kill(os.getpid(), 9)", "signal"),
        ("import ctypes; ctypes.string_at(0)", "signal"),
    ],
)
def test_what_does_not_end_is_ended(
    tmp_path: Path, submission: Path, body: str, ended_by: str
) -> None:
    one = program(tmp_path, f"if arguments: return 3\n{body}")
    with GradingWorkers(tmp_path / "scratch", os.environ, HURRY) as workers:
        answer = workers.run(one, (), submission)
        assert (answer.status, answer.ended_by) == (None, ended_by)
        # The worker itself goes on.
        assert workers.run(one, ("end",), submission).status == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('no such column')", "ValueError: no such column"),
        ("bytearray(1 << 29)", "MemoryError"),
        ("open('big', 'wb').write(b'x' * (1 << 21))", "File too large"),
        ("def f(): f()\nf()", "RecursionError"),
        ("sys.exit('enough')", ""),
    ],
)
def test_what_breaks_says_why(
    workers: GradingWorkers, tmp_path: Path, submission: Path, body: str, words: str
) -> None:
    answer = workers.run(program(tmp_path, body), (), submission)
    assert answer.status not in (None, 0)
    assert words in answer.complaints


def test_output_without_end_is_cut(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    answer = workers.run(program(tmp_path, "while True: print('x' * 1000)"), (), submission)
    assert len(answer.output) <= 1 << 20
    assert answer.status != 0


def test_children_of_a_program_end_with_it(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    body = (
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: time.sleep(3600)\n"
        "    print(os.getpid(), flush=True); time.sleep(3600)\n"
        "time.sleep(0.2)\n"
    )
    answer = workers.run(program(tmp_path, body), (), submission)
    assert answer.status == 0
    assert not Path(f"/proc/{int(answer.output)}").exists()


def test_programs_get_no_keys(tmp_path: Path, submission: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "API_KEY": "very-secret"}
    with GradingWorkers(tmp_path / "scratch", environ, LIMITS) as workers:
        answer = workers.run(program(tmp_path, "print(dict(os.environ))"), (), submission)
    assert "very-secret" not in answer.output
    assert "'OMP_NUM_THREADS': '1'" in answer.output


@pytest.mark.parametrize(
    ("top", "words"),
    [("import no_such_library", "no_such_library"), ("raise SystemExit(3)", "SystemExit: 3")],
)
def test_a_program_that_cannot_be_loaded_is_the_graders_fault(
    workers: GradingWorkers, tmp_path: Path, submission: Path, top: str, words: str
) -> None:
    with pytest.raises(GradingFailed, match=words):
        workers.run(program(tmp_path, "pass", top), (), submission)


def test_an_interpreter_that_is_not_there_is_the_graders_fault(
    workers: GradingWorkers, submission: Path
) -> None:
    with pytest.raises(GradingFailed, match="no-such-python"):
        workers.run(GradingProgram("/no-such-python", "json"), (), submission)


def test_a_worker_that_died_is_replaced(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    one = program(tmp_path, "print(os.getppid())")
    first = int(workers.run(one, (), submission).output)
    os.kill(first, signal.SIGKILL)
    second = int(workers.run(one, (), submission).output)
    assert second != first


def test_a_program_that_kills_its_worker_is_a_failure_of_grading(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    one = program(tmp_path, "os.kill(os.getppid(), 9); time.sleep(3600)")
    with pytest.raises(GradingFailed, match="lost"):
        workers.run(one, (), submission)


def test_some_grade_at_a_time_and_none_is_mixed(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    one = program(tmp_path, "time.sleep(0.01)\nprint(arguments[0])")
    outputs: dict[int, str] = {}

    def grade(number: int) -> None:
        outputs[number] = workers.run(one, (str(number),), submission).output

    threads = [threading.Thread(target=grade, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {number: f"{number}\n" for number in range(12)}
    # Two workers at most, each with its folder.
    assert len(list((tmp_path / "scratch").iterdir())) <= 2


def test_a_client_with_many_open_files_grades_too(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert workers.run(program(tmp_path, "print('x')"), (), submission).output == "x\n"
    finally:
        for one in many:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_workers_end_when_their_client_is_killed(tmp_path: Path, submission: Path) -> None:
    one = program(
        tmp_path,
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}')",
    )
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from swarm_host.grading.workers import GradingWorkers\n"
        "from swarm_host.records import GradingProgram\n"
        "workers = GradingWorkers(Path(sys.argv[1]), os.environ)\n"
        "workers.run(GradingProgram(sys.executable, sys.argv[2]), (), Path(sys.argv[3]))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    words = [str(tmp_path / "scratch"), one.module, str(submission)]
    host = Path(__file__).resolve().parents[3] / "host"
    environ = {**os.environ, "PYTHONPATH": f"{host}{os.pathsep}{host.parent}"}
    pid = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, "-c", code, *words], environ)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
    worker = int((tmp_path / "pids").read_text().split()[1])
    try:
        handle = os.pidfd_open(worker)
    except ProcessLookupError:
        return
    assert select.select([handle], [], [], 60.0)[0]
    os.close(handle)


def test_what_a_program_says_when_it_is_loaded_is_no_answer(
    workers: GradingWorkers, tmp_path: Path, submission: Path
) -> None:
    one = program(
        tmp_path, "print('the answer')", "print('welcome'); print('old', file=sys.stderr)"
    )
    for _ in range(2):
        answer = workers.run(one, (), submission)
        assert (answer.output, answer.complaints) == ("the answer\n", "")


# Of the libraries of a grader: a thread that goes on, and a handler that waits for something.
@pytest.mark.parametrize(
    "top",
    [
        "import atexit, threading; atexit.register(threading.Event().wait)",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
    ],
)
def test_a_worker_ends_at_once_whatever_its_libraries_do(
    workers: GradingWorkers, tmp_path: Path, submission: Path, top: str
) -> None:
    workers.run(program(tmp_path, "return 0", top), (), submission)
    (worker,) = workers._every
    workers.close()
    assert worker._process.returncode == 0


# ---------------------------------------------------------------- what may be a submission


def test_only_regular_files_are_copied(tmp_path: Path, submission: Path) -> None:
    folder = submission.parent
    (folder / "link").symlink_to(submission)
    os.mkfifo(folder / "pipe")
    (folder / "big").write_bytes(b"x" * 1001)
    (folder / "sparse").touch()
    os.truncate(folder / "sparse", 1 << 40)
    refused = {
        "missing": "no submission",
        "link": "link",
        "pipe": "regular",
        "../left": "regular",
        "big": "1001 bytes",
        "sparse": "bytes, more than",
        "submission.csv/x": "no submission",
    }
    for name, words in refused.items():
        with pytest.raises(SubmissionRefused, match=words):
            copy_submission(folder / name, tmp_path / "copy", 1000)
        assert not (tmp_path / "copy").exists()
    with pytest.raises(SubmissionRefused):
        copy_submission(Path("/dev/zero"), tmp_path / "copy", 1000)
    copy_submission(submission, tmp_path / "copy", 1000)
    assert (tmp_path / "copy").read_text() == submission.read_text()


def test_the_protocol_is_lines_of_json(tmp_path: Path, submission: Path) -> None:
    """The worker is a program of its own, which another interpreter may run."""
    one = program(tmp_path, "print('x')")
    words = json.dumps({"module": one.module, "paths": []})
    job = {
        "argv": [],
        "folder": str(tmp_path),
        "memory": 1 << 30,
        "cpu_s": 10,
        "wall_s": 10.0,
        "file_bytes": 1000,
    }
    worker = Path(__file__).resolve().parents[3] / "host/swarm_host/grading/worker.py"
    done = subprocess.run(
        [sys.executable, str(worker), words],
        input=json.dumps(job) + "\n",
        capture_output=True,
        text=True,
    )
    ready, *rest = done.stdout.splitlines()
    assert json.loads(ready) == {"ready": True}
    # stdin closed at once: the fork may be ended before it has answered.
    assert len(rest) == 1
    assert done.returncode == 0
