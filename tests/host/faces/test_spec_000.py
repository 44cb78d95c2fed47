"""The commands of specification 000, word for word, on a real daemon with the stand-in base image. `uv run` is left
out, but by scripts/test_host_uv.sh, which has uv and sets SWARM_HOST_TEST_UV.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.backends.docker.daemon import BASE, ROOT, docker, docker_is_ready
from tests.host.commands.lines import PLACEHOLDER, filled, of
from tests.host.faces.model import serving

pytestmark = pytest.mark.docker
IMAGE = "my-agent:latest"
# What the document writes as placeholders.
BUILD = ("linux/amd64", "Dockerfile.agent", IMAGE, ".")
BUILDS = of("docker")
(RUN,) = [line for line in of("uv") if "orchestrator/run.py" in line]
HAS_UV = "SWARM_HOST_TEST_UV" in os.environ
CACTUS = "aerial-cactus-identification"
# Of the images that this test makes, and of what is built on them.
LABEL = "swarm-evo.test=spec-000"
KEY = "sk-of-a-test-0123"
PROGRAM = f"""```python
import glob, os, shutil
data = os.path.dirname(glob.glob("/root/.cache/mlebench/**/{CACTUS}/prepared/public/train.csv", recursive=True)[0])
assert not glob.glob("/root/.cache/mlebench/**/private/*", recursive=True) or os.environ.get("OPEN")
shutil.copy(data + "/sample_submission.csv", "submission.csv")
print("key", os.environ["OPENAI_API_KEY"])
```"""


@pytest.fixture(scope="module")
def base() -> Iterator[None]:
    """The base with a client of openai 1.x, since a build has no network where a daemon has no bridge."""
    docker_is_ready()
    label = docker("image", "inspect", "--format", "{{json .Config.Labels}}", BASE)
    if "swarm-evo.stand-in" not in label:
        pytest.skip(f"NOT RUN: {BASE} is not the stand-in; it is not touched")
    kept = f"{BASE}:kept-by-test"
    docker("tag", BASE, kept)
    text = f"FROM {kept}\nLABEL {LABEL}\nRUN conda run -n agent pip install --no-cache-dir openai==1.109.1\n"
    docker("build", "--network", "host", "-t", BASE, "-", stdin=text.encode())
    yield
    docker("tag", kept, BASE)
    docker("rmi", kept)
    subprocess.run(["docker", "rmi", "--force", IMAGE], capture_output=True)
    docker("image", "prune", "--force", "--filter", f"label={LABEL}")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """host/ of a checkout in which commands may write."""
    place = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("runs", ".venv", "__pycache__")
    shutil.copytree(ROOT / "host", place / "host", ignore=unwanted)
    for folder in ("core", "utils"):
        (place / folder).symlink_to(ROOT / folder)
    return place / "host"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a data cache: a competition of the pack under the document's name."""
    place = tmp_path_factory.mktemp("home")
    cache = place / ".cache" / "mlebench"
    command = [sys.executable, "-m", "benchmark", "prepare", "churn", "--dest", str(cache)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (cache / "churn").rename(cache / CACTUS)
    return place


def run(
    line: str, checkout: Path, home: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = shlex.split(line)
    if command[:2] == ["uv", "run"] and not HAS_UV:
        command = command[2:]
    if command[0] == "python":
        command[0] = sys.executable
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_API_KEY": KEY, **variables}
    kept = ("DOCKER_HOST", "DOCKER_BUILDKIT", "UV_")
    environ |= {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return subprocess.run(
        command, cwd=checkout, env=environ, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def image(base: None, checkout: Path, home: Path) -> str:
    build(BUILDS[-1], checkout, home)
    return IMAGE


def build(line: str, checkout: Path, home: Path) -> None:
    placeholders = PLACEHOLDER.findall(line)
    done = run(filled(line, *BUILD[: len(placeholders)]), checkout, home)
    assert done.returncode == 0, done.stdout + done.stderr


def workspace_of(checkout: Path, said: str) -> Path:
    (found,) = re.findall(r"workspace: (\S+?);?$", said, re.MULTILINE)
    assert Path(found).parent == checkout / "runs"
    return Path(found)


@pytest.mark.parametrize("line", BUILDS)
def test_the_agent_image_is_built(base: None, checkout: Path, home: Path, line: str) -> None:
    subprocess.run(["docker", "rmi", "--force", IMAGE], capture_output=True)
    build(line, checkout, home)
    (facts,) = json.loads(docker("image", "inspect", IMAGE))
    assert (facts["Os"], facts["Architecture"]) == ("linux", "amd64")
    assert facts["Config"]["Entrypoint"] in (None, [])


def test_the_example_run_leaves_logs_and_a_submission(
    image: str, checkout: Path, home: Path
) -> None:
    with serving([PROGRAM]) as model:
        url = f"http://127.0.0.1:{model.server_port}/v1"
        more = {"OPENAI_BASE_URL": url, "MLEBENCH_DATA": str(home / ".cache" / "mlebench")}
        done = run(RUN, checkout, home, NETWORK="host", **more)
    assert done.returncode == 0, done.stdout + done.stderr
    workspace = workspace_of(checkout, done.stdout)
    assert "step 1: submission written" in (workspace / "stdout.log").read_text()
    assert (workspace / "stderr.log").is_file()
    sample = home / ".cache" / "mlebench" / CACTUS / "prepared" / "public" / "sample_submission.csv"
    for place in ("output", "submission"):
        assert (workspace / place / "submission.csv").read_bytes() == sample.read_bytes()
    with sample.open() as file:
        assert len(list(csv.reader(file))) > 1000
    kept = [path for path in (checkout / "runs").rglob("*") if path.is_file()]
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
    assert docker("ps", "--all", "--quiet", "--filter", f"name={workspace.name}") == ""


def test_the_whole_cache_is_refused_and_runs_open_when_allowed(
    image: str, checkout: Path, home: Path
) -> None:
    line = RUN.replace("cactus.yaml", "cactus-whole-cache.yaml")
    refused = run(line, checkout, home)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    narrower = f"{home}/.cache/mlebench/{CACTUS}/prepared/public"
    assert "prepared/private" in refused.stderr
    assert narrower in refused.stderr
    with serving([PROGRAM]) as model:
        url = f"http://127.0.0.1:{model.server_port}/v1"
        words = " allow_private=true env.OPEN=yes --json"
        done = run(line + words, checkout, home, NETWORK="host", OPENAI_BASE_URL=url)
    assert done.returncode == 0, done.stdout + done.stderr
    (unit,) = json.loads(done.stdout)["units"]
    assert (unit["outcome"], unit["isolation"]) == ("ok", "open")
