"""Every snippet of a skill is executed on small data, with what is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agents.prompting.knowledge import load
from core.execution.static_check import reasons_to_reject

BENCH = Path(__file__).with_name("snippet_bench.py")
CODE = {
    piece.name: "\n".join(re.findall(r"```python\n(.*?)```", piece.body, re.DOTALL))
    for piece in load()
}
SNIPPETS = {piece.name: piece for piece in load() if CODE[piece.name]}


def missing(name: str) -> list[str]:
    return [
        package
        for package in sorted(SNIPPETS[name].packages)
        if importlib.util.find_spec(package) is None
    ]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """Traceback or None of each snippet whose libraries are installed; all in one interpreter."""
    jobs = {
        name: {"code": CODE[name], "fixtures": sorted(piece.fixtures)}
        for name, piece in SNIPPETS.items()
        if not missing(name)
    }
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SWARM_CPUS"), "1"),
        "SWARM_DEADLINE": "1000",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(BENCH)],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path_factory.mktemp("snippets"),
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {line["name"]: line["error"] for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", sorted(SNIPPETS))
def test_a_snippet_runs(name: str, errors: dict[str, str | None]) -> None:
    if without := missing(name):
        pytest.skip(f"{name} needs {', '.join(without)}, not installed here")
    assert errors[name] is None, errors[name]


@pytest.mark.parametrize("name", sorted(SNIPPETS))
def test_a_snippet_would_pass_the_static_check(name: str) -> None:
    assert reasons_to_reject(CODE[name]) == ()


def test_each_fixture_is_used() -> None:
    for name, piece in SNIPPETS.items():
        unused = [
            fixture for fixture in piece.fixtures if not re.search(rf"\b{fixture}\b", CODE[name])
        ]
        assert not unused, f"{name} declares {unused} and does not use it"


def test_most_pieces_show_code() -> None:
    assert len(SNIPPETS) >= 0.8 * len(load())
