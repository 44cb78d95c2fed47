"""Each example parses, and its dry run prints what would be done, on a machine that has nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HOST = ROOT / "host"
EXAMPLES = HOST / "orchestrator" / "examples"
CACTUS = "aerial-cactus-identification/prepared/public"
# What a dry run prints of each.
SAYS = {
    "aerial-cactus": [
        r"docker build --platform linux/amd64 .*--pull=false ",
        rf"source=\S+/\.cache/mle-bench/data/{CACTUS},",
    ],
    "aerial-cactus-macos": [rf"source=\S+/Library/Caches/mle-bench/data/{CACTUS},"],
    "aerial-cactus-whole-cache": [r"source=\S+/\.cache/mlebench,target=/root/.cache/mlebench,"],
    "build": [r"docker build .*--build-arg OPENAI", r"docker create .*--network none"],
    "daytona": [r"my-agent|flatten"],
    "matrix": [
        r"(?s)# grants-\w+: swarm-evo/recipes on grants.*# house-price-\w+: dummy on house-price"
    ],
    "modal": [r"ghcr\.io/you/my-agent:latest"],
    "pack": [r"main\.py .*--steps=6"],
}


def run(
    name: str, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    command = [sys.executable, "orchestrator/run.py", f"--runs={folder / 'runs'}"]
    return subprocess.run(
        [*command, "--config", f"orchestrator/examples/{name}.yaml", *arguments],
        cwd=HOST,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_no_example_is_forgotten() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(SAYS)


@pytest.mark.parametrize("name", sorted(SAYS))
def test_each_example_parses_and_dry_runs(name: str, tmp_path: Path) -> None:
    base = str(ROOT / "tests" / "container" / "base")
    done = run(name, tmp_path, "--dry-run", OPENAI_API_KEY="sk-0123456789", SWARM_HOST_BASE=base)
    assert done.returncode == 0, done.stderr
    for pattern in SAYS[name]:
        assert re.search(pattern, done.stdout), done.stdout
    assert "sk-0123456789" not in done.stdout + done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", sorted(SAYS))
def test_each_printed_example_is_an_example_again(name: str, tmp_path: Path) -> None:
    printed = run(name, tmp_path, "--print-config", OPENAI_API_KEY="sk-0123456789")
    assert printed.returncode == 0, printed.stderr
    assert "sk-0123456789" not in printed.stdout
    (tmp_path / "again.yaml").write_text(printed.stdout)
    again = run(name, tmp_path, "--print-config", "--config", str(tmp_path / "again.yaml"))
    assert again.stdout == printed.stdout


def test_every_key_of_the_document_is_told_and_every_example_is_linked() -> None:
    """The page names each key of a plain run, a build and a matrix."""
    page = (HOST / "docs" / "orchestrator_spec.md").read_text()
    from swarm_host.records import BuildConfig, Outputs, Resources, RunConfig
    from swarm_host.spec.matrix_keys import Matrix

    for record in (BuildConfig, Outputs, Resources, RunConfig, Matrix):
        missing = [key for key in record.__slots__ if not re.search(rf"`(matrix\.)?{key}`", page)]
        assert missing == [], record
    for link in re.findall(r"\]\((\.\./[^)]+)\)", page):
        assert (HOST / "docs" / link).exists(), link
