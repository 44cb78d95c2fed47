"""FLAML on the pack, with the same time and cores as whole runs: in a virtual environment of its
own, graded alike.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.competitions import grading
from benchmark.competitions.competition import Competition
from benchmark.competitions.references import features
from benchmark.errors import NotRunError
from benchmark.provenance import claim, go_on, made_of
from utils.errors import UsageError
from utils.files import sha256_file, write_atomic
from utils.process import end_with_parent

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "flaml.txt"
_PROGRAM = Path(__file__).with_name("flaml_program.py")
_STAMP = "requirements.sha256"
_INSTALL_S = 1800.0
# What FLAML may take beyond its budget before it is given up.
_SLACK = 1.5
_DRAWS = 500
_SEED = 11

Fit = Callable[[Path, "FlamlJob"], None]


@dataclass(frozen=True, slots=True)
class FlamlJob:
    """What the program of FLAML reads. folder: holds train.csv (with `answer`) and test.csv.

    text: columns are texts. timed: the test rows come after those of train.
    """

    folder: str
    metric: str
    seconds: float
    cores: int
    seed: int
    text: bool
    timed: bool


@dataclass(frozen=True, slots=True)
class FlamlComparison:
    """FLAML on one competition beside a whole run.

    ours: None where there is no submission. ahead: how much better ours is, plus is better. stderr:
    paired, over the private rows. commit, against: of the checkouts that made FLAML's submission
    and ours, "" where unknown.
    """

    competition: str
    metric: str
    flaml: float
    ours: float | None
    ahead: float | None
    stderr: float | None
    commit: str
    against: str


def environment(place: Path) -> Path:
    """The interpreter of a virtual environment with FLAML; made in `place` where it is missing or
    of other pins.

    Raises NotRunError when the packages are not to be had.
    """
    python, stamp = place / "bin" / "python", place / _STAMP
    wanted = sha256_file(REQUIREMENTS)
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(place, clear=True, with_pip=True)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        str(REQUIREMENTS),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_INSTALL_S
        )
    except subprocess.TimeoutExpired as error:
        raise NotRunError(
            f"FLAML could not be installed: pip took over {_INSTALL_S:g} s"
        ) from error
    if done.returncode != 0:
        why = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            "pip gave no reason"
        ]
        raise NotRunError(f"FLAML could not be installed: {why[0]}")
    write_atomic(stamp, wanted)
    return python


def submission_of(
    competition: Competition,
    dest: Path,
    out: Path,
    minutes: float,
    cores: int,
    python: Path,
    fit: Fit | None = None,
) -> Path:
    """<out>/submission.csv, made where it is not there.

    Raises NotRunError when FLAML fails, UsageError when the submission was made in another time.
    """
    made, target = claim(out, minutes), out / "submission.csv"
    if grading.try_grade(competition, target, dest)[0] is not None:
        return target
    go_on(out, made)
    public = dest / competition.name / "prepared" / "public"
    answers = pd.read_csv(public / "train.csv")[competition.target]
    features(competition, public, "train").assign(answer=answers.to_numpy()).to_csv(
        out / "train.csv", index=False
    )
    features(competition, public, "test").to_csv(out / "test.csv", index=False)
    timed = competition.time_column is not None
    job = FlamlJob(
        str(out), competition.metric, 60 * minutes, cores, 0, competition.kind == "text", timed
    )
    (fit or run_flaml)(python, job)
    sample = pd.read_csv(public / "sample_submission.csv")
    found = pd.read_csv(out / "answers.csv")["answer"].to_numpy()
    write_atomic(target, sample.assign(**{competition.target: found}).to_csv(index=False))
    return target


def run_flaml(python: Path, job: FlamlJob) -> None:
    """Runs the program in its environment; what it prints is kept. Raises NotRunError when it
    fails.
    """
    folder = Path(job.folder)
    write_atomic(folder / "job.json", json.dumps(asdict(job)))
    with (folder / "console.log").open("wb") as console:
        command = [str(python), str(_PROGRAM), str(folder / "job.json")]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=console,
                stderr=subprocess.STDOUT,
                timeout=60 + _SLACK * job.seconds,
                preexec_fn=partial(end_with_parent, signal.SIGKILL),
            )
        except subprocess.TimeoutExpired as error:
            raise NotRunError(f"FLAML did not end in {folder}") from error
    if done.returncode != 0:
        lines = (
            (folder / "console.log")
            .read_text(encoding="utf-8", errors="replace")
            .strip()
            .splitlines()
        )
        raise NotRunError(f"FLAML failed in {folder}: {(lines or ['no output'])[-1]}")


def compared(competition: Competition, dest: Path, flaml: Path, against: Path) -> FlamlComparison:
    """flaml: a folder of `flaml`. against: one of `full`; where it has no submission, only FLAML's
    score is told.

    Raises SubmissionError for a submission that cannot be graded, UsageError where the two had not
    the same time.
    """
    theirs, ours = flaml / "submission.csv", against / "submission" / "submission.csv"
    score = grading.grade(competition, theirs, dest)["score"]
    records = [made_of(folder) for folder in (flaml, against)]
    commits = [made.commit if made is not None else "" for made in records]
    if not ours.is_file():
        return FlamlComparison(
            competition.name, competition.metric, score, None, None, None, *commits
        )
    if len({made.minutes if made is not None else None for made in records}) > 1:
        raise UsageError(
            f"{against} does not say that it was made in the time that FLAML had in {flaml}"
        )
    mine = grading.grade(competition, ours, dest)["score"]
    sign = 1 if competition.scored_by.direction == "maximize" else -1
    error = paired_stderr(competition, dest, ours, theirs)
    return FlamlComparison(
        competition.name, competition.metric, score, mine, sign * (mine - score), error, *commits
    )


def paired_stderr(competition: Competition, dest: Path, first: Path, second: Path) -> float:
    """Standard error of the difference of two submissions' scores: both are scored on the same
    draws of rows.
    """
    answers = pd.read_csv(dest / competition.name / "prepared" / "private" / "test.csv")
    key, target = competition.id_column, competition.target
    order = answers[key]
    values = [
        pd.read_csv(path).set_index(key).loc[order, target].to_numpy() for path in (first, second)
    ]
    truth, metric = answers[target].to_numpy(), grading.METRICS[competition.metric]
    rng = np.random.default_rng(_SEED)
    found = []
    for _ in range(_DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        if len(np.unique(truth[rows])) > 1:
            found.append(
                metric(truth[rows], values[0][rows]) - metric(truth[rows], values[1][rows])
            )
    return float(np.std(found, ddof=1))


def flaml_table(measured: Mapping[str, Any]) -> str:
    """One line per competition, and on how many the whole run is within one paired standard error
    or better.
    """
    lines = [
        "| | metric | FLAML | this agent | ahead | paired standard error | not behind |",
        "|---" * 7 + "|",
    ]
    runs: Sequence[Mapping[str, Any]] = measured["runs"]
    for run in runs:
        cells = [run["metric"], f"{run['flaml']:.4f}"]
        if run["ours"] is None:
            cells += [""] * 4
        else:
            verdict = "yes" if not_behind(run) else "no"
            cells += [f"{run['ours']:.4f}", f"{run['ahead']:+.4f}", f"{run['stderr']:.4f}", verdict]
        lines.append(f"| {run['competition']} | {' | '.join(cells)} |")
    lines += [f"| {name} |" + " |" * 6 for name in measured["absent"]]
    good, total = sum(map(not_behind, runs)), len(runs) + len(measured["absent"])
    wanted = max(round(2 / 3 * total), 1)
    unknown = sum(run["ours"] is None for run in runs) + len(measured["absent"])
    met = "met" if good >= wanted else ("missed" if good + unknown < wanted else "open")
    counted = (
        f"Within one paired standard error or ahead: {good} of {total} (target {wanted}: {met})."
    )
    commits = sorted({run["against"] for run in runs if run.get("against")})
    programs = f" This agent's runs: commit {', '.join(commits)}." if commits else ""
    return "\n".join([*lines, "", counted + programs])


def not_behind(run: Mapping[str, Any]) -> bool:
    return run["ours"] is not None and run["ahead"] >= -run["stderr"]


def usual_place() -> Path:
    """Outside of the checkout: packages bring files that a checkout must not hold."""
    return (
        Path.home() / ".cache" / "swarm-evo" / f"flaml-{sys.version_info[0]}.{sys.version_info[1]}"
    )
