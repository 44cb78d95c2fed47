"""Whole runs of main.py over the pack, one per competition, each resumable; their submissions are kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark import grading
from benchmark.competition import Competition
from benchmark.errors import SubmissionError
from benchmark.measure import ROOT
from utils.errors import UsageError, WorkerError

Run = Callable[[Path, Path, float, Sequence[str]], int]
DUMMY = "dummy"


@dataclass(frozen=True, slots=True)
class Whole:
    """One run. private: score of what was published, None where that cannot be graded. reference: of the pack.

    trained: a trained program or blend was published. beaten: it is better than every reference model.
    """

    competition: str
    metric: str
    direction: str
    status: str
    winner: str
    trained: bool
    private: float | None
    reference: Mapping[str, float]
    beaten: bool
    first_valid_s: float | None
    elapsed_s: float
    steps: int


def run_main_py(public: Path, out: Path, minutes: float, words: Sequence[str]) -> int:
    """Exit status of main.py; the same `out` again resumes. What it prints is kept beside its folders."""
    command = [sys.executable, "main.py", "--data", str(public), "--out", str(out), "--time", f"{minutes:g}m", *words]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "console.log").open("ab") as console:
        return subprocess.run(command, cwd=ROOT, stdout=console, stderr=subprocess.STDOUT).returncode


def is_over(out: Path) -> bool:
    """True when the run below `out` came to its end; one that was killed before goes on."""
    try:
        report = json.loads((out / "logs" / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(report["status"] != "running")


def measure_whole(
    competition: Competition, dest: Path, out: Path, minutes: float, words: Sequence[str], run: Run = run_main_py
) -> Whole:
    """The run below `out`, made or finished where it is not over. The competition must be prepared in `dest`.

    Raises WorkerError when main.py does not finish it, UsageError when it had another time.
    """
    if not is_over(out):
        run(dest / competition.name / "prepared" / "public", out, minutes, words)
    if not is_over(out):
        raise WorkerError(f"the run did not come to its end, see {out / 'console.log'}; the same command goes on")
    report = json.loads((out / "logs" / "run.json").read_text(encoding="utf-8"))
    limit_s = report["time"]["limit_s"]
    if abs(limit_s - 60 * minutes) > 1:
        raise UsageError(f"{out} holds a run of {limit_s / 60:g} minutes, not {minutes:g}: use another --out")
    graded = _graded(competition, out / "submission" / "submission.csv", dest)
    private = None if graded is None else float(graded["score"])
    reference = _reference(competition, dest)
    return Whole(
        competition=competition.name,
        metric=competition.metric,
        direction=competition.scored_by.direction,
        status=report["status"],
        winner=report["best"]["kind"],
        trained=report["best"]["kind"] != "baseline" and private is not None,
        private=private,
        reference=reference,
        beaten=_beats(private, reference, competition.scored_by.direction),
        first_valid_s=report["time"]["first_valid_s"],
        elapsed_s=report["time"]["elapsed_s"],
        steps=report["steps"]["done"],
    )


def _graded(competition: Competition, submission: Path, dest: Path) -> dict[str, Any] | None:
    """None where there is no submission, or none that can be graded."""
    try:
        return grading.grade(competition, submission, dest)
    except (SubmissionError, UsageError):
        return None


def _reference(competition: Competition, dest: Path) -> dict[str, float]:
    """Scores of the reference models, without the dummy."""
    path = dest / competition.name / "prepared" / "private" / "reference.json"
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return {name: score for name, score in found.items() if name != DUMMY}


def _beats(private: float | None, reference: Mapping[str, float], direction: str) -> bool:
    if private is None:
        return False
    if direction == "maximize":
        return private > max(reference.values())
    return private < min(reference.values())


def whole_table(measured: Mapping[str, Any]) -> str:
    """One line per competition, and how many are trained and beat the reference."""
    runs = measured["runs"]
    head = "| | metric | published | references | better than all | winner | programs | first trained, s |"
    lines = [head, "|---" * 8 + "|"]
    for run in runs:
        shown = ", ".join(f"{name} {value:.4f}" for name, value in run["reference"].items())
        private = "none" if run["private"] is None else f"{run['private']:.4f}"
        first = "none" if run["first_valid_s"] is None else f"{run['first_valid_s']:.0f}"
        cells = (run["metric"], private, shown, "yes" if run["beaten"] else "no", run["winner"], run["steps"], first)
        lines.append(f"| {run['competition']} | {' | '.join(map(str, cells))} |")
    lines += [f"| {name} |" + " |" * 7 for name in measured["absent"]]
    return "\n".join([*lines, "", _counts(runs, len(measured["absent"]))])


def _counts(runs: Sequence[Mapping[str, Any]], absent: int) -> str:
    done, total = len(runs), len(runs) + absent
    trained, beaten = sum(run["trained"] for run in runs), sum(run["beaten"] for run in runs)
    line = (
        f"Trained and valid: {trained} of {done} (target {total}: {_verdict(trained, total, absent)}). "
        f"Better than every reference: {beaten} of {done} (target {total - 1}: {_verdict(beaten, total - 1, absent)})."
    )
    return line + (f" {absent} of {total} are NOT RUN." if absent else "")


def _verdict(count: int, wanted: int, absent: int) -> str:
    """open: not reached yet, and still within reach of what was not run."""
    if count >= wanted:
        return "met"
    return "open" if count + absent >= wanted else "missed"
