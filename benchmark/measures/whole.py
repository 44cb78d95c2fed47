"""Whole runs of main.py over the pack, one per competition, each resumable; their submissions are
kept.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.competitions import grading
from benchmark.competitions.competition import Competition
from benchmark.provenance import ROOT, claim, go_on
from utils.errors import UsageError, WorkerError
from utils.files import is_file_of
from utils.process import end_with_parent

Run = Callable[[Path, Path, float, Sequence[str]], int]
DUMMY = "dummy"
EXIT_USAGE = 2
_STOPPED = re.compile(r"(?:^|; )stopped (?:by|while)")
# Of its time: a run that was stopped after that was stopped by its deadline.
_WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class WholeRun:
    """One run. private: score of what was published, None where that cannot be graded. reference:
    of the pack.

    trained: a trained program or blend was published. beaten: it is better than every reference
    model. problem: why it cannot be graded, or why it stayed at the baseline. commit: of the
    checkout that made it.
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
    problem: str
    commit: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """What the report of a run says of its end. sha256: of its submission, None where there is
    none.
    """

    status: str
    reason: str
    winner: str
    first_valid_s: float | None
    elapsed_s: float
    steps: int
    sha256: str | None


def run_main_py(public: Path, out: Path, minutes: float, words: Sequence[str]) -> int:
    """Exit status of main.py; the same `out` again resumes. What it prints is kept beside its
    folders.
    """
    command = [
        sys.executable,
        "main.py",
        "--data",
        str(public),
        "--out",
        str(out),
        "--time",
        f"{minutes:g}m",
        *words,
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "console.log").open("ab") as console:
        end = partial(end_with_parent, signal.SIGTERM)
        return subprocess.run(
            command, cwd=ROOT, stdout=console, stderr=subprocess.STDOUT, preexec_fn=end
        ).returncode


def _over(out: Path) -> _Ended | None:
    """How the run below `out` ended; None where main.py has to go on: it did not come to its end,
    or somebody stopped it long before that, what it published is not there, or its report is none.
    """
    try:
        report = json.loads((out / "logs" / "run.json").read_text(encoding="utf-8"))
        ended = _Ended(
            status=report["status"],
            reason=report["reason"] or "",
            winner=report["best"]["kind"],
            first_valid_s=report["time"]["first_valid_s"],
            elapsed_s=report["time"]["elapsed_s"],
            steps=report["steps"]["done"],
            sha256=report["submission"] and report["submission"]["sha256"],
        )
        limit_s = float(report["time"]["limit_s"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    in_place = ended.sha256 is None or is_file_of(_submission(out), ended.sha256)
    stopped = _STOPPED.search(ended.reason) is not None and ended.elapsed_s < _WHOLE * limit_s
    return ended if ended.status != "running" and in_place and not stopped else None


def _submission(out: Path) -> Path:
    return out / "submission" / "submission.csv"


def measure_whole(
    competition: Competition,
    dest: Path,
    out: Path,
    minutes: float,
    words: Sequence[str],
    run: Run = run_main_py,
) -> WholeRun:
    """The run below `out`, made or finished where it is not over. The competition must be prepared
    in `dest`.

    One that stayed without a trained result is given to main.py again, which goes on where
    something kept it from working. Raises WorkerError when main.py does not finish it, UsageError
    when it had another time or other words, or main.py refuses them.
    """
    made = claim(out, minutes, words)
    ended = _over(out)
    if ended is None or ended.winner == "baseline":
        made = go_on(out, made)
        code = run(dest / competition.name / "prepared" / "public", out, minutes, words)
        ended = _over(out)
        if code == EXIT_USAGE:
            raise UsageError(f"main.py refused: {ended.reason if ended else out / 'console.log'}")
    if ended is None:
        raise WorkerError(
            f"the run did not come to its end, see {out / 'console.log'}; the same command goes on"
        )
    private, problem = grading.try_grade(competition, _submission(out), dest)
    reference = _reference(competition, dest)
    return WholeRun(
        competition=competition.name,
        metric=competition.metric,
        direction=competition.scored_by.direction,
        status=ended.status,
        winner=ended.winner,
        trained=ended.winner != "baseline" and private is not None,
        private=private,
        reference=reference,
        beaten=_beats(private, reference, competition.scored_by.direction),
        first_valid_s=ended.first_valid_s,
        elapsed_s=ended.elapsed_s,
        steps=ended.steps,
        problem=problem or (ended.reason if ended.winner == "baseline" else ""),
        commit=made.commit,
    )


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
        cells = (
            run["metric"],
            private,
            shown,
            "yes" if run["beaten"] else "no",
            run["winner"],
            run["steps"],
            first,
        )
        lines.append(f"| {run['competition']} | {' | '.join(map(str, cells))} |")
    lines += [f"| {name} |" + " |" * 7 for name in measured["absent"]]
    problems = [f"{run['competition']}: {run['problem']}." for run in runs if run.get("problem")]
    return "\n".join([*lines, "", _counts(runs, len(measured["absent"])), *problems])


def _counts(runs: Sequence[Mapping[str, Any]], absent: int) -> str:
    done, total = len(runs), len(runs) + absent
    trained, beaten = sum(run["trained"] for run in runs), sum(run["beaten"] for run in runs)
    wanted = max(total - 1, 1)
    line = (
        f"Trained and valid: {trained} of {done} (target {total}: {_verdict(trained, total, absent)}). "
        f"Better than every reference: {beaten} of {done} (target {wanted}: {_verdict(beaten, wanted, absent)})."
    )
    return line + (f" {absent} of {total} are NOT RUN." if absent else "")


def _verdict(count: int, wanted: int, absent: int) -> str:
    """open: not reached yet, and still within reach of what was not run."""
    if count >= wanted:
        return "met"
    return "open" if count + absent >= wanted else "missed"
