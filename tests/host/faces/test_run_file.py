"""orchestrator/run.py as a user types it: real processes, real files, and every exit status."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from swarm_host.cli import run_file
from swarm_host.records import Problem

ROOT = Path(__file__).resolve().parents[3]
RUN = ROOT / "host" / "orchestrator" / "run.py"
# Runs the command where one library cannot be found.
_WITHOUT = """\
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "{name}" else find(name, *rest)
sys.argv = ["{run}", "--config", "run.yaml"]
runpy.run_path("{run}", run_name="__main__")
"""
LEAVES = "mkdir -p submission && echo id,y > submission/submission.csv"
LOCAL = "backend: local\nworkspace: ws/${run_id}\ntimeout: 60\n"


def write(folder: Path, text: str, name: str = "run.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def local(script: str, more: str = "") -> str:
    return f"{LOCAL}command: {json.dumps(['bash', '-c', script.replace('$', '$$')])}\n{more}"


def environ_of(folder: Path, **variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder / "home"), **variables}


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUN), *arguments],
        cwd=folder,
        env=environ_of(folder, **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )


def nothing_was_started(folder: Path) -> bool:
    return not (folder / "runs").exists() and not (folder / "ws").exists()


def test_a_run_leaves_logs_and_submission_in_its_workspace(tmp_path: Path) -> None:
    script = f"echo out $FOO; echo err >&2; {LEAVES}"
    write(tmp_path, local(script, "env: {FOO: 'bar-${run_id}'}"))
    done = run(tmp_path, "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    (workspace,) = (tmp_path / "ws").iterdir()
    assert (workspace / "stdout.log").read_text() == f"out bar-{workspace.name}\n"
    assert (workspace / "stderr.log").read_text() == "err\n"
    assert (workspace / "submission" / "submission.csv").read_text() == "id,y\n"
    # Without a terminal, the agent's output is shown as it comes, by stream.
    assert done.stdout.startswith(f"out bar-{workspace.name}\n")
    assert "err\n" in done.stderr
    assert f"{workspace.name}: ok; workspace: {workspace}" in done.stdout
    (group,) = (tmp_path / "runs").glob("*_run-group_bash")
    assert json.loads((group / "metadata.json").read_text())["runs"]


def test_a_failed_agent_is_status_1_and_told_as_json(tmp_path: Path) -> None:
    write(tmp_path, local("echo noise; exit 3"))
    done = run(tmp_path, "--config", "run.yaml", "--json", "timeout=30")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    (unit,) = report["units"]
    assert (report["status"], unit["outcome"], unit["exit_code"]) == (1, "agent_error", 3)
    assert unit["competition"] is None
    assert Path(unit["workspace"]).parent == tmp_path / "ws"


def test_secrets_reach_the_agent_and_no_file(tmp_path: Path) -> None:
    script = f"test ${{#MY_TOKEN}} = 16 && echo token $MY_TOKEN; {LEAVES}"
    write(tmp_path, local(script, "env: {MY_TOKEN: '${{ secrets.HOST_TOKEN }}'}"))
    secret = "tok-0123456789ab"
    done = run(tmp_path, "--config", "run.yaml", HOST_TOKEN=secret)
    assert done.returncode == 0, done.stderr
    assert "token [redacted]" in done.stdout
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    # The agent's raw output is the agent's own, in a folder of its user alone.
    holding = [path for path in files if secret.encode() in path.read_bytes()]
    assert [path for path in holding if ".swarm/local/" not in str(path)] == []


def test_a_secret_in_the_file_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, local(LEAVES, "env: {MY_KEY: sk-0123456789abc, OTHER_KEY: EMPTY}"))
    done = run(tmp_path, "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    assert "warning: MY_KEY has its value in the file" in done.stderr
    assert "secrets.MY_KEY" in done.stderr
    assert "OTHER_KEY" not in done.stderr
    assert "sk-0123456789abc" not in done.stderr


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        (LOCAL + "comand: [x]", [], "comand: unknown key; nearest: command"),
        (LOCAL, [], "command is missing"),
        (local("true"), ["timout=1"], "command line: timout: unknown key; nearest: timeout"),
        (local("true"), ["timeout"], "an override is key=value"),
        (local("true", "env: {A: '${{ secrets.NOT_SET }}'}"), [], "NOT_SET"),
        (local("true", "mounts: ['./none:/x']"), [], "none"),
        (local("true", f"mounts: ['./{'n' * 300}:/x']"), [], "is not there"),
        (f"backend: local\ncommand: ['true']\nworkspace: ws/{'n' * 300}", [], "too long"),
        (f"backend: local\ncommand: ['true']\nworkspace: ./{'n' * 300}/ws", [], "too long"),
        ("a: [", [], "run.yaml:2"),
        (local("true", "engine: dsk"), [], "expected dask, local, ray, slurm; got 'dsk'"),
        (
            "matrix: {agents: [dummi], competitions: [churn]}\nbackend: local\n",
            [],
            "unknown agent 'dummi'; nearest: dummy",
        ),
        (
            "matrix: {agents: [dummy], competitions: [chrn]}\nbackend: local\n",
            [],
            "unknown competition 'chrn'",
        ),
        (
            "matrix: {agents: [dummy], competitions: nonesuch}\nbackend: local\n",
            [],
            "unknown competition set 'nonesuch'",
        ),
        (
            "matrix: {agents: [dummy], competitions: [c], source: folder}\nbackend: local\n",
            [],
            "the source folder needs a folder",
        ),
    ],
)
def test_wrong_use_is_status_2_and_starts_nothing(
    tmp_path: Path, text: str, arguments: Sequence[str], says: str
) -> None:
    write(tmp_path, text + "\n")
    done = run(tmp_path, "--config", "run.yaml", *arguments)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_was_started(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of one competition, its answers beside what agents may see."""
    for name in ("public", "private"):
        folder = tmp_path / "data" / "toy" / "prepared" / name
        folder.mkdir(parents=True)
        (folder / "file.csv").write_text(f"{name} rows")
    return tmp_path / "data"


@pytest.mark.parametrize("below", ["", "toy", "toy/prepared", "toy/prepared/private"])
def test_a_mount_of_answers_is_refused_also_without_a_container(
    tmp_path: Path, data: Path, below: str
) -> None:
    source = data / below
    write(tmp_path, local(LEAVES, f"mounts: ['{source}:{source}:ro']\n"))
    done = run(tmp_path, "--config", "run.yaml")
    assert done.returncode == 2, done.stderr
    assert f"the mount {source} -> {source} shows answers of a competition" in done.stderr
    public = data / "toy" / "prepared" / "public"
    assert f"mount {public}:" in done.stderr
    assert nothing_was_started(tmp_path)
    # What it says instead is taken.
    write(tmp_path, local(LEAVES, f"mounts: ['{public}:{public}:ro']\n"))
    assert run(tmp_path, "--config", "run.yaml", "--dry-run").returncode == 0


def test_answers_that_are_allowed_are_shown_and_the_result_is_marked(
    tmp_path: Path, data: Path
) -> None:
    text = f"cat {data}/toy/prepared/private/file.csv; {LEAVES}"
    write(tmp_path, local(text, f"mounts: ['{data}:{data}:ro']\nallow_private: true\n"))
    done = run(tmp_path, "--config", "run.yaml", "--json")
    assert done.returncode == 0, done.stderr
    (unit,) = json.loads(done.stdout)["units"]
    assert (unit["outcome"], unit["isolation"]) == ("ok", "open")
    assert Path(unit["workspace"], "stdout.log").read_text() == "private rows"


def test_a_missing_file_and_a_missing_option(tmp_path: Path) -> None:
    assert "none.yaml: No such file" in run(tmp_path, "--config", "none.yaml").stderr
    assert run(tmp_path).returncode == 2
    assert json.loads(run(tmp_path, "--config", "n", "--json").stdout) == {
        "error": ["n: No such file or directory"]
    }


def test_a_workspace_of_another_run_is_not_written_over(tmp_path: Path) -> None:
    write(tmp_path, local(LEAVES).replace("ws/${run_id}", "ws"))
    assert run(tmp_path, "--config", "run.yaml").returncode == 0
    before = (tmp_path / "ws" / "stdout.log").stat().st_mtime_ns
    done = run(tmp_path, "--config", "run.yaml")
    assert (done.returncode, "holds stdout.log of another run" in done.stderr) == (2, True)
    assert (tmp_path / "ws" / "stdout.log").stat().st_mtime_ns == before


def test_a_workspace_that_cannot_be_made(tmp_path: Path) -> None:
    write(tmp_path, local("true").replace("ws/${run_id}", "file/ws"))
    write(tmp_path, "", "file")
    done = run(tmp_path, "--config", "run.yaml")
    assert (done.returncode, "file is no folder" in done.stderr) == (2, True), done.stderr
    assert nothing_was_started(tmp_path)


def test_a_runs_folder_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path, local("true"))
    write(tmp_path, "", "runs")
    done = run(tmp_path, "--config", "run.yaml")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_two_runs_of_one_second_do_not_mix(tmp_path: Path) -> None:
    write(tmp_path, local(f"echo $$; {LEAVES}"))
    both = [
        subprocess.Popen(
            [sys.executable, str(RUN), "--config", "run.yaml", "--json"],
            cwd=tmp_path,
            env=environ_of(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    reports = [json.loads(one.communicate(timeout=120)[0]) for one in both]
    units = [report["units"][0] for report in reports]
    assert [unit["outcome"] for unit in units] == ["ok", "ok"]
    assert len({unit["folder"] for unit in units}) == 2
    assert len({Path(unit["workspace"], "stdout.log").read_text() for unit in units}) == 2


def test_dry_run_prints_commands_and_makes_nothing(tmp_path: Path) -> None:
    text = (
        "agent_image: my-agent:latest\nworkspace: ws/${run_id}\nresources: {cpus: 2}\n"
        "build: {platform: linux/amd64, dockerfile: D}\nenv: {K: '${{ secrets.MY_KEY }}'}\n"
    )
    write(tmp_path, text)
    done = run(tmp_path, "--config", "run.yaml", "--dry-run", MY_KEY="sk-12345678")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].endswith(": my-agent:latest")
    assert lines[1].startswith("docker build ")
    assert " --platform linux/amd64 " in lines[1]
    assert lines[2].startswith("docker create --name ")
    assert " --cpus 2 " in lines[2]
    assert "sk-12345678" not in done.stdout
    assert nothing_was_started(tmp_path)
    told = json.loads(run(tmp_path, "--config", "run.yaml", "--dry-run", "--json").stdout)
    assert [words[1] for words in told["units"][0]["commands"]] == ["build", "create", "start"]


@pytest.mark.parametrize("below", ["", "toy/prepared/private", "../link"])
@pytest.mark.parametrize("more", ["", "build: {dockerfile: D}\n"])
def test_a_dry_run_refuses_what_the_run_would_refuse(
    tmp_path: Path, data: Path, below: str, more: str
) -> None:
    """With the run's own words, and without the command that would show the answers."""
    (tmp_path / "link").symlink_to(data / "toy" / "prepared" / "private")
    text = "agent_image: i:1\nworkspace: ws/${run_id}\n" + more
    write(tmp_path, f"{text}mounts: ['{data / below}:/data:ro']\n")
    dry = run(tmp_path, "--config", "run.yaml", "--dry-run")
    real = run(tmp_path, "--config", "run.yaml")
    assert (dry.returncode, real.returncode, dry.stdout) == (2, 2, "")
    public = data / "toy" / "prepared" / "public"
    (refusal,) = [line for line in dry.stderr.splitlines() if line.startswith("error: ")]
    assert "shows answers of a competition" in refusal
    assert refusal in real.stderr
    assert below == "../link" or f"mount {public}:" in refusal
    assert nothing_was_started(tmp_path)


def test_a_dry_run_warns_of_what_may_still_be_made(tmp_path: Path) -> None:
    text = "agent_image: i:1\nworkspace: ws/${run_id}\nbuild: {dockerfile: D}\n"
    write(
        tmp_path, f"{text}mounts: ['./nowhere:/data:ro']\nenv: {{K: '${{{{ secrets.KEY_X }}}}'}}\n"
    )
    done = run(tmp_path, "--config", "run.yaml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"warning: the mount's source {tmp_path}/nowhere is not there; " in done.stderr
    assert f"warning: build: there is no {tmp_path}/D; " in done.stderr
    assert "warning: not set: KEY_X; " in done.stderr
    assert "docker create " in done.stdout
    assert nothing_was_started(tmp_path)


def test_print_config_can_be_run_again(tmp_path: Path) -> None:
    write(tmp_path, local(f"echo $HOME-$PWD >/dev/null; {LEAVES}"))
    printed = run(tmp_path, "--config", "run.yaml", "--print-config", "timeout=9").stdout
    assert "timeout: 9.0" in printed
    assert nothing_was_started(tmp_path)
    write(tmp_path, printed, "again.yaml")
    assert run(tmp_path, "--config", "again.yaml").returncode == 0
    as_json = run(tmp_path, "--config", "run.yaml", "--print-config", "--json").stdout
    assert json.loads(as_json)["backend"] == "local"


def test_a_matrix_is_graded(tmp_path: Path) -> None:
    """One competition of one's own, two seeds, side by side."""
    competition = tmp_path / "mine" / "toy"
    for part in ("public", "private"):
        (competition / part).mkdir(parents=True)
    (competition / "public/sample_submission.csv").write_text("id,y\n1,0\n2,0\n")
    (competition / "public/description.md").write_text("toy")
    (competition / "private/answers.csv").write_text("id,y\n1,0\n2,1\n")
    (competition / "competition.yaml").write_text("metric: rmse\n")
    write(
        tmp_path,
        "matrix: {agents: [dummy], competitions: [toy], seeds: 2, source: folder, "
        "source_root: mine}\nbackend: local\nwidth: 2\ntimeout: 60\n",
    )
    done = run(tmp_path, "--config", "run.yaml", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    units = json.loads(done.stdout)["units"]
    assert [(unit["seed"], unit["outcome"]) for unit in units] == [(0, "ok"), (1, "ok")]
    assert {round(unit["score"], 6) for unit in units} == {round(0.5**0.5, 6)}


# ---------------------------------------------------------------- signals


Start = Callable[..., tuple[subprocess.Popen[str], int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a run whose agent does not end by itself; returns once it says its process id."""
    agents: list[int] = []

    def begin(
        *arguments: str, script: str | None = f"{LEAVES}; echo $$; exec tail -f /dev/null"
    ) -> tuple[subprocess.Popen[str], int]:
        """script: None for the file that is there."""
        if script is not None:
            write(tmp_path, local(script))
        process = subprocess.Popen(
            [sys.executable, str(RUN), "--config", "run.yaml", *arguments],
            cwd=tmp_path,
            env=environ_of(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        agents.append(int(process.stdout.readline()))
        return process, agents[-1]

    yield begin
    for agent in agents:
        if lives(agent):
            os.kill(agent, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_agent_running(start: Start, number: signal.Signals) -> None:
    process, agent = start()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number, said
    assert "go on without this process" in said
    assert lives(agent)


def test_a_signal_stops_the_agent_when_asked(start: Start) -> None:
    process, agent = start("--stop-runs")
    process.send_signal(signal.SIGTERM)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert not lives(agent)
    assert ": cancelled" in shown


WAITS = f"echo $$; echo began; while [ ! -e go ]; do sleep 0.05; done; echo ended; {LEAVES}"


def test_a_killed_command_loses_nothing(tmp_path: Path, start: Start) -> None:
    """kill -9 of the command: the agent goes on, and a worker takes it up without a second start."""
    write(tmp_path, local(WAITS))
    process, agent = start(script=None)
    process.kill()
    process.communicate()
    assert lives(agent)
    (work,) = (tmp_path / "runs" / ".swarm" / "local").glob("*/work")
    (work / "go").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "swarm_host", "worker", "--json", "--runs", str(tmp_path / "runs")],
        cwd=ROOT / "host",
        env=environ_of(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (workspace,) = (tmp_path / "ws").iterdir()
    assert (workspace / "stdout.log").read_text() == f"{agent}\nbegan\nended\n"
    assert (workspace / "submission" / "submission.csv").read_text() == "id,y\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_on_a_terminal_a_table_is_drawn(tmp_path: Path, term: str) -> None:
    write(tmp_path, local(f"echo hello; {LEAVES}"))
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, str(RUN), "--config", "run.yaml"],
        cwd=tmp_path,
        env=environ_of(tmp_path, TERM=term, COLUMNS="120"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):
        while data := os.read(leader, 1 << 16):
            shown += data
    os.close(leader)
    assert process.wait(timeout=60) == 0
    # Titles in bold, on a terminal that can.
    assert (b"last output" in shown) == (b"\x1b[" in shown) == (term == "xterm")
    assert b": ok; workspace: " in shown


def test_a_cluster_that_does_not_answer_is_wrong_use_and_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="NOT RUN: dask is not installed")
    engine = "engine: {name: dask, address: 'tcp://127.0.0.1:9'}"
    write(tmp_path, local(LEAVES, engine))
    done = run(tmp_path, "--config", "run.yaml")
    assert (done.returncode, "127.0.0.1:9" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").glob("*run-group*"))
    assert not (tmp_path / "ws").exists()


def test_a_run_by_dask_is_a_run(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="NOT RUN: dask is not installed")
    write(tmp_path, local(f"echo out; {LEAVES}", "engine: dask"))
    done = run(tmp_path, "--config", "run.yaml")
    assert done.returncode == 0, done.stderr
    (workspace,) = (tmp_path / "ws").iterdir()
    assert (workspace / "stdout.log").read_text() == "out\n"


# ---------------------------------------------------------------- in this process


def test_what_this_machine_lacks_is_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    lacks = Problem("no docker here", "install it", not_here=True)
    warning = Problem("a pity", "never mind", refuses=False)
    wrong = Problem("no such path", "correct it")
    assert run_file.refuse([warning]) == 0
    assert run_file.refuse([lacks, warning]) == 3
    assert "NOT RUN: no docker here; install it" in capsys.readouterr().err
    # What the user can mend is said first.
    assert run_file.refuse([lacks, wrong], as_json=True) == 2
    said = capsys.readouterr()
    assert "error: no such path; correct it" in said.err
    assert "no docker" not in said.err
    assert json.loads(said.out) == {"error": ["no docker here", "no such path"]}


def test_no_docker_command_is_not_run(tmp_path: Path) -> None:
    write(tmp_path, "agent_image: i\nworkspace: ws\n")
    done = run(tmp_path, "--config", "run.yaml", SWARM_HOST_DOCKER=str(tmp_path / "nowhere"))
    assert (done.returncode, "NOT RUN: " in done.stderr) == (3, True), done.stderr
    assert nothing_was_started(tmp_path)


@pytest.mark.parametrize(
    ("backend", "variables"),
    [
        ("modal", {"MODAL_TOKEN_ID": "ak-12345678", "MODAL_TOKEN_SECRET": "as-12345678"}),
        ("daytona", {"DAYTONA_API_KEY": "dtn-12345678"}),
    ],
)
def test_a_cloud_backend_without_its_library_is_not_run(
    tmp_path: Path, backend: str, variables: dict[str, str]
) -> None:
    write(tmp_path, f"agent_image: ghcr.io/a/b:1\nworkspace: ws\nbackend: {backend}\ncommand: x\n")
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(name=backend, run=str(RUN))],
        cwd=tmp_path,
        env=environ_of(tmp_path, **variables),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3, done.stderr
    assert f"NOT RUN: the library {backend} is not installed" in done.stderr
    assert nothing_was_started(tmp_path)


def test_a_reader_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    write(tmp_path, local("true"))
    process = subprocess.Popen(
        [sys.executable, str(RUN), "--config", "run.yaml", "--print-config"],
        cwd=tmp_path,
        env=environ_of(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in said
