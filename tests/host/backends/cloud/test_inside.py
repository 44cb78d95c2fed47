"""The script that runs in sandboxes, by itself: what needs root, a user and namespaces of its own."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from swarm_host.backends.cloud import inside
from swarm_host.disk.intake import Intake
from swarm_host.records import CollectLimits, Ending

from tests.host.backends.cloud.life import wait_for
from tests.host.backends.cloud.units import LIMIT_S

# A server as mle-bench's image has one: it answers /health on port 5000.
SERVER = """\
import http.server, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", 5000), Answers).serve_forever()
"""
# Namespaces of its own: of mounts for the user and the homes, of processes since all of the user's are ended,
# of the network for port 5000.
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--net")
LOOPBACK = "import fcntl, socket, struct; s = socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 0x41))"


def may_unshare() -> bool:
    tools = all(map(shutil.which, ("unshare", "setpriv", "mount", "bash", "getent")))
    return tools and subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


needs_namespaces = pytest.mark.skipif(
    "not may_unshare()", reason="this machine gives no namespaces (root is needed)"
)


class Machine:
    """A sandbox with the user nonroot, in namespaces of its own. `run` is one connection to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = folder / "place" / "u-1"
        self.home = folder / "home"
        self.where.mkdir(parents=True)
        self.home.mkdir(mode=0o777)
        self.home.chmod(0o777)
        for parent in (self.where, *self.where.parents):
            if parent.is_relative_to(folder.parent):
                parent.chmod(0o755)
        (self.where / "tool").write_text(inside.TOOL)
        (folder / "passwd").write_text(
            Path("/etc/passwd").read_text() + "nonroot:x:4242:4242::/home/nonroot:/bin/sh\n"
        )
        (folder / "group").write_text(Path("/etc/group").read_text() + "nonroot:x:4242:\n")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A shell script in the sandbox, which ends with it."""
        mounts = [
            "mount --make-rprivate /",
            f"mount --bind {shlex.quote(str(self.folder))}/passwd /etc/passwd",
            f"mount --bind {shlex.quote(str(self.folder))}/group /etc/group",
            f"mount --bind {shlex.quote(str(self.home))} /home",
            f"{shlex.quote(sys.executable)} -c {shlex.quote(LOOPBACK)}",
        ]
        whole = "set -e; " + "; ".join([*mounts, script])
        env = {"PATH": os.environ["PATH"], "KEY": "value", "tool": f"{self.where}/tool"}
        return subprocess.run(
            [*UNSHARE, "bash", "-c", whole],
            capture_output=True,
            text=True,
            env=env,
            timeout=LIMIT_S,
        )

    def entrypoint(self, content: str) -> Path:
        path = self.folder / "entrypoint.sh"
        path.write_text(content)
        path.chmod(0o755)
        return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# A follower ends when the agent has ended.
AWAIT = "sh $tool follow 0 0 20 >/dev/null; sh $tool poll"


@needs_namespaces
def test_the_agent_is_nonroot_and_the_server_is_not(machine: Machine) -> None:
    server = machine.folder / "server.py"
    server.write_text(SERVER)
    entry = machine.entrypoint(f"#!/bin/sh\nexec {sys.executable} {server}\n")
    agent = (
        'id -un; echo $HOME $KEY; pwd; (sleep 1000 &) ; id -u 0>&2; cat "$0/ended" 2>&1 | head -1'
    )
    words = [
        "sh",
        "$tool",
        "launch",
        "100",
        str(entry),
        "sh",
        "-c",
        shlex.quote(agent),
        str(machine.where),
    ]
    script = f"cd {shlex.quote(str(machine.folder))}; {' '.join(words)}; {AWAIT}; pgrep -u 4242 || echo none"
    done = machine.run(script)
    ended, left = done.stdout.splitlines()
    ending = inside.parse_standing(ended.encode())
    assert ending is not None, done.stderr
    assert (ending.exit_code, ending.cause) == (0, "exit"), (machine.where / "stderr").read_text()
    lines = (machine.where / "stdout").read_text().splitlines()
    assert lines[:3] == ["nonroot", "/home/nonroot value", "/home"]
    assert (machine.where / "entrypoint.log").read_text() == "serving\n"
    # What the agent left running is ended with it.
    assert left == "none"


@needs_namespaces
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("#!/bin/sh\necho broken; exit 3\n", "entrypoint ended before its server answered: broken"),
        (None, "no user nonroot"),
    ],
)
def test_a_start_that_fails_says_why(machine: Machine, content: str | None, words: str) -> None:
    if content is None:
        (machine.folder / "passwd").write_text(Path("/etc/passwd").read_text())
        content = "#!/bin/sh\n"
    entry = machine.entrypoint(content)
    launch = f"sh $tool launch 100 {entry} true"
    done = machine.run(f"cd {shlex.quote(str(machine.folder))}; {launch}; {AWAIT}")
    assert words in done.stdout
    follow = subprocess.run(
        ["sh", str(machine.where / "tool"), "follow", "0", "0", "10"],
        capture_output=True,
        timeout=LIMIT_S,
    )
    assert follow.stdout.splitlines()[-1] == b"."


def launched(folder: Path, script: str, path: str | None = None) -> Path:
    """Where an agent runs that was just launched, without mle-bench's way."""
    where = folder / "u-1"
    where.mkdir()
    (where / "tool").write_text(inside.TOOL)
    words = inside.launch(str(where), 100.0, False, ["sh", "-c", script])
    env = {"PATH": path or os.environ["PATH"]}
    done = subprocess.run(words, capture_output=True, timeout=LIMIT_S, env=env)
    assert done.returncode == 0, done.stderr
    return where


def ending_of(where: Path) -> Ending:
    wait_for(where / "ended")
    ending = inside.parse_standing((where / "ended").read_bytes())
    assert ending is not None
    return ending


@pytest.mark.parametrize(("signal", "cause"), [("KILL", "oom"), ("TERM", "killed")])
def test_a_kill_for_memory_is_told_apart(tmp_path: Path, signal: str, cause: str) -> None:
    """By the kernel's count for the sandbox, which rises while this agent runs."""
    counts = tmp_path / "bin"
    counts.mkdir()
    (counts / "sed").write_text(
        f"#!/bin/sh\necho call >>{tmp_path}/calls; wc -l <{tmp_path}/calls\n"
    )
    (counts / "sed").chmod(0o755)
    where = launched(tmp_path, f"kill -{signal} $$", f"{counts}:{os.environ['PATH']}")
    assert ending_of(where).cause == cause


def test_two_launches_are_one_agent(tmp_path: Path) -> None:
    where = launched(tmp_path, f"echo once >>{tmp_path}/count; sleep 0.5")
    words = inside.launch(str(where), 100.0, False, ["sh", "-c", f"echo twice >>{tmp_path}/count"])
    started = [subprocess.Popen(words, stdin=subprocess.DEVNULL) for _ in range(4)]
    assert [one.wait(LIMIT_S) for one in started] == [0, 0, 0, 0]
    ending_of(where)
    assert (tmp_path / "count").read_text() == "once\n"


def test_what_an_agent_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    where = launched(tmp_path, f"sleep 300 & echo $! >{tmp_path}/child; exit 4")
    assert ending_of(where).exit_code == 4
    child = Path("/proc") / (tmp_path / "child").read_text().strip() / "stat"
    pause = threading.Event()
    for _ in range(500):
        if not child.exists() or " Z " in child.read_text():
            return
        pause.wait(0.01)
    raise AssertionError("it still runs")


def test_a_program_that_is_not_there_has_the_status_of_a_shell(tmp_path: Path) -> None:
    where = tmp_path / "u-1"
    where.mkdir()
    (where / "tool").write_text(inside.TOOL)
    words = inside.launch(str(where), 100.0, False, ["/no/such/program"])
    assert subprocess.run(words, timeout=LIMIT_S).returncode == 0
    assert ending_of(where).exit_code == 127
    assert b"/no/such/program" in (where / "stderr").read_bytes()


def test_a_folder_of_more_names_than_a_command_takes_comes_whole(tmp_path: Path) -> None:
    """9,000 names of 250 letters are more than the 2 MiB of Linux."""
    (tmp_path / "tool").write_text(inside.TOOL)
    (tmp_path / "home").mkdir()
    names = {f"{number:0250d}" for number in range(9000)}
    for name in names:
        (tmp_path / "home" / name).touch()
    words = inside.pack(str(tmp_path), str(tmp_path / "home"), CollectLimits())
    packed = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
    intake = Intake(tmp_path, CollectLimits())
    intake.take("into", io.BytesIO(packed), skip=[min(names)])
    assert not (tmp_path / "pack.log").exists()
    assert {path.name for path in (tmp_path / "into").iterdir()} == names - {min(names)}
    assert intake.result().left_out == ()


def test_half_sent_data_are_sent_again(tmp_path: Path) -> None:
    where = tmp_path / "u-1"
    where.mkdir()
    (where / "tool").write_text(inside.TOOL)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a" * 5000)
    whole = subprocess.run(
        ["tar", "-C", str(tmp_path / "data"), "-cf", "-", "."], capture_output=True
    ).stdout
    words = inside.act(str(where), "unpack", str(tmp_path / "there"), "mark")
    assert subprocess.run(words, input=whole[:3000], capture_output=True).returncode != 0
    assert not (where / "mark").exists()
    assert subprocess.run(words, input=whole).returncode == 0
    assert (tmp_path / "there" / "a").stat().st_size == 5000
    assert subprocess.run(inside.act(str(where), "mark", "mark")).returncode == 0
    (tmp_path / "there" / "a").unlink()
    # A second time nothing is done, and the sender is heard to the end all the same.
    assert subprocess.run(words, input=whole).returncode == 0
    assert not (tmp_path / "there" / "a").exists()
