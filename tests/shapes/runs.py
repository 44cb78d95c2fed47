"""Whole runs of the command line on folders of unforeseen shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.provenance import ROOT
from tests.shapes.grading import read
from tests.shapes.unforeseen import build

_KEYS = ("API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. published: what the submission is (kind of the best), "nothing" without one."""

    name: str
    exit: int
    status: str
    published: str
    scored_by: str
    reason: str
    traceback: bool
    complete: bool


def run(name: str, root: Path) -> RunResult:
    """complete: the published file has the rows and columns of the sample submission."""
    folder = build(name, root)
    out = root / "out"
    command = [
        sys.executable,
        "-m",
        "main",
        "--data",
        folder.public,
        "--out",
        out,
        "--steps",
        "2",
        "--time",
        "60s",
    ]
    environ = {key: value for key, value in os.environ.items() if key not in _KEYS} | {
        "LLM_PROVIDER": "recipes"
    }
    ended = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
    )
    report = json.loads((out / "logs" / "run.json").read_text(encoding="utf-8"))
    submission = out / "submission" / "submission.csv"
    published = report["best"]["kind"] if submission.is_file() else "nothing"
    told = ended.stdout + ended.stderr + (out / "logs" / "system.log").read_text(encoding="utf-8")
    return RunResult(
        name,
        ended.returncode,
        report["status"],
        published,
        report["best"]["scored_by"],
        report["reason"] or "",
        "Traceback" in told,
        submission.is_file() and _like_the_sample(submission, folder.public),
    )


def _like_the_sample(submission: Path, data: Path) -> bool:
    sample = read(next(path for path in sorted(data.iterdir()) if "ubmission" in path.name))
    given = read(submission)
    return set(given.columns) == set(sample.columns) and len(given) == len(sample)
