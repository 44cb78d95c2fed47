"""The registry of agents: our own files, those of a user, and what a checkout of mle-bench registers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from swarm_host.agents.install import install, tracked
from swarm_host.agents.known import AgentLimits, told
from swarm_host.agents.mle_bench import require_checkout
from swarm_host.agents.registry import Agents
from swarm_host.backends.local.backend import LocalBackend
from swarm_host.backends.local.processes import ProcessId, wait_end
from swarm_host.errors import UnknownName, UsageError
from swarm_host.records import (
    CollectLimits,
    Competition,
    Ending,
    Handle,
    Mount,
    Outputs,
    RunConfig,
    Secret,
    UnitSpec,
)
from swarm_host.words.places import ROOT

COMPETITION = Competition("churn", "pack", "/data/churn/prepared/public")
OWN = ["dummy", "swarm-evo", "swarm-evo/anthropic", "swarm-evo/dev", "swarm-evo/recipes"]


# ---------------------------------------------------------------- agents of this project


def test_the_agents_of_this_project_are_registered() -> None:
    agents = Agents()
    assert [agent.agent_id for agent in agents.listed()] == OWN
    assert agents.problems == []
    assert all(agent.about for agent in agents.listed())
    assert not agents.find("oracle").listed


@pytest.mark.parametrize("agent_id", [*OWN, "oracle"])
def test_commands_of_processes_name_files_that_are_there(agent_id: str) -> None:
    run = Agents().resolve(agent_id, COMPETITION, 3, "local")
    scripts = [word for word in run.command if word.endswith(".py")]
    assert len(scripts) == 1
    assert Path(scripts[0]).is_file()
    assert run.command[0] == sys.executable
    assert not [word for word in (*run.command, *map(str, run.env.values())) if "${" in word]
    assert (run.backend, run.agent_image, run.mle_bench) == ("local", None, False)
    assert run.mounts == (Mount(COMPETITION.public, COMPETITION.public),)
    assert run.outputs == Outputs("submission", "code", "logs")


def test_a_container_gets_what_mle_bench_gives() -> None:
    limits = AgentLimits(timeout_s=1000.5, steps=7)
    run = Agents().resolve("swarm-evo/dev", COMPETITION, 3, "docker", limits)
    assert run == RunConfig(
        agent_image="swarm-evo",
        command=("bash", "/home/agent/start.sh", "project.seed=3"),
        workspace="",
        mounts=(Mount(COMPETITION.public, "/home/data"),),
        env={
            "COMPETITION_ID": "churn",
            "TIME_LIMIT_SECS": "950",
            "STEP_LIMIT": "7",
            "API_KEY": Secret("API_KEY"),
            "API_BASE": Secret("API_BASE"),
            "MODEL_NAME": Secret("MODEL_NAME"),
        },
        timeout=1000.5,
        mle_bench=True,
    )
    assert Agents().resolve("swarm-evo", COMPETITION, 3, "docker").timeout == 43200.0


def test_the_build_comes_along_when_it_is_asked_for() -> None:
    for agent_id in OWN:
        build = Agents().resolve(agent_id, COMPETITION, 0, "docker", build=True).build
        assert build is not None
        assert (Path(build.context) / build.dockerfile).is_file()
        assert build.build_args["SUBMISSION_DIR"] == "/home/submission"


def test_variants_register_what_config_yaml_registers() -> None:
    """The registration with mle-bench and the one here must not drift apart."""
    yaml = pytest.importorskip("yaml")
    registered = yaml.safe_load((ROOT / "config.yaml").read_text())
    agents = Agents()
    for agent_id in [name for name in OWN if name != "dummy"]:
        env = agents.resolve(agent_id, COMPETITION, 0, "docker").env
        theirs = registered[agent_id]["env_vars"]
        assert env.keys() - {"COMPETITION_ID"} == theirs.keys()
        assert env["STEP_LIMIT"] == str(theirs["STEP_LIMIT"])
        secrets = {name for name, value in theirs.items() if "secrets." in str(value)}
        assert {name for name, value in env.items() if isinstance(value, Secret)} == secrets
        assert env.get("LLM_PROVIDER") == theirs.get("LLM_PROVIDER")


def test_agents_are_told_less_than_they_get() -> None:
    assert [told(seconds) for seconds in (1, 10, 50, 600, 43200)] == [1, 5, 45, 570, 43140]


def test_swarm_evo_is_told_less_and_stopped_later() -> None:
    limits = AgentLimits(timeout_s=50.0)
    run = Agents().resolve("swarm-evo/recipes", COMPETITION, 3, "local", limits)
    assert "--time=45" in run.command
    assert run.timeout == 50.0


def test_unknown_agents_get_the_nearest_id() -> None:
    with pytest.raises(UnknownName, match="nearest: swarm-evo/recipes") as error:
        Agents().find("swarm-evo/recipe")
    assert all(agent_id in str(error.value) for agent_id in OWN)
    assert "oracle" not in str(error.value)


def test_an_agent_without_an_image_or_a_command_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image: use the local backend"):
        Agents().resolve("oracle", COMPETITION, 0, "docker")
    agents = user_agents(tmp_path, "own:\n  image: own\n  container: {}\n")
    with pytest.raises(UsageError, match="use the docker backend"):
        agents.resolve("own", COMPETITION, 0, "local")
    assert agents.resolve("own", COMPETITION, 0, "docker").command == ()


# ---------------------------------------------------------------- processes of our own agents


@pytest.fixture
def started(tmp_path: Path) -> Callable[[RunConfig], tuple[Ending, Path]]:
    """Runs an agent to its end; gives the ending and the collected folder."""
    backend = LocalBackend(tmp_path / "runs", os.environ)

    class Silent:
        def write(self, stream: str, data: bytes, mark: str | None = None) -> None: ...
        def mark(self, stream: str) -> None: ...

    def run(config: RunConfig) -> tuple[Ending, Path]:
        unit = UnitSpec("unit-a", "g", "agent", None, 0, str(tmp_path), config)
        handle: Handle = backend.start(unit, 1)
        backend.follow(handle, Silent(), threading.Event())
        assert wait_end(ProcessId.parse(handle.id), 60.0)
        ending = backend.poll(handle)
        assert ending is not None
        backend.collect(handle, config, tmp_path / "into", CollectLimits())
        backend.remove(handle)
        return ending, tmp_path / "into"

    return run


Started = Callable[[RunConfig], tuple[Ending, Path]]


SAMPLES = ["sample_submission", "sampleSubmission", "sample_submission_null", "randomPredictions"]


@pytest.mark.parametrize("stem", SAMPLES)
def test_dummy_submits_the_sample(tmp_path: Path, started: Started, stem: str) -> None:
    public = tmp_path / "public"
    public.mkdir()
    (public / f"{stem}.csv").write_text("id,y\n1,0\n")
    (public / "train.csv").write_text("id,y\n")
    run = Agents().resolve("dummy", replace(COMPETITION, public=str(public)), 0, "local")
    ending, into = started(run)
    assert ending.exit_code == 0
    assert (into / "submission" / "submission.csv").read_text() == "id,y\n1,0\n"


def test_dummy_without_a_sample_fails(tmp_path: Path, started: Started) -> None:
    (tmp_path / "public").mkdir()
    there = replace(COMPETITION, public=str(tmp_path / "public"))
    ending, into = started(Agents().resolve("dummy", there, 0, "local"))
    assert ending.exit_code == 1
    assert list((into / "submission").iterdir()) == []


def test_the_oracle_has_the_truth_only_when_it_is_handed_over(
    tmp_path: Path, started: Started
) -> None:
    (tmp_path / "answers.csv").write_text("id,y\n1,1\n")
    (tmp_path / "public").mkdir()
    there = replace(COMPETITION, public=str(tmp_path / "public"))
    run = Agents().resolve("oracle", there, 0, "local")
    assert started(run)[0].exit_code == 1
    handed = {**run.env, "ORACLE_ANSWERS": str(tmp_path / "answers.csv")}
    ending, into = started(replace(run, env=handed))
    assert ending.exit_code == 0
    assert (into / "submission" / "submission.csv").read_text() == "id,y\n1,1\n"


# ---------------------------------------------------------------- files of a user


def user_agents(tmp_path: Path, text: str) -> Agents:
    folder = tmp_path / "agents" / "own"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.yaml").write_text(text)
    return Agents(tmp_path / "agents")


def test_an_agent_of_a_user(tmp_path: Path) -> None:
    agents = user_agents(
        tmp_path,
        "x-env: &env {A: 1}\n"
        "own/fast:\n"
        "  local:\n"
        '    command: ["${python}", "${agent}/run.py", "--price=5$$", "$$HOME", "${competition}"]\n'
        "  env: {<<: *env, KEY: '${{ secrets.MY_KEY }}'}\n"
        "  timeout: 90\n",
    )
    assert agents.problems == []
    run = agents.resolve("own/fast", COMPETITION, 1, "local")
    script = str(tmp_path / "agents" / "own" / "run.py")
    assert run.command == (sys.executable, script, "--price=5$", "$HOME", "churn")
    assert run.env == {"COMPETITION_ID": "churn", "A": "1", "KEY": Secret("MY_KEY")}
    assert run.timeout == 90.0
    assert agents.find("own/fast").secrets == ("MY_KEY",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("own:\n  imag: x\n  local: {command: a}", "2: own.imag: unknown key; nearest: image"),
        ("own: {image: x}", "own: container is missing: it or `local`"),
        ("own:\n  container: {command: [a]}", "1: own: image is missing"),
        ("own: {local: {command: 'a | b'}}", "own.local.command: no shell reads this"),
        ("own: {local: {}}", "own.local: command is missing: the program"),
        ("own: {local: {command: []}}", "own.local.command: a program is needed"),
        ("own: {local: {command: ['${pythn}']}}", "$pythn is not set; nearest: python"),
        ("own: {local: {command: [a], env: {A: [1]}}}", "own.local.env.A: expected a text"),
        ("own: {local: {command: [a], env: {A: '${{ x.B }}'}}}", "own.local.env.A"),
        ("own: {local: {command: ['${{ secrets.B }}']}}", "own.local.command.0: secrets may stand"),
        (
            "own: {local: {command: a}, outputs: {code: 3}}",
            "own.outputs.code: expected an absolute",
        ),
        ("own: {local: {command: [a]}, timeout: -1}", "own.timeout: must be above 0"),
        ("own: {local: {command: [a]}, timeout: .inf}", "own.timeout"),
        ("own: {local: {command: [a]}, listed: 3}", "own.listed: expected true or false"),
        ("own: {local: {command: [a]}, listed: no}", "own.listed: expected true or false"),
        ("own: [a]", "own: expected a mapping"),
        ("own:\n  local: {command: a}\nown:\n  local: {command: b}", "yaml:3: own: stands twice"),
        ("own: {", "yaml:1:"),
        ("", "empty"),
    ],
)
def test_a_wrong_file_is_told_and_hides_no_other(tmp_path: Path, text: str, words: str) -> None:
    right = tmp_path / "agents" / "right"
    right.mkdir(parents=True)
    (right / "agent.yaml").write_text("right: {local: {command: [a]}}")
    agents = user_agents(tmp_path, text)
    assert [agent.agent_id for agent in agents.listed()] == ["right"]
    (problem,) = agents.problems
    assert problem.startswith(str(tmp_path / "agents" / "own" / "agent.yaml"))
    assert words in problem
    with pytest.raises(UnknownName) as error:
        agents.find("own")
    assert problem in str(error.value)


# ---------------------------------------------------------------- a checkout of mle-bench


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder of the shape of mle-bench's checkout, with agents as it registers them."""
    root = tmp_path / "mle-bench"
    for name in ("run_agent.py", "agents/registry.py", "mlebench/registry.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    require_checkout(root)
    return root


def register(checkout: Path, name: str, text: str) -> None:
    (checkout / "agents" / name).mkdir(parents=True)
    (checkout / "agents" / name / "config.yaml").write_text(text)


PLANNER = """
vars:
  time_limit: &time_limit 86400
defaults: &defaults
  start: planner/start.sh
  dockerfile: planner/Dockerfile
  kwargs_type: omegaconf
  env_vars: &env_vars
    TIME_LIMIT_SECS: *time_limit
    STEP_LIMIT: 500
planner:
  <<: *defaults
  kwargs:
    agent.steps: 500
    copy_data: False
    price: 5$
  env_vars:
    <<: *env_vars
    OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
planner/args:
  <<: *defaults
  kwargs_type: argparse
  kwargs: {max-steps: 10, key: "${{ secrets.KEY }}", name: "it's"}
  env_vars: {}
planner/root:
  <<: *defaults
  kwargs: {}
  privileged: true
"""


def test_agents_of_mle_bench_run_as_it_runs_them(checkout: Path) -> None:
    register(checkout, "planner", PLANNER)
    agents = Agents(checkout=checkout)
    assert agents.problems == []
    run = agents.resolve("planner", COMPETITION, 0, "docker", build=True)
    assert run.agent_image == "planner"
    words = ("agent.steps=500", "copy_data=False", "price=5$")
    assert run.command == ("bash", "/home/agent/start.sh", *words)
    assert run.env == {
        "COMPETITION_ID": "churn",
        "TIME_LIMIT_SECS": "86340",
        "STEP_LIMIT": "500",
        "OPENAI_API_KEY": Secret("OPENAI_API_KEY"),
    }
    assert run.timeout == 86400.0
    assert run.build is not None
    assert run.build.context == str(checkout / "agents" / "planner")
    limits = AgentLimits(timeout_s=3600.0, steps=8)
    env = agents.resolve("planner", COMPETITION, 0, "docker", limits).env
    assert (env["TIME_LIMIT_SECS"], env["STEP_LIMIT"]) == ("3540", "8")


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "False",
        "1_000",
        "010",
        "0x1f",
        "1e-5",
        "1.50",
        "12:30",
        "2024-05-01",
        "=",
        "~",
        "'no'",
    ],
)
def test_words_are_those_that_mle_bench_hands_on(checkout: Path, word: str) -> None:
    """Its registry reads with PyYAML, and its start script gets what Python writes."""
    agent = (
        f"{{start: a, dockerfile: b, kwargs_type: omegaconf, kwargs: {{k: {word}, l: [{word}]}}}}"
    )
    register(checkout, "typed", f"typed: {agent}")
    try:
        value = yaml.safe_load(agent)["kwargs"]["k"]
    except yaml.YAMLError:
        value = word
    run = Agents(checkout=checkout).resolve("typed", COMPETITION, 0, "docker")
    assert run.command[2] == f"k={value}"
    assert run.command[3].startswith("l=[")


def test_a_secret_among_words_stays_off_the_command_line(checkout: Path) -> None:
    register(checkout, "planner", PLANNER)
    run = Agents(checkout=checkout).resolve("planner/args", COMPETITION, 0, "docker")
    (variable,) = [name for name, value in run.env.items() if value == Secret("KEY")]
    assert run.command[:2] == ("bash", "-c")
    # What bash makes of it, with the start script replaced by one that prints its words.
    line = run.command[2].replace("bash /home/agent/start.sh", "printf '%s|'")
    done = subprocess.run(
        ["bash", "-c", line.replace("exec printf", "printf")],
        env={**os.environ, variable: "a secret $x"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "--max-steps|10|--key|a secret $x|--name|it's|"


def test_a_privileged_agent_is_refused(checkout: Path) -> None:
    register(checkout, "planner", PLANNER)
    with pytest.raises(UsageError, match="privileged"):
        Agents(checkout=checkout).resolve("planner/root", COMPETITION, 0, "docker")


def test_broken_and_hidden_agents_of_mle_bench_are_told(checkout: Path) -> None:
    register(checkout, "broken", "broken: [")
    register(checkout, "dummy", "dummy: {start: dummy/start.sh, dockerfile: dummy/Dockerfile}")
    register(checkout, "typed", "typed: {start: a, dockerfile: b, kwargs: {a: 1}, kwargs_type: x}")
    agents = Agents(checkout=checkout)
    assert [agent.agent_id for agent in agents.listed()] == OWN
    hidden, broken, typed = sorted(agents.problems, key=lambda text: "hidden" not in text)
    assert "dummy of" in hidden
    assert "broken/config.yaml:1: " in broken
    assert "typed/config.yaml:1: typed.kwargs_type: expected argparse, omegaconf; got 'x'" in typed


def test_this_project_installed_there_is_no_second_one(project: Path, checkout: Path) -> None:
    (project / "config.yaml").write_text(
        "swarm-evo/recipes: {start: swarm-evo/start.sh, dockerfile: swarm-evo/Dockerfile}"
    )
    install(checkout, project)
    agents = Agents(checkout=checkout)
    assert agents.problems == []
    assert agents.find("swarm-evo/recipes").origin == str(ROOT / "host/agents/swarm-evo/agent.yaml")


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkout of mle-bench"):
        Agents(checkout=tmp_path)
    with pytest.raises(UsageError, match="no checkout of mle-bench"):
        install(tmp_path)


# ---------------------------------------------------------------- installation


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small git checkout with rubbish in it."""
    root = tmp_path / "project"
    for name, text in {
        "config.yaml": "swarm-evo: {}",
        "core/loop.py": "1",
        "host/agents/x/agent.yaml": "x",
        "tests/host/test_x.py": "x",
        "tests/test_y.py": "y",
        "start.sh": "#!/bin/sh",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "start.sh").chmod(0o755)
    (root / "link").symlink_to("config.yaml")
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    (root / "core" / "loop.py").write_text("changed")
    (root / "logs").mkdir()
    (root / "logs" / "config.yaml").write_text("rubbish")
    (root / ".env").write_text("API_KEY=secret")
    return root


def below(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if not path.is_dir()]
    return sorted(str(path.relative_to(folder)) for path in paths)


def test_tracked_files_are_installed_and_nothing_else(project: Path, checkout: Path) -> None:
    done = install(checkout, project)
    target = checkout / "agents" / "swarm-evo"
    assert below(target) == ["config.yaml", "core/loop.py", "start.sh", "tests/test_y.py"]
    assert (target / "core" / "loop.py").read_text() == "changed"
    assert os.access(target / "start.sh", os.X_OK)
    assert (done.folder, done.files, done.backup) == (target, 4, None)
    assert "docker build" in done.message
    assert len(list(checkout.glob("**/config.yaml"))) == 1


def test_what_was_there_is_kept_outside_of_the_agents(project: Path, checkout: Path) -> None:
    target = checkout / "agents" / "swarm-evo"
    target.mkdir()
    (target / "config.yaml").write_text("mine")
    first = install(checkout, project, now=0.0)
    assert first.backup == checkout / "swarm-evo.before-19700101-000000"
    assert (first.backup / "config.yaml").read_text() == "mine"
    assert str(first.backup) in first.message
    (target / "core" / "loop.py").write_text("mine, too")
    second = install(checkout, project, now=0.0)
    assert second.backup not in (None, first.backup)
    assert list((checkout / "agents").glob("**/config.yaml")) == [target / "config.yaml"]


@pytest.mark.parametrize(
    ("change", "copies"),
    [
        ("true", False),
        ("echo x >> core/loop.py", True),
        ("touch other", True),
        ("rm config.yaml", True),
        ("chmod -x start.sh", True),
        ("mv config.yaml ../../mine && ln -s ../../mine config.yaml", True),
    ],
)
def test_only_what_changed_is_installed_again(
    project: Path, checkout: Path, change: str, copies: bool
) -> None:
    target = install(checkout, project).folder
    subprocess.run(["bash", "-c", change], cwd=target, check=True)
    again = install(checkout, project)
    assert (again.changed, again.backup is not None, again.files) == (copies, copies, 4)
    assert ("nothing is copied" in again.message) is not copies
    assert len(list(checkout.glob("swarm-evo.before-*"))) == copies
    assert list(checkout.glob(".swarm-evo-*")) == []


def test_a_link_to_a_checkout_is_set_aside_and_not_followed(
    project: Path, checkout: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    (checkout / "agents" / "swarm-evo").symlink_to(elsewhere)
    done = install(checkout, project)
    assert below(elsewhere) == ["mine"]
    assert done.backup is not None
    assert done.backup.is_symlink()


def test_a_project_without_git_is_refused(project: Path, checkout: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(UsageError, match="no git checkout"):
        install(checkout, plain)
    assert not (checkout / "agents" / "swarm-evo").exists()


def test_folders_inside_each_other_are_refused(project: Path, checkout: Path) -> None:
    inside = project / "mle-bench"
    checkout.rename(inside)
    with pytest.raises(UsageError, match="inside"):
        install(inside, project)
    inside.rename(checkout)
    moved = checkout / "agents" / "swarm-evo"
    project.rename(moved)
    with pytest.raises(UsageError, match="inside"):
        install(checkout, moved)
    assert (moved / "core" / "loop.py").read_text() == "changed"


def test_this_project_itself_has_one_registration_among_its_files() -> None:
    names = tracked(ROOT)
    assert [name for name in names if name.endswith("config.yaml")] == ["config.yaml"]
    assert "start.sh" in names
    assert not [name for name in names if name.startswith("host/")]
