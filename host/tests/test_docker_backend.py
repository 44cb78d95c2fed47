"""From a file to the docker commands, with a docker that only pretends: no daemon, no data, no network."""

import logging
import os
import re
import shlex
from pathlib import Path

import pytest
from orchestrator import command
from orchestrator.backends import build, daytona_backend, docker_backend, modal_backend
from orchestrator.config import SpecError, load_config
from swarm_host.errors import UsageError

FILE = """\
agent_image: my-agent:latest
command: python agent.py --steps 3
workspace: ./runs/${run_id}
build: {context: ., dockerfile: Dockerfile.agent, platform: linux/amd64, build_args: {VERSION: 2}}
mounts: ["~/data/public:/root/.cache/mlebench/toy/prepared/public:ro"]
env: {MODEL: small, OPENAI_API_KEY: "${{ secrets.OPENAI_API_KEY }}"}
resources: {cpus: 2, memory: 4g}
timeout: 1h
"""
LOGGER = logging.getLogger("orchestrator.tests")


@pytest.fixture
def config_file(tmp_path, docker, monkeypatch):
    """A file whose mounts and Dockerfile are there."""
    (tmp_path / "home" / "data" / "public").mkdir(parents=True)
    (tmp_path / "Dockerfile.agent").write_text("FROM mlebench-env\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-seen")
    path = tmp_path / "run.yaml"
    path.write_text(FILE)
    return path


def test_a_file_is_expanded_and_normalized(config_file, tmp_path):
    config = load_config(config_file, ["timeout=30m"])
    assert config.command == ("python", "agent.py", "--steps", "3")
    assert config.timeout == 1800
    assert Path(config.workspace).parent == tmp_path / "runs"
    cache = config.mounts[1]
    assert (cache.source, cache.read_only) == (str(tmp_path / "home/data/public"), True)
    config_file.write_text(FILE.replace("command:", "comand:"))
    with pytest.raises(SpecError, match=r"run\.yaml:2: .*nearest: command"):
        load_config(config_file)


def test_the_run_command_holds_mounts_env_and_resources(config_file, docker, tmp_path):
    config = load_config(config_file)
    assert docker_backend.run(config, LOGGER) == 0
    (create,) = docker.calls("create")
    words = create["words"]
    assert words[words.index("--cpus") + 1] == "2"
    assert words[words.index("--memory") + 1] == str(4 * 1024**3)
    assert words[-5:] == ["my-agent:latest", "python", "agent.py", "--steps", "3"]
    mounts = [word for word in words if word.startswith("type=bind")]
    assert f"type=bind,source={config.workspace},target=/home/workspace" in mounts
    assert mounts[1].endswith("target=/root/.cache/mlebench/toy/prepared/public,readonly")
    # By name on the command line, by value in the client's own environment.
    assert "sk-not-to-be-seen" not in " ".join(words)
    assert create["env"]["OPENAI_API_KEY"] == "sk-not-to-be-seen"
    assert Path(config.workspace, "stdout.log").read_text() == "hello from the agent\n"
    assert Path(config.workspace, "submission", "submission.csv").read_text() == "id,y\n"


def test_the_image_is_built_before_the_run(config_file, docker):
    assert build.build(load_config(config_file), LOGGER) == 0
    (call,) = docker.calls("build")
    words = call["words"]
    assert words[words.index("--platform") + 1] == "linux/amd64"
    assert words[words.index("--file") + 1].endswith("Dockerfile.agent")
    assert words[words.index("--tag") + 1] == "my-agent:latest"
    assert "--pull=false" in words


def test_a_dry_run_prints_what_a_run_does(config_file, docker, tmp_path, capsys):
    """But for what is new in each run: its id, the time, a random folder."""
    arguments = ["--config", str(config_file)]
    assert command.main([*arguments, "--dry-run"], os.environ) == 0
    printed = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert not (tmp_path / "runs").exists()
    assert command.main(arguments, os.environ) == 0
    # The container that is started has an id by then, and only its name before.
    assert [words[1] for words in printed if words[0] != "#"] == ["build", "create", "start"]
    assert len(docker.calls("start")) == 1
    for verb in ("build", "create"):
        (planned,) = [words for words in printed if words[1] == verb]
        (call,) = docker.calls(verb)
        assert _without_news(planned[1:]) == _without_news(call["words"])


def _without_news(words):
    new = r"\d{8}-\d{6}-[0-9a-f]{6}|\d{4}-\d\d-\d\dT[\d-]+-GMT|[0-9a-f-]{36}"
    return [re.sub(new, "NEW", word) for word in words]


@pytest.mark.parametrize(
    ("face", "says"), [(modal_backend, "MODAL_"), (daytona_backend, "DAYTONA_")]
)
def test_a_service_without_its_key_is_refused_before_anything_starts(
    face, says, config_file, tmp_path, monkeypatch
):
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "DAYTONA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    config = load_config(
        config_file, ["image_source=flatten", f"backend={face.__name__.split('.')[-1][:-8]}"]
    )
    with pytest.raises(UsageError, match=says):
        face.run(config, LOGGER)
    assert not (tmp_path / "runs").exists()


def test_a_failed_agent_is_status_1(config_file, docker):
    docker.write(status=7)
    assert docker_backend.run(load_config(config_file), LOGGER) == 1
