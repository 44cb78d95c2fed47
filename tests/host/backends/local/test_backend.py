"""The local backend with real processes: streams, endings, limits, and nothing left running."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from swarm_host.backends.local import files
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.backends.local.processes import ProcessId, alive, identify, wait_end
from swarm_host.errors import Credentials, Lost, UsageError
from swarm_host.records import (
    CollectLimits,
    Ending,
    Handle,
    Mount,
    Problem,
    Resources,
    RunConfig,
    Secret,
    UnitSpec,
)
from swarm_host.words.places import ROOT

from core.execution.supervisor import landlock_abi
from tests.host.backends.local.conftest import MemorySink

Make = Callable[..., UnitSpec]
PATIENCE_S = 60.0


def finished(backend: LocalBackend, handle: Handle) -> Ending:
    assert wait_end(ProcessId.parse(handle.id), PATIENCE_S), "the supervisor does not end"
    ending = backend.poll(handle)
    assert ending is not None
    return ending


def refusals(backend: LocalBackend, run: RunConfig) -> list[Problem]:
    """Without warnings: a kernel without Landlock has one more."""
    return [problem for problem in backend.preflight(run) if problem.refuses]


def work(runs: Path, handle: Handle) -> Path:
    return runs / ".swarm" / "local" / handle.name / "work"


def wait_for_text(backend: LocalBackend, handle: Handle, text: bytes) -> MemorySink:
    """Follows in a thread until the agent has printed `text`."""
    sink, seen, over = MemorySink(), threading.Event(), threading.Event()
    write = sink.write

    def watched(stream: str, data: bytes, mark: str | None = None) -> None:
        write(stream, data, mark)  # type: ignore[arg-type]
        if text in sink.data["stdout"]:
            seen.set()

    sink.write = watched  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=backend.follow, args=(handle, sink, over))
    thread.start()
    assert seen.wait(PATIENCE_S), sink.data
    over.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    sink.write = write  # type: ignore[method-assign]
    return sink


# ---------------------------------------------------------------- streams and endings


def test_streams_are_apart_and_complete(
    backend: LocalBackend, unit: Make, sink: MemorySink
) -> None:
    program = (
        "import sys\n"
        "for n in range(20000):\n"
        "    print('out', n); print('err', n, file=sys.stderr)\n"
        "sys.stdout.write('no newline'); sys.exit(7)\n"
    )
    handle = backend.start(unit(program), 1)
    backend.follow(handle, sink, threading.Event())
    out = "".join(f"out {n}\n" for n in range(20000)) + "no newline"
    assert sink.data["stdout"].decode() == out
    assert sink.data["stderr"].decode() == "".join(f"err {n}\n" for n in range(20000))
    ending = finished(backend, handle)
    assert (ending.exit_code, ending.cause) == (7, "exit")
    assert ending.started is not None
    assert ending.finished is not None
    assert ending.finished >= ending.started


def test_bytes_that_are_no_text_come_through(
    backend: LocalBackend, unit: Make, sink: MemorySink
) -> None:
    program = "import os; os.write(1, bytes(range(256)) * 1000); os.write(1, b'\\0\\r\\xff')"
    handle = backend.start(unit(program), 1)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == bytes(range(256)) * 1000 + b"\0\r\xff"


def test_a_follower_that_comes_back_goes_on_where_it_was(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    program = (
        "import pathlib, time\n"
        "print('first', flush=True)\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "print('second')\n"
    )
    handle = backend.start(unit(program), 1)
    sink = wait_for_text(backend, handle, b"first\n")
    assert sink.data["stdout"] == b"first\n"
    (work(runs, handle) / "go").touch()
    # Another client, which knows the handle and the marks only.
    LocalBackend(runs, os.environ).follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"first\nsecond\n"


def test_a_client_with_many_open_files_follows_too(
    backend: LocalBackend, unit: Make, sink: MemorySink
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        handle = backend.start(unit("print('x')"), 1)
        backend.follow(handle, sink, threading.Event())
        assert finished(backend, handle).exit_code == 0
    finally:
        for one in many:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sink.data["stdout"] == b"x\n"


@pytest.mark.parametrize(
    ("program", "code", "cause"),
    [
        ("", 0, "exit"),
        ("raise SystemExit(3)", 3, "exit"),
        ("import os; os._exit(255)", 255, "exit"),
        ("import os; os.abort()", 134, "exit"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, "killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143, "killed"),
    ],
)
def test_endings(backend: LocalBackend, unit: Make, program: str, code: int, cause: str) -> None:
    ending = finished(backend, backend.start(unit(program), 1))
    assert (ending.exit_code, ending.cause) == (code, cause)


def test_a_program_that_is_not_there_is_refused_and_leaves_nothing(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    with pytest.raises(UsageError, match="no-such-program"):
        backend.start(unit(command=("/no-such-program",)), 1)
    assert list((runs / ".swarm" / "local").iterdir()) == []


def test_a_second_start_adopts_what_is_there(
    backend: LocalBackend, unit: Make, runs: Path, sink: MemorySink
) -> None:
    program = "open('starts', 'a').write('x'); import time; time.sleep(3600)"
    first = backend.start(unit(program), 1)
    second = LocalBackend(runs, os.environ).start(unit(program), 1)
    assert second == first
    assert backend.find() == [first]
    backend.stop(first, 0.0)
    # Also when it has ended.
    assert backend.start(unit(program), 1) == first
    backend.follow(first, sink, threading.Event())
    assert len((work(runs, first) / "starts").read_text()) <= 1


def test_many_clients_that_start_one_unit_start_it_once(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    program = "open('starts', 'a').write('x')"
    handles: list[Handle] = []
    threads = [
        threading.Thread(
            target=lambda: handles.append(LocalBackend(runs, os.environ).start(unit(program), 1))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(handles)) == 1
    finished(backend, handles[0])
    assert (work(runs, handles[0]) / "starts").read_text() == "x"


# ---------------------------------------------------------------- the end of clients and supervisors

_CLIENT = """
import os, sys
from pathlib import Path
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.records import RunConfig, UnitSpec
run = RunConfig(None, (sys.executable, "-c", sys.argv[2]), ".", backend="local", timeout=60.0)
unit = UnitSpec("unit-a", "group-1", "test", None, 0, ".", run)
handle = LocalBackend(Path(sys.argv[1]), os.environ).start(unit, 1)
print(handle.name, handle.id, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_agent_outlives_its_client(backend: LocalBackend, runs: Path, sink: MemorySink) -> None:
    program = (
        "import pathlib, time\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT, str(runs), program],
        env={"PYTHONPATH": f"{ROOT / 'host'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr
    name, identity = done.stdout.split()
    handle = Handle("local", name, identity)
    assert backend.poll(handle) is None
    assert backend.find("group-1") == [handle]
    assert backend.find("group-2") == []
    (work(runs, handle) / "go").touch()
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"done\n"
    assert finished(backend, handle).exit_code == 0


def test_when_the_supervisor_is_killed_the_unit_is_lost_and_nothing_runs_on(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    program = (
        "import os, subprocess, sys, time\n"
        # One that has left the session and its environment, but works in the folder.
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'],"
        " start_new_session=True, env={})\n"
        "subprocess.Popen(['sleep', '3600'], cwd='/', start_new_session=True)\n"
        "print('up', flush=True); time.sleep(3600)\n"
    )
    handle = backend.start(unit(program), 1)
    wait_for_text(backend, handle, b"up\n")
    folder = runs / ".swarm" / "local" / handle.name
    mark = files.read_job(folder).mark.encode()
    os.kill(ProcessId.parse(handle.id).pid, signal.SIGKILL)
    assert wait_end(ProcessId.parse(handle.id), PATIENCE_S)
    with pytest.raises(Lost):
        backend.poll(handle)
    assert running_with(mark, folder) == []
    backend.remove(handle)
    assert not folder.exists()


def running_with(mark: bytes, folder: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            place = str((path / "cwd").readlink())
            if mark in (path / "environ").read_bytes() or place.startswith(str(folder)):
                found.append(int(path.name))
        except OSError:
            continue
    return found


def test_a_number_that_was_given_again_is_another_process(
    backend: LocalBackend, unit: Make
) -> None:
    handle = backend.start(unit(), 1)
    finished(backend, handle)
    own = identify(os.getpid())
    assert own is not None
    assert alive(own)
    former = replace(own, started=own.started - 1)
    assert not alive(former)
    folder_of_ended = replace(handle, id=str(former))
    # The ending is told, and this process, which has the number now, is not signalled.
    backend.stop(folder_of_ended, 0.0)
    assert backend.poll(folder_of_ended) is not None


# ---------------------------------------------------------------- stop and limits


def test_stop_gives_time_to_end(backend: LocalBackend, unit: Make, sink: MemorySink) -> None:
    program = (
        "import signal, sys, time\n"
        "def end(*_): print('ending'); sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(3600)\n"
    )
    handle = backend.start(unit(program), 1)
    sink = wait_for_text(backend, handle, b"up\n")
    backend.stop(handle, 30.0)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"up\nending\n"
    ending = finished(backend, handle)
    assert (ending.exit_code, ending.cause) == (5, "stopped")


def test_what_is_deaf_is_killed_with_all_that_it_started(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    program = (
        "import os, signal, subprocess, sys, time\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: time.sleep(3600)\n"
        "    os._exit(0)\n"
        "print('up', flush=True); time.sleep(3600)\n"
    )
    handle = backend.start(unit(program), 1)
    wait_for_text(backend, handle, b"up\n")
    folder = runs / ".swarm" / "local" / handle.name
    mark = files.read_job(folder).mark.encode()
    assert running_with(mark, folder)
    backend.stop(handle, 0.2)
    ending = finished(backend, handle)
    assert (ending.exit_code, ending.cause) == (137, "stopped")
    assert running_with(mark, folder) == []
    backend.remove(handle)
    backend.remove(handle)
    assert backend.find() == []


CROWD = """
import os, time
for _ in range(60):
    if os.fork() == 0:
        os.setsid(); time.sleep(3600)
print('up', flush=True); time.sleep(3600)
"""
# Each process lives for a moment only and leaves the next one: whoever looks comes too late.
CHAIN = """
import os, time
if os.fork() == 0:
    while True:
        if os.fork(): os._exit(0)
        time.sleep(0.002)
print('up', flush=True); time.sleep(3600)
"""


@pytest.mark.parametrize("program", [CROWD, CHAIN], ids=["crowd", "chain"])
def test_many_processes_and_fleeting_ones_end(
    backend: LocalBackend, unit: Make, runs: Path, program: str
) -> None:
    handle = backend.start(unit(program), 1)
    wait_for_text(backend, handle, b"up\n")
    folder = runs / ".swarm" / "local" / handle.name
    mark = files.read_job(folder).mark.encode()
    backend.stop(handle, 0.0)
    assert finished(backend, handle).cause == "stopped"
    assert running_with(mark, folder) == []


def test_what_the_agent_left_running_ends_with_it(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    program = "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(3600)\n"
    handle = backend.start(unit(program), 1)
    folder = runs / ".swarm" / "local" / handle.name
    assert finished(backend, handle).cause == "exit"
    assert running_with(files.read_job(folder).mark.encode(), folder) == []


def test_the_supervisor_keeps_the_limit_when_no_client_does(
    backend: LocalBackend, unit: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarm_host.backends.local.backend._GRACE_S", 0.1)
    monkeypatch.setattr("swarm_host.backends.local.backend._SAFETY_S", 0.1)
    handle = backend.start(unit("import time; time.sleep(3600)", timeout=0.3), 1)
    ending = finished(backend, handle)
    assert ending.cause == "stopped"
    assert ending.started is not None
    assert ending.finished is not None
    assert ending.finished - ending.started >= 0.3


def test_output_beyond_the_bound_keeps_head_and_tail(
    backend: LocalBackend, unit: Make, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarm_host.backends.local.backend._LOG_BYTES", 1000)
    program = "import os\nfor n in range(4000): os.write(1, b'%999d\\n' % n)"
    handle = backend.start(unit(program), 1)
    backend.follow(handle, sink, threading.Event())
    data = sink.data["stdout"]
    assert data.startswith(b"%999d\n" % 0)
    assert b"bytes left out]\n" in data
    assert data.endswith(b"%999d\n" % 3999)
    assert len(data) < 1200 + (1 << 20)


def test_memory_is_limited_when_asked(backend: LocalBackend, unit: Make, sink: MemorySink) -> None:
    program = "bytearray(2 << 30)"
    resources = Resources(memory=1 << 30)
    handle = backend.start(unit(program, resources=resources), 1)
    backend.follow(handle, sink, threading.Event())
    assert b"MemoryError" in sink.data["stderr"]
    assert finished(backend, handle).exit_code == 1
    told = [problem.what for problem in backend.preflight(unit(resources=resources).run)]
    assert "memory limits the address space of each process here, not the memory of all" in told


# ---------------------------------------------------------------- what an agent may see


def test_variables_are_an_allow_list_and_secrets_stay_out_of_files(
    runs: Path, unit: Make, sink: MemorySink
) -> None:
    host = {"PATH": os.environ["PATH"], "API_KEY": "very-secret", "OTHER_KEY": "other-secret"}
    backend = LocalBackend(runs, host)
    program = "import os; print(sorted(os.environ.items()))"
    one = unit(program, env={"KEY": Secret("API_KEY"), "SEED": "3"})
    handle = backend.start(one, 1)
    backend.follow(handle, sink, threading.Event())
    text = sink.data["stdout"].decode()
    assert "('KEY', 'very-secret')" in text
    assert "('SEED', '3')" in text
    assert "other-secret" not in text
    assert "('HOME', '" + str(work(runs, handle)) in text
    written = [path for path in runs.rglob("*") if path.is_file() and "stdout" not in path.name]
    assert written
    assert not [path for path in written if b"very-secret" in path.read_bytes()]
    assert "very-secret" not in str(backend.plan(one, 1))
    backend.remove(handle)


def test_a_secret_that_is_not_set_is_named_and_nothing_starts(runs: Path, unit: Make) -> None:
    backend = LocalBackend(runs, {"PATH": os.environ["PATH"]})
    one = unit(env={"KEY": Secret("API_KEY")})
    with pytest.raises(Credentials, match="API_KEY"):
        backend.start(one, 1)
    assert [problem.what for problem in refusals(backend, one.run)] == [
        "the variable API_KEY is not set"
    ]
    assert backend.find() == []


LOOK = """
import pathlib, sys
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    try:
        print(path.name, path.read_text() if path.is_file() else len(list(path.iterdir())))
    except OSError as error:
        print(path.name, type(error).__name__)
try:
    pathlib.Path(sys.argv[1]).with_name("written").touch()
except OSError as error:
    print("write", type(error).__name__)
pathlib.Path("own").write_text("x")
"""


def test_answers_other_runs_and_the_store_are_closed(
    backend: LocalBackend, unit: Make, runs: Path, tmp_path: Path, sink: MemorySink
) -> None:
    if backend.isolation(unit().run) != "landlock":
        pytest.skip("this kernel has no Landlock")
    data = tmp_path / "data"
    public, private = data / "comp" / "prepared" / "public", data / "comp" / "prepared" / "private"
    for folder, name in ((public, "train.csv"), (private, "answers.csv")):
        folder.mkdir(parents=True)
        (folder / name).write_text("x")
    (runs / "other").mkdir(parents=True)
    (runs / "other" / "log.txt").write_text("x")
    (runs / ".swarm").mkdir()
    (runs / ".swarm" / "store.db").write_text("x")
    paths = (
        public / "train.csv",
        public,
        private / "answers.csv",
        private,
        runs / "other" / "log.txt",
        runs / ".swarm" / "store.db",
        runs / ".swarm" / "local" / "unit-a-1" / "job.json",
    )
    one = unit(
        command=(sys.executable, "-c", LOOK, *map(str, paths)),
        mounts=(Mount(str(public), str(public)),),
    )
    handle = backend.start(replace(one, source_root=str(data)), 1)
    backend.follow(handle, sink, threading.Event())
    assert finished(backend, handle).exit_code == 0, sink.data
    assert sink.data["stdout"].decode().splitlines() == [
        "train.csv x",
        "public 1",
        "answers.csv PermissionError",
        "private PermissionError",
        "log.txt PermissionError",
        "store.db PermissionError",
        "job.json PermissionError",
        "write PermissionError",
    ]


@pytest.mark.parametrize("data", ["outside", "checkout/data"])
def test_a_program_beside_the_folder_of_runs_finds_its_modules(
    unit: Make, tmp_path: Path, sink: MemorySink, data: str
) -> None:
    """As main.py does with ./runs inside of a checkout; not with answers inside, whose names would be seen."""
    checkout, answers = tmp_path / "checkout", tmp_path / data / "private" / "answers.csv"
    other = checkout / "runs" / "other" / "log.txt"
    for path in (answers, other):
        path.parent.mkdir(parents=True)
        path.write_text("x")
    (checkout / "beside.py").write_text("print('found')\n")
    look = f"for path in {[str(other), str(answers)]}:\n"
    look += "    try: print(open(path).read())\n    except PermissionError: print('closed')\n"
    (checkout / "main.py").write_text(f"{look}import beside\n")
    backend = LocalBackend(checkout / "runs", os.environ, [tmp_path / data])
    if backend.isolation(unit().run) != "landlock":
        pytest.skip("this kernel has no Landlock")
    one = unit(command=(sys.executable, "-B", str(checkout / "main.py")))
    told = [problem.what for problem in backend.preflight(one.run)]
    assert [str(checkout) in what for what in told] == [True] * (data != "outside")
    handle = backend.start(one, 1)
    backend.follow(handle, sink, threading.Event())
    backend.remove(handle)
    said = sink.data["stdout"].decode().split()
    assert said == ["closed", "closed", "found"][: 3 - (data != "outside")]


@pytest.mark.parametrize("allowed", [False, True])
def test_competitions_beside_a_program_are_told_once(
    unit: Make, tmp_path: Path, sink: MemorySink, allowed: bool
) -> None:
    """As a folder of competitions inside of a checkout is. Its answers are closed also where nobody names
    the folder, unless the user shows them.
    """
    checkout = tmp_path / "checkout"
    commands = []
    for name in ("one", "two"):
        folder = checkout / "comps" / name
        for path in ("public/description.md", "private/answers.csv"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text("x")
        public = str(folder / "public")
        look = ("-c", LOOK, f"{public}/description.md", str(folder / "private" / "answers.csv"))
        command = (sys.executable, *look, str(checkout / "main.py"))
        shown = (Mount(public, public),)
        commands.append(unit(command=command, mounts=shown, allow_private=allowed))
    (checkout / "main.py").write_text("")
    backend = LocalBackend(tmp_path / "runs", {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    if backend.isolation(commands[0].run) != "landlock":
        pytest.skip("this kernel has no Landlock")
    told = {problem.what for one in commands for problem in backend.preflight(one.run)}
    what = f"what is closed to the agent lies in {checkout}/comps: Python finds no modules in {checkout}"
    assert told == (set() if allowed else {what})
    handle = backend.start(commands[0], 1)
    backend.follow(handle, sink, threading.Event())
    backend.remove(handle)
    lines = sink.data["stdout"].decode().splitlines()
    closed = "answers.csv x" if allowed else "answers.csv PermissionError"
    assert lines[:2] == ["description.md x", closed]


def test_a_word_of_a_command_may_be_longer_than_a_name(
    backend: LocalBackend, unit: Make, sink: MemorySink
) -> None:
    script = f"/bin/echo {'x' * 400}"
    one = unit(command=("sh", "-c", script))
    assert refusals(backend, one.run) == []
    handle = backend.start(one, 1)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"x" * 400 + b"\n"


def test_answers_of_other_sources_are_closed_too(
    unit: Make, runs: Path, tmp_path: Path, sink: MemorySink
) -> None:
    home = tmp_path / "home"
    places = [
        home / ".cache" / "mle-bench" / "data" / "c" / "prepared" / "private" / "answers.csv",
        home / ".cache" / "mlebench" / "data" / "c" / "prepared" / "private" / "test.csv",
        tmp_path / "pack" / "c" / "prepared" / "private" / "more.csv",
        home / ".kaggle" / "kaggle.json",
        home / "open.txt",
    ]
    for path in places:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    environ = {"HOME": str(home), "SWARM_HOST_DATA": str(tmp_path / "pack")}
    backend = LocalBackend(runs, {**environ, "PATH": os.environ["PATH"]})
    if backend.isolation(unit().run) != "landlock":
        pytest.skip("this kernel has no Landlock")
    handle = backend.start(unit(command=(sys.executable, "-c", LOOK, *map(str, places))), 1)
    backend.follow(handle, sink, threading.Event())
    backend.remove(handle)
    lines = sink.data["stdout"].decode().splitlines()
    denied = [f"{path.name} PermissionError" for path in places[:-1]]
    assert lines[:-1] == [*denied, "open.txt x"]


def test_isolation_is_told(runs: Path, unit: Make, tmp_path: Path) -> None:
    run = unit().run
    plain = LocalBackend(runs, os.environ, box=False)
    assert plain.isolation(run) == "none"
    (warning,) = plain.preflight(run)
    assert not warning.refuses
    assert "no Landlock" in warning.what
    data = str(tmp_path / "data")
    (tmp_path / "data" / "comp" / "prepared" / "private").mkdir(parents=True)
    shown = replace(run, mounts=(Mount(data, data),))
    (problem,) = refusals(LocalBackend(runs, os.environ), shown)
    assert "answers" in problem.what
    allowed = replace(shown, allow_private=True)
    assert refusals(LocalBackend(runs, os.environ), allowed) == []
    assert LocalBackend(runs, os.environ).isolation(allowed) == "open"


def test_the_supervisor_is_out_of_the_agents_reach(
    backend: LocalBackend, unit: Make, sink: MemorySink
) -> None:
    if landlock_abi() < 6:
        pytest.skip("this kernel's Landlock does not hold signals back")
    program = (
        "import os\n"
        "try: os.kill(os.getppid(), 9)\n"
        "except PermissionError: print('may not kill')\n"
        "try: open(f'/proc/{os.getppid()}/environ').read()\n"
        "except PermissionError: print('may not look')\n"
    )
    handle = backend.start(unit(program), 1)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"may not kill\nmay not look\n"
    assert finished(backend, handle).exit_code == 0


# ---------------------------------------------------------------- clients that died while they started


def test_a_start_that_was_begun_is_finished(
    backend: LocalBackend, unit: Make, runs: Path, sink: MemorySink
) -> None:
    folder = runs / ".swarm" / "local" / "unit-a-1"
    (folder / "work").mkdir(parents=True)
    (folder / "job.json").write_text('{"half": ')
    (folder / "lock").touch()
    assert backend.find() == []
    handle = backend.start(unit("print('once')"), 1)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"once\n"


def test_a_supervisor_that_died_before_the_agent_is_lost_and_never_replaced(
    backend: LocalBackend, unit: Make, runs: Path
) -> None:
    handle = backend.start(unit(), 1)
    finished(backend, handle)
    folder = runs / ".swarm" / "local" / handle.name
    for name in (files.ENDED, files.AGENT):
        (folder / name).unlink()
    assert backend.start(unit("raise SystemExit('started again')"), 1) == handle
    with pytest.raises(Lost):
        backend.poll(handle)
    assert not (folder / files.AGENT).exists()


def test_the_ending_needs_no_room_on_the_disk(tmp_path: Path) -> None:
    draft = files.reserve(tmp_path / "ended.json")
    before = draft.stat()
    files.write_reserved(draft, tmp_path / "ended.json", {"exit_code": 0})
    after = (tmp_path / "ended.json").stat()
    assert (after.st_ino, after.st_blocks) == (before.st_ino, before.st_blocks)
    assert files.read_json(tmp_path / "ended.json") == {"exit_code": 0}


def test_without_the_box_an_agent_runs_as_it_is(
    runs: Path, unit: Make, sink: MemorySink, tmp_path: Path
) -> None:
    backend = LocalBackend(runs, os.environ, box=False)
    (tmp_path / "seen").write_text("x")
    handle = backend.start(unit(f"print(open({str(tmp_path / 'seen')!r}).read())"), 1)
    backend.follow(handle, sink, threading.Event())
    assert sink.data["stdout"] == b"x\n"
    backend.remove(handle)


# ---------------------------------------------------------------- before and after


def test_what_a_process_cannot_have_is_refused(backend: LocalBackend, unit: Make) -> None:
    run = unit().run
    refused = {
        "no command": replace(run, command=()),
        "no program": replace(run, command=("no-such-program",)),
        "without a container": replace(run, mounts=(Mount("/etc", "/home/data"),)),
        "/no-such is not there": replace(run, mounts=(Mount("/no-such", "/no-such"),)),
        "has its network": replace(run, network="none"),
        "outside of": replace(run, outputs=replace(run.outputs, code="../other")),
    }
    assert refusals(backend, run) == []
    for words, wrong in refused.items():
        (problem,) = refusals(backend, wrong)
        assert words in problem.what
        assert problem.cure


def test_names_that_are_no_units_are_refused(backend: LocalBackend, unit: Make) -> None:
    for name in ("../x", "A", "a/b", "", "x" * 10 + "_y"):
        with pytest.raises(UsageError):
            backend.start(unit(name=name), 1)
        with pytest.raises(UsageError):
            backend.poll(Handle("local", f"{name}/", "1:1:x"))


def test_outputs_come_back_and_the_folder_goes(
    backend: LocalBackend, unit: Make, tmp_path: Path, runs: Path
) -> None:
    program = (
        "import os, pathlib\n"
        "pathlib.Path('submission/submission.csv').write_text('id,y')\n"
        "pathlib.Path('logs/a/b').mkdir(parents=True); pathlib.Path('logs/a/b/c').write_text('c')\n"
        "pathlib.Path('logs/stdout.log').write_text('forged')\n"
        "os.symlink('/etc/passwd', 'code/link'); os.mkfifo('code/pipe')\n"
        "pathlib.Path('closed/in').mkdir(parents=True); pathlib.Path('closed/in/x').touch()\n"
        "os.chmod('closed/in', 0); os.chmod('closed', 0)\n"
    )
    one = unit(program)
    handle = backend.start(one, 1)
    assert finished(backend, handle).exit_code == 0
    for _ in range(2):
        found = backend.collect(handle, one.run, tmp_path / "into", CollectLimits())
        assert (found.files, found.bytes) == (2, 5)
    assert (tmp_path / "into/submission/submission.csv").read_text() == "id,y"
    assert (tmp_path / "into/logs/a/b/c").read_text() == "c"
    assert list((tmp_path / "into/code").iterdir()) == []
    assert found.left_out == (
        "code/link: a link, not a regular file",
        "code/pipe: a named pipe, not a regular file",
        "logs/stdout.log: the host keeps a log of this name",
    )
    backend.remove(handle)
    assert not work(runs, handle).exists()
    with pytest.raises(Lost):
        backend.collect(handle, one.run, tmp_path / "into", CollectLimits())
    with pytest.raises(Lost):
        backend.poll(handle)
