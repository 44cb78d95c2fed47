"""The backend against a docker command whose answers are written down: every class of failure."""

from __future__ import annotations

import errno
import io
import os
import shlex
import tarfile
import threading
import time
from pathlib import Path

import pytest
from swarm_host.backends.docker import follow
from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.backends.docker.client import DockerCommand, Outages, failure
from swarm_host.errors import (
    Capacity,
    Credentials,
    DaemonLost,
    HostError,
    Lost,
    NeverStarted,
    PrivateMount,
    SpecError,
    Transfer,
    Transient,
    UsageError,
)
from swarm_host.records import Collected, CollectLimits, Handle, Mount, Outputs, Secret, Stream

from tests.host.backends.docker.fake import (
    GONE,
    NO_CONTAINER,
    TAKEN,
    FakeDocker,
    image,
    inspected,
)
from tests.host.backends.docker.units import KeptSink, unit

HANDLE = Handle("docker", "churn-1-1", "c0ffee")
LABELS = {
    "swarm-evo.project": "swarm-evo",
    "swarm-evo.group": "group",
    "swarm-evo.unit": "churn-1",
    "swarm-evo.attempt": "1",
    "swarm-evo.folder": "/runs/g/churn_1",
    "swarm-evo.start": "durable",
    "of": "the image",
}
NEVER = threading.Event()


@pytest.fixture
def ready(docker: FakeDocker) -> FakeDocker:
    """A daemon that has mle-bench's image and starts what it is told to."""
    docker.says("image inspect", (0, image(["/entrypoint.sh"]), ""))
    docker.says("create", (0, "c0ffee\n", ""))
    return docker


# ---------------------------------------------------------------- start


def test_a_start(ready: FakeDocker) -> None:
    assert ready.backend().start(unit(), 1) == HANDLE
    assert ready.verbs() == ["image", "create", "start"]
    assert ready.calls("start")[0]["words"] == ["start", "c0ffee"]


def test_a_plain_start_does_not_ask_for_the_image(ready: FakeDocker) -> None:
    ready.backend().start(unit(mle_bench=False), 1)
    assert ready.verbs() == ["create", "start"]


def test_values_are_on_no_command_line(ready: FakeDocker) -> None:
    ready.environ |= {"MY_KEY": "secret-value\nline 2", "HOST_ONLY": "x"}
    env = {"API_KEY": Secret("MY_KEY"), "PLAIN": "plain-value", "PATH": "/agent/bin"}
    ready.backend().start(unit(env=env), 1)
    everything = [word for call in ready.calls() for word in call["words"]]
    assert not [word for word in everything if "value" in word or "/agent/bin" in word]
    create, copy = ready.calls("create")[0], ready.calls("cp")[0]
    assert create["env"]["PLAIN"] == "plain-value"
    # The command finds its own PATH, and the container's in a private file that is gone now.
    assert create["env"].get("PATH") != "/agent/bin"
    assert create["files"]["--env-file"] == ["PATH=/agent/bin\n", "0o100600"]
    assert not Path(create["words"][create["words"].index("--env-file") + 1]).parent.exists()
    # A secret is neither in the container's variables nor in anybody else's.
    assert "API_KEY" not in create["words"]
    assert all("API_KEY" not in call["env"] for call in ready.calls())
    assert copy["words"] == ["cp", "-", "c0ffee:/"]
    archive = tarfile.open(fileobj=io.BytesIO(bytes.fromhex(copy["stdin"])))
    modes = {member.name: oct(member.mode) for member in archive.getmembers()}
    assert modes == {".swarm-evo": "0o700", ".swarm-evo/secrets": "0o600"}
    content = archive.extractfile(".swarm-evo/secrets")
    assert content is not None
    assert content.read() == b"export API_KEY='secret-value\nline 2'\n"
    assert ready.verbs() == ["image", "create", "cp", "start"]


def test_a_plain_container_gets_its_secrets_from_the_environment(ready: FakeDocker) -> None:
    ready.environ |= {"MY_KEY": "secret-value"}
    ready.backend().start(unit(mle_bench=False, env={"API_KEY": Secret("MY_KEY")}), 1)
    (create,) = ready.calls("create")
    assert create["env"]["API_KEY"] == "secret-value"
    words = create["words"]
    assert words[words.index("--env") + 1] == "API_KEY"
    assert not any("secret-value" in word for call in ready.calls() for word in call["words"])


def test_a_secret_that_is_not_set_starts_nothing(ready: FakeDocker) -> None:
    with pytest.raises(Credentials, match="MY_KEY"):
        ready.backend().start(unit(env={"API_KEY": Secret("MY_KEY")}), 1)
    assert ready.calls() == []


def test_a_name_that_no_shell_takes_starts_nothing(ready: FakeDocker) -> None:
    ready.environ["MY_KEY"] = "secret-value"
    with pytest.raises(SpecError, match="is no name"):
        ready.backend().start(unit(env={"A; rm -rf /": Secret("MY_KEY")}), 1)
    assert ready.calls() == []


def test_answers_are_never_mounted(ready: FakeDocker, tmp_path: Path) -> None:
    (tmp_path / "data" / "churn" / "prepared" / "private").mkdir(parents=True)
    mounts = (Mount(str(tmp_path / "data"), "/data"),)
    with pytest.raises(PrivateMount, match="shows answers"):
        ready.backend().start(unit(mounts=mounts), 1)
    assert ready.calls() == []
    allowed = unit(mounts=mounts, allow_private=True)
    assert ready.backend().start(allowed, 1) == HANDLE
    assert ready.backend().isolation(allowed.run) == "open"
    assert ready.backend().isolation(unit().run) == "docker"


def test_a_container_that_is_there_already_is_adopted(ready: FakeDocker) -> None:
    ready.says("create", (1, "", TAKEN))
    for status in ("running", "exited"):
        ready.says("inspect", (0, inspected(status, labels=LABELS), ""))
        assert ready.backend().start(unit(), 1) == HANDLE
    assert ready.calls("start") == []


def test_a_container_that_was_created_only_is_started(ready: FakeDocker) -> None:
    """The process that created it was killed before the start."""
    ready.environ["MY_KEY"] = "secret-value"
    ready.says("create", (1, "", TAKEN))
    ready.says("inspect", (0, inspected("created", labels=LABELS), ""))
    assert ready.backend().start(unit(env={"K": Secret("MY_KEY")}), 1) == HANDLE
    assert ready.verbs() == ["image", "create", "inspect", "cp", "start"]


@pytest.mark.parametrize("label", ["project", "group", "unit", "attempt", "folder", "start"])
def test_a_strangers_container_of_that_name_is_not_adopted(ready: FakeDocker, label: str) -> None:
    ready.says("create", (1, "", TAKEN))
    other = LABELS | {f"swarm-evo.{label}": "other"}
    ready.says("inspect", (0, inspected("running", labels=other), ""))
    with pytest.raises(UsageError, match="it is not ours; remove it: docker rm churn-1-1"):
        ready.backend().start(unit(), 1)
    assert ready.calls("start") == ready.calls("rm") == []


OF_THE_DAEMON = "Error response from daemon: "


@pytest.mark.parametrize(
    ("verb", "err", "kind", "why"),
    [
        ("image inspect", "Error: No such image: agent:1", UsageError, "build it or pull it"),
        ("image inspect", GONE, DaemonLost, "does not answer"),
        ("create", f"{OF_THE_DAEMON}No such image: agent:1", UsageError, "build it or pull it"),
        ("create", f"{OF_THE_DAEMON}Range of CPUs is from 0.01 to 2.00", UsageError, "CPUs"),
        ("create", f"{OF_THE_DAEMON}Unknown runtime specified x", UsageError, "runtime"),
        ("create", f"{OF_THE_DAEMON}image was found but does not match the specified platform: "
         "wanted linux/arm64, actual: linux/amd64", UsageError, "for that platform"),
        ("create", f"{OF_THE_DAEMON}mkdir /x: no space left on device", Capacity, "no space"),
        ("create", GONE, DaemonLost, "does not answer"),
        ("create", "error during connect: Post http://h/v1: EOF", DaemonLost, "does not answer"),
        ("create", 'permission denied while trying to connect to the docker API at "unix:///v"',
         UsageError, "group docker"),
        ("start", f'{OF_THE_DAEMON}could not select device driver "" with capabilities: [[gpu]]\n'
         "Error: failed to start containers: churn-1-1", UsageError, "NVIDIA container toolkit"),
        ("start", f"{OF_THE_DAEMON}invalid mount config for type: bind source path does not exist",
         UsageError, "bind source path"),
        ("start", f"{OF_THE_DAEMON}failed to create task: fork: resource temporarily unavailable",
         Capacity, "temporarily"),
        ("start", NO_CONTAINER, Lost, "No such container"),
        ("start", f'{OF_THE_DAEMON}exec: "docker-init": executable file not found in $PATH',
         UsageError, "install tini"),
    ],
)  # fmt: skip
def test_starts_that_fail(
    ready: FakeDocker, verb: str, err: str, kind: type[HostError], why: str
) -> None:
    ready.says(verb, (1, "", err))
    with pytest.raises(kind, match=why) as caught:
        ready.backend().start(unit(), 1)
    assert "failed to start containers" not in str(caught.value)
    # What could not be started is not left lying about.
    assert len(ready.calls("rm")) == (verb == "start")


def test_a_daemon_that_goes_away_in_a_start_keeps_the_container(ready: FakeDocker) -> None:
    """It may have started: the next start of this attempt adopts it."""
    ready.says("start", (1, "", "unexpected EOF"))
    with pytest.raises(DaemonLost):
        ready.backend().start(unit(), 1)
    assert ready.calls("rm") == []


def test_a_daemon_that_hangs_is_a_daemon_that_is_gone(ready: FakeDocker) -> None:
    ready.says("ps", ("hang", "", ""))
    prefix = shlex.split(ready.environ["SWARM_HOST_DOCKER"])
    outages = Outages(lambda: 100.0)
    command = DockerCommand(prefix, {}, outages, answer_s=1.0)
    with pytest.raises(DaemonLost, match="ps did not answer within 1 s"):
        command.ask(["ps"])
    assert outages.covers(100.0)
    assert not still_running(ready)


def test_no_docker_at_all(tmp_path: Path) -> None:
    backend = DockerBackend({"SWARM_HOST_DOCKER": str(tmp_path / "docker")}, lambda: 0.0)
    for act in (lambda: backend.start(unit(), 1), backend.find):
        with pytest.raises(UsageError, match="there is no command"):
            act()


@pytest.mark.parametrize("words", ["sudo docker", "/usr/bin/sudo -E docker", "ssh box docker"])
def test_a_command_that_drops_variables_is_refused(words: str) -> None:
    """docker says nothing of variables that it does not find: agents would run without their keys."""
    with pytest.raises(UsageError, match="does not hand variables on"):
        DockerBackend({"SWARM_HOST_DOCKER": words}, lambda: 0.0)


def test_a_command_with_an_open_quote_is_refused() -> None:
    with pytest.raises(UsageError, match="No closing quotation"):
        DockerBackend({"SWARM_HOST_DOCKER": "docker 'x"}, lambda: 0.0)


# ---------------------------------------------------------------- plans


def test_a_plan_needs_no_docker_and_shows_no_value(tmp_path: Path) -> None:
    environ = {"SWARM_HOST_DOCKER": str(tmp_path / "docker"), "K": "secret-value"}
    backend = DockerBackend(environ, lambda: 0.0)
    planned = backend.plan(unit(env={"API_KEY": Secret("K"), "A": "value", "PATH": "/value"}), 3)
    assert [words[:2] for words in planned] == [
        [str(tmp_path / "docker"), verb] for verb in ("create", "cp", "start")
    ]
    words = [word for command in planned for word in command]
    assert not any("value" in word for word in words)
    create = planned[0]
    assert create[create.index("--env") + 1] == "A"
    assert create[create.index("--env-file") + 1] == "ENV_FILE"
    assert "/entrypoint.sh" in create


def test_a_plan_is_what_is_done(ready: FakeDocker) -> None:
    one = unit()
    ready.says("info", (0, "{}", ""))
    planned = ready.backend().plan(one, 1)
    before = len(ready.calls())
    ready.backend().start(one, 1)
    done = [call["words"] for call in ready.calls()[before:]]
    assert [words[1:] for words in planned] == [done[1], ["start", "churn-1-1"]]


def test_a_plan_of_a_secret_that_is_not_set(ready: FakeDocker) -> None:
    assert len(ready.backend().plan(unit(env={"A": Secret("NOT_SET")}), 1)) == 3


# ---------------------------------------------------------------- poll, stop, remove, find


def test_a_poll_while_it_runs_and_after(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("running"), ""), (0, inspected("exited", 3), ""))
    docker.says("cp", (1, "", "Error: Could not find the file /.swarm-evo/notes in container c"))
    backend = docker.backend()
    assert backend.poll(HANDLE) is None
    ending = backend.poll(HANDLE)
    assert ending is not None
    assert (ending.exit_code, ending.cause) == (3, "exit")


@pytest.mark.parametrize("verb", ["inspect", "cp"])
def test_a_daemon_that_says_something_odd_costs_no_agent(docker: FakeDocker, verb: str) -> None:
    docker.says("inspect", (0, inspected("exited"), ""))
    docker.says(verb, (1, "", "Error response from daemon: something went wrong inside"))
    with pytest.raises(Transient, match="something went wrong"):
        docker.backend().poll(HANDLE)


def test_a_command_that_is_being_replaced_costs_no_agent(tmp_path: Path) -> None:
    backend = DockerBackend({"SWARM_HOST_DOCKER": str(tmp_path / "docker")}, lambda: 0.0)
    with pytest.raises(DaemonLost, match="there is no command"):
        backend.poll(HANDLE)
    with pytest.raises(DaemonLost, match="there is no command"):
        backend.stop(HANDLE, 1)
    with pytest.raises(DaemonLost, match="there is no command"):
        backend.follow(HANDLE, KeptSink(), NEVER)
    with pytest.raises(DaemonLost, match="there is no command"):
        backend.collect(HANDLE, unit().run, tmp_path / "in", CollectLimits())


def test_a_container_that_is_gone_is_lost(docker: FakeDocker) -> None:
    docker.says("inspect", (1, "[]\n", "Error: No such object: c0ffee"))
    with pytest.raises(Lost):
        docker.backend().poll(HANDLE)


def notes(**content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in {"notes": b"", **content}.items():
            member = tarfile.TarInfo(f"notes/{name.replace('_', '-')}" if data else name)
            member.type = tarfile.REGTYPE if data else tarfile.DIRTYPE
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_notes_in_the_container_tell_why(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("exited", 125, LABELS), ""))
    docker.says("cp", (0, notes(start_failed=b"no server\n"), ""))
    with pytest.raises(NeverStarted, match="no server"):
        docker.backend().poll(HANDLE)


def test_notes_without_end_are_not_read_to_their_end(docker: FakeDocker) -> None:
    """In a plain container the agent may be root, and write them."""
    docker.says("inspect", (0, inspected("exited", 3), ""))
    docker.says("cp", ("hang", notes(x=b"1" * 10**6).decode("latin-1"), ""))
    ending = docker.backend().poll(HANDLE)
    assert ending is not None
    assert ending.cause == "exit"
    assert not still_running(docker)


@pytest.mark.parametrize(
    ("away_from", "finished", "cause"),
    [
        (900, "1970-01-01T00:15:10Z", "daemon_lost"),
        # When the daemon came back it killed what it found.
        (900, "1970-01-01T00:16:41Z", "daemon_lost"),
        (900, "0001-01-01T00:00:00Z", "daemon_lost"),
        # Killed by somebody before the daemon went away.
        (900, "1970-01-01T00:10:00Z", "killed"),
    ],
)
def test_a_kill_while_the_daemon_was_away_is_not_the_agents_fault(
    docker: FakeDocker, away_from: float, finished: str, cause: str
) -> None:
    now = [away_from]
    docker.says(
        "inspect",
        (1, "", GONE),
        (1, "", GONE),
        (0, inspected("exited", 137, FinishedAt=finished), ""),
    )
    docker.says("cp", (1, "", "Could not find the file"))
    backend = docker.backend(lambda: now[0])
    for _ in range(2):
        with pytest.raises(DaemonLost):
            backend.poll(HANDLE)
    now[0] = 1000.0
    ending = backend.poll(HANDLE)
    assert ending is not None
    assert ending.cause == cause


def test_outages() -> None:
    now = [100.0]
    outages = Outages(lambda: now[0])
    outages.answered()
    assert not outages.covers(100.0)
    assert not outages.covers(None)
    outages.gone()
    assert outages.covers(10**9)
    now[0] = 200.0
    outages.answered()
    assert [outages.covers(moment) for moment in (90, 96, 150, 204, 210)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_stop_leaves_a_note_first(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("running"), ""))
    docker.backend().stop(HANDLE, 4.2)
    assert [call["words"] for call in docker.calls()][1:] == [
        ["cp", "-", "c0ffee:/"],
        ["stop", "-t", "5", "c0ffee"],
    ]
    archive = tarfile.open(fileobj=io.BytesIO(bytes.fromhex(docker.calls("cp")[0]["stdin"])))
    assert archive.getnames()[-1] == ".swarm-evo/notes/stopped"


def test_a_stop_of_what_has_ended_leaves_no_note(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("exited"), ""))
    docker.backend().stop(HANDLE, 5)
    assert docker.verbs() == ["inspect"]


def test_a_stop_works_where_no_note_can_be_left(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("running"), ""))
    docker.says("cp", (1, "", "Error response from daemon: container rootfs is marked read-only"))
    docker.backend().stop(HANDLE, 5)
    assert docker.verbs()[-1] == "stop"


def test_a_stop_that_the_daemon_does_not_answer(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("running"), ""))
    docker.says("stop", (1, "", GONE))
    with pytest.raises(DaemonLost):
        docker.backend().stop(HANDLE, 5)


@pytest.mark.parametrize(
    "err",
    [
        "",
        NO_CONTAINER,
        "Error response from daemon: removal of container c0ffee is already in progress",
        "Error: no container with name or ID c0ffee found: no such container",
    ],
)
def test_a_removal_twice_is_once(docker: FakeDocker, err: str) -> None:
    docker.says("rm", (1 if err else 0, "", err))
    docker.backend().remove(HANDLE)
    (call,) = docker.calls()
    assert call["words"] == ["rm", "--force", "--volumes", "c0ffee"]


def test_a_removal_that_fails_is_told(docker: FakeDocker) -> None:
    docker.says(
        "rm", (1, "", "Error response from daemon: driver failed to remove root filesystem")
    )
    with pytest.raises(UsageError, match="driver failed"):
        docker.backend().remove(HANDLE)


def test_what_is_there_is_found_by_its_labels(docker: FakeDocker) -> None:
    docker.says("ps", (0, "c0ffee churn-1-1\nbeef other-2\n", ""))
    assert docker.backend(home="/runs").find("group") == [
        HANDLE,
        Handle("docker", "other-2", "beef"),
    ]
    words = docker.calls()[0]["words"]
    assert "label=swarm-evo.group=group" in words
    assert "label=swarm-evo.home=/runs" in words
    docker.says("ps", (0, "", ""))
    assert docker.backend().find() == []


# ---------------------------------------------------------------- follow


def line(number: int, text: str) -> str:
    return f"2026-11-30T18:06:12.{number:09d}Z {text}\n"


def test_streams_stay_apart_and_the_end_is_read_once_more(docker: FakeDocker) -> None:
    docker.says(
        "logs",
        (0, line(1, "out 1") + line(3, "out 2"), line(2, "err")),
        (0, line(3, "out 2") + line(4, "last").strip(), line(2, "err")),
    )
    docker.says("inspect", (0, inspected("exited"), ""))
    sink = KeptSink()
    docker.backend().follow(HANDLE, sink, NEVER)
    assert sink.data == {"stdout": b"out 1\nout 2\nlast", "stderr": b"err\n"}
    first, second = (call["words"] for call in docker.calls("logs"))
    assert first == ["logs", "--timestamps", "--follow", "c0ffee"]
    # From the earlier of both marks: each stream leaves out what it has.
    assert second[2:4] == ["--since", "2026-11-30T18:06:12.000000002Z"]
    assert "--follow" not in second


def test_a_second_follower_goes_on_at_the_marks(docker: FakeDocker) -> None:
    docker.says("inspect", (0, inspected("exited"), ""))
    docker.says(
        "logs", (0, line(1, "a") + line(2, "b") + line(3, "c"), line(2, "x") + line(4, "y"))
    )
    sink = KeptSink()
    sink.marks = {"stdout": line(2, "1").strip(), "stderr": line(2, "1").strip()}
    docker.backend().follow(HANDLE, sink, NEVER)
    assert sink.data == {"stdout": b"c\n", "stderr": b"y\n"}


def test_output_that_ends_while_the_container_runs_is_asked_for_again(docker: FakeDocker) -> None:
    """So it looks when a daemon is stopped and started with live-restore."""
    docker.says("inspect", (0, inspected("running"), ""), (0, inspected("exited"), ""))
    docker.says("logs", (0, line(1, "a"), ""), (0, line(1, "a") + line(2, "b"), ""))
    sink = KeptSink()
    docker.backend().follow(HANDLE, sink, NEVER)
    assert sink.data == {"stdout": b"a\nb\n"}
    assert len(docker.calls("logs")) == 3


@pytest.mark.parametrize(
    ("code", "err", "kind"),
    [
        (1, "unexpected EOF\n", DaemonLost),
        (1, GONE, DaemonLost),
        (1, NO_CONTAINER, Lost),
        (
            1,
            "Error response from daemon: configured logging driver does not support reading\n",
            DaemonLost,
        ),
    ],
)
def test_output_that_breaks_off(
    docker: FakeDocker, code: int, err: str, kind: type[HostError]
) -> None:
    docker.says("logs", (code, line(1, "a"), line(2, "x") + err))
    sink = KeptSink()
    with pytest.raises(kind):
        docker.backend().follow(HANDLE, sink, NEVER)
    # docker's own words are not the agent's.
    assert sink.data == {"stdout": b"a\n", "stderr": b"x\n"}


def test_a_daemon_that_stops_ends_the_output_quietly(docker: FakeDocker) -> None:
    docker.says("logs", (0, line(1, "a"), ""))
    docker.says("inspect", (1, "", GONE))
    with pytest.raises(DaemonLost):
        docker.backend().follow(HANDLE, KeptSink(), NEVER)


def test_following_ends_when_it_is_told_to(docker: FakeDocker) -> None:
    docker.says("logs", ("hang", line(1, "a"), ""))
    stop = threading.Event()

    class Stopping(KeptSink):
        def write(self, *given: object) -> None:  # type: ignore[override]
            stop.set()

    begin = time.monotonic()
    docker.backend().follow(HANDLE, Stopping(), stop)
    assert time.monotonic() - begin < 20
    assert docker.verbs() == ["logs"]


def test_a_silent_stream_has_a_position_too(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a second follower would read gigabytes of the other one again."""
    monkeypatch.setattr(follow, "_LATE_S", 0.0)
    docker.says("logs", ("hang", line(1, "a") + line(2, "b"), ""))
    stop = threading.Event()

    class Waiting(KeptSink):
        def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
            super().write(stream, data, mark)
            if stream == "stderr":
                stop.set()

    sink = Waiting()
    docker.backend().follow(HANDLE, sink, stop)
    assert sink.marks == {"stdout": line(2, "1").strip(), "stderr": line(2, "0").strip()}
    assert sink.data == {"stdout": b"a\nb\n", "stderr": b""}


def test_a_sink_that_fails_leaves_no_docker_command(docker: FakeDocker) -> None:
    docker.says("logs", ("hang", line(1, "a"), ""))

    class Full(KeptSink):
        def write(self, *given: object) -> None:  # type: ignore[override]
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        docker.backend().follow(HANDLE, Full(), NEVER)
    assert not still_running(docker)


def still_running(docker: FakeDocker) -> list[str]:
    """Command lines of this test's docker command that are still there."""
    wanted = str(docker.folder / "bin" / "docker").encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in words and process.name != str(os.getpid()):
            found.append(b" ".join(words).decode())
    return found


# ---------------------------------------------------------------- collect


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"top/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


MISSING = (1, "", "Error response from daemon: Could not find the file /home/x in container c0ffee")


def test_three_folders_and_the_entrypoints_log_come_back(
    docker: FakeDocker, tmp_path: Path
) -> None:
    top = archive(a=b"1")
    single = io.BytesIO()
    with tarfile.open(fileobj=single, mode="w") as tar:
        member = tarfile.TarInfo("entrypoint.log")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"log"))
    docker.says("cp", (0, top, ""), MISSING, (0, top, ""), (0, single.getvalue(), ""))
    got = docker.backend().collect(HANDLE, unit().run, tmp_path / "in", CollectLimits())
    assert got == Collected(3, 5)
    found = {
        str(p.relative_to(tmp_path / "in")) for p in (tmp_path / "in").rglob("*") if p.is_file()
    }
    assert found == {"submission/a", "logs/a", "logs/entrypoint.log"}
    assert [call["words"][1] for call in docker.calls("cp")] == [
        "c0ffee:/home/submission",
        "c0ffee:/home/code",
        "c0ffee:/home/logs",
        "c0ffee:/.swarm-evo/entrypoint.log",
    ]


def test_only_what_is_wished_for_is_collected(docker: FakeDocker, tmp_path: Path) -> None:
    docker.says("cp", (0, archive(x=b"1" * 11), ""))
    run = unit(mle_bench=False, outputs=Outputs("/out/submission.csv", None, None)).run
    limits = CollectLimits(submission_bytes=10)
    got = docker.backend().collect(HANDLE, run, tmp_path / "in", limits)
    assert got.files == 0
    assert "11 bytes are more than there is room for" in got.left_out[0]
    assert len(docker.calls()) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((1, "", GONE), DaemonLost),
        ((1, "", NO_CONTAINER), Lost),
        ((1, archive(a=b"1" * 5000)[:2000], "unexpected EOF"), DaemonLost),
        ((0, archive(a=b"1" * 5000)[:2000], ""), Transfer),
        ((0, "", ""), Transfer),
        ((1, "", "Error response from daemon: something odd"), Transfer),
    ],
)
def test_collections_that_fail(
    docker: FakeDocker, tmp_path: Path, answer: tuple[int, bytes, str], kind: type[HostError]
) -> None:
    docker.says("cp", answer)
    with pytest.raises(kind):
        docker.backend().collect(HANDLE, unit().run, tmp_path / "in", CollectLimits())
    assert not still_running(docker)


def test_a_full_disk_of_ours_is_not_dockers_fault(
    docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing more is read then, however much would come."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    docker.says("cp", ("hang", archive(a=b"1" * 5000).decode("latin-1"), ""))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        docker.backend().collect(HANDLE, unit().run, tmp_path / "in", CollectLimits())
    assert not still_running(docker)


def test_an_archive_without_end_is_not_read_to_its_end(docker: FakeDocker, tmp_path: Path) -> None:
    """The command is ended when enough has come."""
    docker.says("cp", ("hang", archive(a=b"1" * 100).decode("latin-1"), ""))
    docker.backend().collect(HANDLE, unit().run, tmp_path / "in", CollectLimits())
    assert not still_running(docker)


@pytest.mark.parametrize(
    "err",
    ["bash: unexpected end of file", "", "connect: connection refused by 1.2.3.4", "Error: x"],
)
def test_words_that_say_nothing_of_the_daemon(err: str) -> None:
    assert isinstance(failure("x", err), UsageError)
