"""The docker backend against a real daemon and the stand-in for mle-bench's base image.

scripts/test_host.sh starts the daemon and makes the image; without them these tests are not run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.errors import BuildFailed, DaemonLost, Lost, UsageError
from swarm_host.records import (
    BuildConfig,
    Collected,
    CollectLimits,
    Handle,
    Mount,
    Resources,
    Secret,
    UnitSpec,
)

from tests.host.backends.docker.daemon import (
    BASE,
    ROOT,
    SMALL,
    WAIT_S,
    OwnDaemon,
    docker,
    docker_is_ready,
    running,
)
from tests.host.backends.docker.units import KeptSink, unit
from tests.host.waiting import until

pytestmark = pytest.mark.docker
SECRET = "hunter2 and 'more'\nin $two lines"


@pytest.fixture(scope="session", autouse=True)
def _daemon() -> None:
    docker_is_ready()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[DockerBackend]:
    """Sees the containers of this test alone, and leaves none of them."""
    made = DockerBackend({**os.environ, "MY_KEY": SECRET}, time.time, home=str(tmp_path))
    yield made
    for handle in made.find():
        made.remove(handle)


def agent(code: str, **run: Any) -> UnitSpec:
    """An agent in mle-bench's image that runs a bash program."""
    return unit(command=("bash", "-c", code), **{"agent_image": BASE, **run})


def small(code: str, **run: Any) -> UnitSpec:
    """The same as a plain container, which starts faster."""
    return agent(code, **{"agent_image": SMALL, "mle_bench": False, **run})


# ---------------------------------------------------------------- the life of a run


def test_an_agent_as_mle_bench_starts_it(backend: DockerBackend, tmp_path: Path) -> None:
    """User, folder, variables and server are the benchmark's; the result comes back."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "train.csv").write_text("id,y\n1,2\n")
    code = """
        id -un; id -gn; pwd; echo "$HOME"; cat data/train.csv; printf '%s\\n' "$API_KEY"; echo "$PLAIN"
        curl -s -o /dev/null -w '%{http_code}\\n' http://localhost:5000/health
        mkdir -p code logs; echo 'id,y' > submission/submission.csv; echo 'print(1)' > code/best.py
        ln -s /etc/passwd code/link; ln submission/submission.csv submission/twin.csv
        touch logs/run.json; ls /private 2>/dev/null; { echo x > data/no; } 2>/dev/null; echo end >&2; exit 3
    """
    one = agent(
        code,
        env={"API_KEY": Secret("MY_KEY"), "PLAIN": "a\nb"},
        mounts=(Mount(str(tmp_path / "public"), "/home/data"),),
    )
    with running(backend, one) as run:
        ending = run.ended()
        assert (ending.exit_code, ending.cause) == (3, "exit")
        assert ending.started is not None
        assert ending.finished is not None
        assert 0 <= ending.finished - ending.started < 30
        assert run.sink.text("stdout").splitlines() == [
            *("nonroot", "nonroot", "/home", "/home/nonroot", "id,y", "1,2"),
            *SECRET.split("\n"),
            *("a", "b", "200"),
        ]
        assert run.sink.text("stderr") == "end\n"
        got = backend.collect(run.handle, one.run, tmp_path / "in", CollectLimits())
        assert got.left_out == ("code: code/link: no regular file: link",)
        found = {p.relative_to(tmp_path / "in").as_posix() for p in (tmp_path / "in").rglob("*.*")}
        assert found == {
            *("submission/submission.csv", "submission/twin.csv", "code/best.py"),
            *("logs/run.json", "logs/entrypoint.log"),
        }
        assert "grading_server" in (tmp_path / "in" / "logs" / "entrypoint.log").read_text()
    assert backend.find() == []


def test_a_secret_is_seen_by_the_agent_only(backend: DockerBackend) -> None:
    code = "echo ready; sleep 600"
    with running(backend, agent(code, env={"API_KEY": Secret("MY_KEY")})) as run:
        run.says("ready")
        assert "hunter2" not in docker("inspect", run.handle.id)
        assert "hunter2" not in docker("top", run.handle.id, "-eo", "pid,args")
        inside = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c hunter2; true"
        exec_as = {user: ("exec", "--user", user, run.handle.id) for user in ("nonroot", "root")}
        # The agent has it; root's server of the image has not.
        assert docker(*exec_as["nonroot"], "bash", "-c", inside) == "1\n"
        assert docker(*exec_as["root"], "bash", "-c", inside) == "0\n"
        assert "secrets" not in docker(*exec_as["root"], "ls", "/.swarm-evo")


def test_output_is_apart_and_complete(backend: DockerBackend) -> None:
    code = """
        for i in $(seq 1000); do echo "out $i"; echo "err $i" >&2; done
        head -c 50000 /dev/zero | tr '\\0' z; echo
        printf '10%%\\r20%%\\r'; sleep 0.2; printf '30%%\\n'; printf 'no line feed'
    """
    with running(backend, small(code)) as run:
        assert run.ended().exit_code == 0
        numbers = range(1, 1001)
        out = "".join(f"out {i}\n" for i in numbers)
        assert run.sink.text("stdout") == f"{out}{'z' * 50000}\n10%\r20%\r30%\nno line feed"
        assert run.sink.text("stderr") == "".join(f"err {i}\n" for i in numbers)


def test_two_at_once_do_not_mix(backend: DockerBackend) -> None:
    """Each has a network of its own, and so its own server on port 5000."""
    code = 'for i in 1 2 3; do echo "$NAME $i"; sleep 0.1; done; exit "$CODE"'
    first = agent(code, env={"NAME": "first", "CODE": "1"})
    second = UnitSpec(**{**_fields(first), "unit_id": "churn-2"})
    second = _with_env(second, NAME="second", CODE="2")
    with running(backend, first) as one, running(backend, second) as two:
        assert {handle.name for handle in backend.find("group")} == {"churn-1-1", "churn-2-1"}
        assert one.ended().exit_code == 1
        assert two.ended().exit_code == 2
        assert one.sink.text("stdout") == "first 1\nfirst 2\nfirst 3\n"
        assert two.sink.text("stdout") == "second 1\nsecond 2\nsecond 3\n"


def _fields(one: UnitSpec) -> dict[str, Any]:
    return {name: getattr(one, name) for name in UnitSpec.__dataclass_fields__}


def _with_env(one: UnitSpec, **env: str) -> UnitSpec:
    fields = {name: getattr(one.run, name) for name in type(one.run).__dataclass_fields__}
    return UnitSpec(**{**_fields(one), "run": type(one.run)(**{**fields, "env": env})})


def test_a_second_start_is_the_same_container(backend: DockerBackend) -> None:
    one = small("echo started; exec sleep 600")
    with running(backend, one) as run:
        run.says("started")
        assert backend.start(one, 1) == run.handle
        other = backend.start(one, 2)
        assert other.name == "churn-1-2"
        backend.remove(other)
        backend.stop(run.handle, 5)
        assert backend.start(one, 1) == run.handle
        assert run.ended().cause == "stopped"
        assert run.sink.text("stdout") == "started\n"


# ---------------------------------------------------------------- limits


def test_limits_are_in_force(backend: DockerBackend) -> None:
    limits = Resources(cpus=0.5, memory=256 * 2**20, shm=32 * 2**20, pids=64)
    code = """
        for place in memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us \\
            pids/pids.max memory.max cpu.max pids.max; do
            [ ! -e /sys/fs/cgroup/$place ] || echo "${place##*/} $(cat /sys/fs/cgroup/$place)"
        done
        df --output=size -k /dev/shm | tail -n 1
    """
    with running(backend, small(code, resources=limits)) as run:
        assert run.ended().exit_code == 0
        said = run.sink.text("stdout").split()
        assert str(256 * 2**20) in said
        assert "50000" in said
        assert "64" in said
        assert str(32 * 1024) in said


def test_no_network_is_none(backend: DockerBackend) -> None:
    code = "ls /sys/class/net; exec 3<>/dev/tcp/192.0.2.1/80"
    with running(backend, small(code)) as run:
        assert run.ended().exit_code == 1
        assert run.sink.text("stdout") == "lo\n"
        assert "unreachable" in run.sink.text("stderr").lower()


def test_too_much_memory(backend: DockerBackend) -> None:
    code = "exec python3 -c 'print(len(bytearray(10**9)))'"
    with running(backend, agent(code, resources=Resources(memory=200 * 2**20))) as run:
        ending = run.ended()
        assert (ending.exit_code, ending.cause) == (137, "oom")


def test_a_program_of_the_agent_that_dies_for_memory_is_the_agents_own_affair(
    backend: DockerBackend,
) -> None:
    code = "python3 -c 'print(len(bytearray(10**9)))'; echo \"it ended with $?\"; exit 0"
    with running(backend, agent(code, resources=Resources(memory=200 * 2**20))) as run:
        assert run.ended().cause == "exit"
        assert "it ended with 137" in run.sink.text("stdout")


def test_a_report_is_read_while_the_agent_runs(backend: DockerBackend) -> None:
    """And a link, which an agent may have put there, is not followed."""
    code = """
        mkdir -p logs; echo '{"best": {"score": 0.5}}' > logs/run.json; ln -s /etc/passwd logs/link
        echo ready; sleep 600
    """
    with running(backend, agent(code)) as run:
        run.says("ready")
        assert backend.peek(run.handle, "/home/logs/run.json", 100) == b'{"best": {"score": 0.5}}\n'
        assert backend.peek(run.handle, "/home/logs/run.json", 10) is None
        assert backend.peek(run.handle, "/home/logs/link", 10_000) is None
        assert backend.peek(run.handle, "/home/logs/none", 100) is None
        assert backend.poll(run.handle) is None


# ---------------------------------------------------------------- stops


def test_a_term_reaches_the_agent_and_it_has_its_whole_grace(backend: DockerBackend) -> None:
    """mle-bench's own stop never tells the agent; runuser would kill it after two seconds."""
    code = """
        trap 'echo told; sleep 4; echo y > submission/submission.csv; echo saved; exit 0' TERM
        echo ready; while :; do sleep 0.1; done
    """
    with running(backend, agent(code)) as run:
        run.says("ready")
        backend.stop(run.handle, 60)
        ending = run.ended()
        assert (ending.exit_code, ending.cause) == (0, "stopped")
        assert run.sink.text("stdout") == "ready\ntold\nsaved\n"


def test_an_agent_that_is_deaf_is_killed_after_its_grace(
    backend: DockerBackend, tmp_path: Path
) -> None:
    one = agent("trap '' TERM; echo x > submission/s.csv; echo ready; while :; do sleep 0.1; done")
    with running(backend, one) as run:
        run.says("ready")
        begin = time.monotonic()
        backend.stop(run.handle, 1)
        assert time.monotonic() - begin < 30
        ending = run.ended()
        assert (ending.exit_code, ending.cause) == (137, "stopped")
        got = backend.collect(run.handle, one.run, tmp_path / "in", CollectLimits())
        assert (tmp_path / "in" / "submission" / "s.csv").read_text() == "x\n"
        assert got.left_out == ()
        # Another process, which knows of no stop, reads the same.
        assert DockerBackend(os.environ, time.time).poll(run.handle) == ending


def test_a_kill_by_somebody_else(backend: DockerBackend) -> None:
    with running(backend, small("echo ready; sleep 600")) as run:
        run.says("ready")
        docker("kill", run.handle.id)
        ending = run.ended()
        assert (ending.exit_code, ending.cause) == (137, "killed")


def test_what_is_removed_is_lost(backend: DockerBackend) -> None:
    handle = backend.start(small("sleep 600"), 1)
    backend.remove(handle)
    backend.remove(handle)
    with pytest.raises(Lost):
        backend.poll(handle)
    with pytest.raises(Lost):
        backend.follow(handle, KeptSink(), threading.Event())
    with pytest.raises(Lost):
        backend.collect(handle, unit().run, Path("nowhere"), CollectLimits())


# ---------------------------------------------------------------- what cannot start


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({"agent_image": "no-such-image:1"}, "No such image"),
        ({"resources": Resources(cpus=10_000)}, "CPUs"),
        ({"resources": Resources(gpus="all")}, "NVIDIA container toolkit"),
        ({"mounts": (Mount("/nowhere/at/all", "/x"),)}, "does not exist"),
        ({"resources": Resources(memory=1000)}, "memory limit"),
    ],
)
def test_starts_that_the_daemon_refuses(
    backend: DockerBackend, run: dict[str, Any], why: str
) -> None:
    if "gpus" in str(run) and shutil.which("nvidia-container-runtime-hook"):
        pytest.skip("this machine has the toolkit")
    with pytest.raises(UsageError, match=why):
        backend.start(small("true", **run), 1)
    assert backend.find() == []


def test_a_program_that_is_not_there_is_the_agents_fault(backend: DockerBackend) -> None:
    with running(backend, unit(agent_image=BASE, command=("no-such-program",))) as run:
        assert run.ended().exit_code == 127
        assert "no-such-program" in run.sink.text("stderr")


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        (f"FROM {SMALL}\n", "no user nonroot"),
        (f'FROM {BASE}\nENTRYPOINT ["/bin/false"]\n', "ended before its server answered"),
    ],
)
def test_an_image_that_is_not_mle_benchs(
    backend: DockerBackend, tmp_path: Path, dockerfile: str, why: str
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    backend.build(BuildConfig(str(tmp_path)), "swarm-evo-test:odd", KeptSink())
    try:
        one = agent("echo never", agent_image="swarm-evo-test:odd")
        with running(backend, one) as run:
            run.thread.join(WAIT_S)
            with pytest.raises(Exception, match=why) as caught:
                backend.poll(run.handle)
            assert getattr(caught.value, "cause", None) == "unhealthy"
            assert why in run.sink.text("stderr")
            assert "never" not in run.sink.text("stdout")
    finally:
        docker("image", "rm", "--force", "swarm-evo-test:odd")


def test_preflight_on_a_real_daemon(backend: DockerBackend) -> None:
    assert backend.preflight(agent("true").run) == []
    (problem,) = backend.preflight(agent("true", agent_image="no-such-image:1").run)
    assert problem.what == "there is no image no-such-image:1 here"


def test_what_a_hostile_agent_leaves(backend: DockerBackend, tmp_path: Path) -> None:
    code = """
        rm -rf submission; ln -s /etc submission; ln -s /.swarm-evo code; mkfifo logs/pipe
        echo x > "logs/$(printf 'a\\377b')"; echo x > "logs/$(printf 'a\\nb')"
        echo ok > logs/closed; chmod 000 logs/closed; truncate -s 8G logs/sparse
    """
    one = agent(code)
    with running(backend, one) as run:
        assert run.ended().exit_code == 0
        limits = CollectLimits(total_bytes=20_000_000)
        got = backend.collect(run.handle, one.run, tmp_path / "in", limits)
    assert sorted(got.left_out) == [
        "code: code: no regular file: link",
        "logs: logs/a?b: its name holds control characters",
        "logs: logs/a\\xffb: its name is no UTF-8",
        "logs: logs/pipe: no regular file: device",
        "logs: logs/sparse: 8589934592 bytes are more than there is room for",
        "logs: reading stopped, since it does not end",
        "submission: submission: no regular file: link",
    ]
    files = {path.name for path in (tmp_path / "in").rglob("*") if not path.is_dir()}
    assert files == {"closed", "entrypoint.log"}
    assert (tmp_path / "in" / "logs" / "closed").read_text() == "ok\n"


# ---------------------------------------------------------------- the client is killed

_FOLLOW = """
import json, os, sys, threading, time
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.records import Handle

class Journal:
    '''One line for each piece with its position: a half line counts as nothing.'''
    def __init__(self, path):
        self.file, self.marks = open(path, "a"), {}
        for line in open(path).read().splitlines():
            stream, data, mark = json.loads(line)
            self.marks[stream] = mark or self.marks.get(stream)
    def write(self, stream, data, mark=None):
        os.write(self.file.fileno(), json.dumps([stream, data.decode(), mark]).encode() + b"\\n")
    def mark(self, stream):
        return self.marks.get(stream)

name, path = sys.argv[1:]
handle = Handle("docker", name, "")
DockerBackend(os.environ, time.time).follow(handle, Journal(path), threading.Event())
"""


def follower(handle: Handle, path: Path) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "host")}
    return subprocess.Popen([sys.executable, "-c", _FOLLOW, handle.name, str(path)], env=environ)


def journal(path: Path, stream: str) -> str:
    lines = path.read_text().splitlines() if path.exists() else []
    pieces = [json.loads(line) for line in lines]
    return "".join(data for name, data, _ in pieces if name == stream)


def test_a_follower_that_is_killed_leaves_no_gap_and_no_double(
    backend: DockerBackend, tmp_path: Path
) -> None:
    code = """
        for i in $(seq 3000); do
            echo "out $i"; [ $((i % 7)) -ne 0 ] || echo "err $i" >&2; [ $((i % 20)) -ne 0 ] || sleep 0.02
        done
    """
    path = tmp_path / "journal.jsonl"
    handle = backend.start(small(code), 1)
    for enough in (300, 1200):
        process = follower(handle, path)
        until(lambda n=enough: journal(path, "stdout").count("\n") > n, f"{enough} lines")  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert backend.poll(handle) is None
    assert follower(handle, path).wait(WAIT_S) == 0
    assert journal(path, "stdout") == "".join(f"out {i}\n" for i in range(1, 3001))
    assert journal(path, "stderr") == "".join(f"err {i}\n" for i in range(7, 3001, 7))
    ending = backend.poll(handle)
    assert ending is not None
    assert ending.exit_code == 0


def test_orphans_are_found_and_removed_by_another_process(
    backend: DockerBackend, tmp_path: Path
) -> None:
    """Those of its own runs folder; others are none of its business."""
    one = small("sleep 600")
    backend.start(one, 1)
    elsewhere = DockerBackend(os.environ, time.time, home=str(tmp_path / "elsewhere"))
    assert elsewhere.find() == []
    again = DockerBackend(os.environ, time.time, home=str(tmp_path))
    assert [handle.name for handle in again.find("group")] == ["churn-1-1"]
    assert again.find("other") == []
    for handle in again.find():
        again.remove(handle)
    assert backend.find() == []


# ---------------------------------------------------------------- builds


def build(
    backend: DockerBackend, context: Path, dockerfile: str, **config: Any
) -> tuple[str, BuildFailed | None]:
    """Output and failure of a build, whose image is removed again."""
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    sink, failed = KeptSink(), None
    try:
        backend.build(BuildConfig(str(context), **config), "swarm-evo-test:built", sink)
    except BuildFailed as error:
        failed = error
    finally:
        environ = {**os.environ}
        subprocess.run(
            ["docker", "image", "rm", "--force", "swarm-evo-test:built"],
            capture_output=True,
            env=environ,
        )
    return sink.text("build"), failed


def builders() -> list[Any]:
    """The classic builder; and BuildKit, where some docker command here has it."""
    found: list[Any] = [pytest.param({"DOCKER_BUILDKIT": "0"}, id="classic")]
    old = Path("/usr/bin/docker")
    buildx = subprocess.run(["docker", "buildx", "version"], capture_output=True).returncode == 0
    if buildx:
        found.append(pytest.param({"DOCKER_BUILDKIT": "1"}, id="buildkit"))
    elif old.exists():
        # Up to 20.10 the command itself speaks to BuildKit.
        known = {"DOCKER_BUILDKIT": "1", "SWARM_HOST_DOCKER": str(old)}
        found.append(pytest.param(known, id="buildkit"))
    return found


def builders_or_none() -> list[Any]:
    return builders() if shutil.which("docker") else []


@pytest.mark.parametrize("variables", builders_or_none())
def test_builds(tmp_path: Path, variables: Mapping[str, str]) -> None:
    environ = {**os.environ, **variables, "MY_TOKEN": "token-of-mine"}
    backend = DockerBackend(environ, time.time, home=str(tmp_path))
    before = docker("ps", "--all", "--quiet", "--filter", f"ancestor={SMALL}")
    good = f'FROM {SMALL}\nARG A\nARG TOKEN\nRUN echo "A is $A" && test -n "$TOKEN" && echo done\n'
    arguments = {"A": "b c", "TOKEN": Secret("MY_TOKEN")}
    said, failed = build(
        backend, tmp_path / "good", good, build_args=arguments, platform="linux/amd64"
    )
    assert failed is None
    assert "A is b c" in said
    said, failed = build(
        backend, tmp_path / "bad", f"FROM {SMALL}\nRUN echo about to fail; exit 9\n"
    )
    assert failed is not None
    assert failed.exit_code in (1, 9)
    assert "about to fail" in said
    assert "exit 9" in str(failed) or "code: 9" in str(failed)
    # Nothing of the failed step is left either.
    assert docker("ps", "--all", "--quiet", "--filter", f"ancestor={SMALL}") == before
    said, failed = build(backend, tmp_path / "none", "FROM no-such-base-image\n")
    assert failed is not None
    said, failed = build(backend, tmp_path / "typo", f"FROM {SMALL}\nRUNN x\n")
    assert failed is not None
    assert "RUNN" in str(failed)


def test_the_classic_builder_is_not_believed_about_the_platform(tmp_path: Path) -> None:
    environ = {**os.environ, "DOCKER_BUILDKIT": "0"}
    backend = DockerBackend(environ, time.time)
    _, failed = build(backend, tmp_path / "c", f"FROM {SMALL}\nENV A=b\n", platform="linux/arm64")
    assert failed is not None
    assert "linux/arm64" in str(failed)


# ---------------------------------------------------------------- the daemon goes away


@pytest.fixture(scope="module")
def own() -> Iterator[OwnDaemon]:
    """A second daemon with the small image. Its folder has a short name: sockets need one."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("NOT RUN: a daemon of one's own needs root and dockerd")
    folder = Path(f"/var/tmp/swarm-evo-own-{os.getpid()}")
    folder.mkdir()
    daemon = OwnDaemon(folder)
    try:
        daemon.start()
        saved = subprocess.run(["docker", "save", SMALL], capture_output=True, check=True).stdout
        docker("load", environ=daemon.environ, stdin=saved)
        yield daemon
    finally:
        daemon.remove()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_daemon_that_goes_away_is_told_from_an_agent_that_ends(own: OwnDaemon, way: str) -> None:
    backend = DockerBackend(own.environ, time.time)
    code = 'for i in $(seq 100000); do echo "line $i"; sleep 0.01; done'
    handle = backend.start(small(code), 1)
    sink, stop = KeptSink(), threading.Event()
    lost = list[BaseException]()

    def follow() -> None:
        try:
            backend.follow(handle, sink, stop)
        except DaemonLost as error:
            lost.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: "line 20\n" in sink.text("stdout"), "output")
    getattr(own, way)()
    thread.join(WAIT_S)
    assert lost
    with pytest.raises(DaemonLost):
        backend.poll(handle)
    with pytest.raises(DaemonLost):
        backend.collect(handle, unit().run, Path("nowhere"), CollectLimits())
    own.start()
    # What the agent printed meanwhile is there too, and nothing twice.
    backend.follow(handle, sink, stop)
    ending = backend.poll(handle)
    assert ending is not None
    assert ending.cause == "daemon_lost"
    assert ending.exit_code in (137, 143)
    lines = sink.text("stdout").splitlines()
    assert lines == [f"line {i}" for i in range(1, len(lines) + 1)]
    assert backend.collect(handle, unit().run, Path("nowhere"), CollectLimits()) == Collected(0, 0)
    backend.remove(handle)
    assert backend.find() == []
