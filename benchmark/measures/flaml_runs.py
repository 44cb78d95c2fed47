"""FLAML on the pack, with the same time and cores as whole runs: in a virtual environment of its
own, graded alike.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.competitions import grading
from benchmark.competitions.competition import Competition
from benchmark.competitions.references import features
from benchmark.errors import NotRunError
from benchmark.measure import DEST, Figures, Measure, Option, folder, markdown
from benchmark.measures import whole
from benchmark.measures.each import ALL, MINUTES, each_competition
from benchmark.measures.own_environment import environment, usual_place
from benchmark.measures.run_folder import submission_of as run_submission
from benchmark.provenance import claim, go_on, provenance_of
from utils.errors import UsageError
from utils.files import write_atomic
from utils.hardware import usable_cpus
from utils.process import end_with_parent

_PROGRAM = Path(__file__).with_name("flaml_program.py")
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
    provenance, target = claim(out, minutes), out / "submission.csv"
    if grading.try_grade(competition, target, dest)[0] is not None:
        return target
    go_on(out, provenance)
    public = dest / competition.name / "prepared" / "public"
    answers = pd.read_csv(public / "train.csv")[competition.target]
    features(competition, public, "train").assign(answer=answers.to_numpy()).to_csv(
        out / "train.csv", index=False
    )
    features(competition, public, "test").to_csv(out / "test.csv", index=False)
    job = FlamlJob(
        folder=str(out),
        metric=competition.metric,
        seconds=60 * minutes,
        cores=cores,
        seed=0,
        text=competition.kind == "text",
        timed=competition.time_column is not None,
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
        output = (folder / "console.log").read_text(encoding="utf-8", errors="replace")
        lines = ["no output", *output.strip().splitlines()]
        raise NotRunError(f"FLAML failed in {folder}: {lines[-1]}")


def compared(competition: Competition, dest: Path, flaml: Path, against: Path) -> FlamlComparison:
    """flaml: a folder of `flaml`. against: one of `full`; where it has no submission, only FLAML's
    score is told.

    Raises SubmissionError for a submission that cannot be graded, UsageError where the two had not
    the same time.
    """
    theirs, ours = flaml / "submission.csv", run_submission(against)
    score = grading.grade(competition, theirs, dest).score
    (minutes, commit), (our_minutes, our_commit) = _made(flaml), _made(against)
    alone = FlamlComparison(
        competition=competition.name,
        metric=competition.metric,
        flaml=score,
        ours=None,
        ahead=None,
        stderr=None,
        commit=commit,
        against=our_commit,
    )
    if not ours.is_file():
        return alone
    if minutes != our_minutes:
        raise UsageError(
            f"{against} does not say that it was made in the time that FLAML had in {flaml}"
        )
    mine = grading.grade(competition, ours, dest).score
    ahead = mine - score
    if competition.scored_by.direction == "minimize":
        ahead = -ahead
    error = paired_stderr(competition, dest, ours, theirs)
    return replace(alone, ours=mine, ahead=ahead, stderr=error)


def _made(out: Path) -> tuple[float | None, str]:
    """Minutes and commits that a folder was made with, (None, "") where it does not say."""
    provenance = provenance_of(out)
    if provenance is None:
        return None, ""
    return provenance.minutes, provenance.commit


def paired_stderr(competition: Competition, dest: Path, first: Path, second: Path) -> float:
    """Standard error of the difference of two submissions' scores: both are scored on the same
    draws of rows.
    """
    answers = grading.private_answers(competition, dest)
    key, target = competition.id_column, competition.target
    values = []
    for path in (first, second):
        values.append(pd.read_csv(path).set_index(key).loc[answers[key], target].to_numpy())
    truth, metric = answers[target].to_numpy(), grading.METRICS[competition.metric]
    rng = np.random.default_rng(_SEED)
    found = []
    for _ in range(_DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        if len(np.unique(truth[rows])) > 1:
            scores = [metric(truth[rows], answer[rows]) for answer in values]
            found.append(scores[0] - scores[1])
    return float(np.std(found, ddof=1))


_HEAD = ("", "metric", "FLAML", "this agent", "ahead", "paired standard error", "not behind")


def flaml_table(measured: Figures) -> str:
    """One line per competition, and on how many the whole run is within one paired standard error
    or better.
    """
    runs: Sequence[Figures] = measured["runs"]
    rows = list(map(_row, runs))
    for name in measured["absent"]:
        rows.append([name])
    good, total = sum(map(not_behind, runs)), len(rows)
    wanted = max(round(2 / 3 * total), 1)
    unknown = [run for run in runs if run["ours"] is None]
    met = "missed"
    if good >= wanted:
        met = "met"
    elif good + len(unknown) + len(measured["absent"]) >= wanted:
        met = "open"
    line = f"Within one paired standard error or ahead: {good} of {total} (target {wanted}: {met})."
    if commits := sorted({run["against"] for run in runs if run.get("against")}):
        line += f" This agent's runs: commit {', '.join(commits)}."
    return "\n".join([markdown(_HEAD, rows), "", line])


def _row(run: Figures) -> list[str]:
    cells = [run["competition"], run["metric"], f"{run['flaml']:.4f}"]
    if run["ours"] is None:
        return cells
    verdict = {True: "yes", False: "no"}[not_behind(run)]
    figures = f"{run['ours']:.4f}", f"{run['ahead']:+.4f}", f"{run['stderr']:.4f}"
    return [*cells, *figures, verdict]


def not_behind(run: Figures) -> bool:
    return run["ours"] is not None and run["ahead"] >= -run["stderr"]


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    place = (options.venv or usual_place("flaml")).resolve()
    python = environment(place, "flaml.txt", "FLAML")
    cores = len(usable_cpus())

    def measure(competition: Competition) -> Figures:
        out, against = options.out / competition.name, options.against / competition.name
        out = out.resolve()
        submission_of(competition, options.dest, out, options.minutes, cores, python)
        found = compared(competition, options.dest, out, against)
        if found.ours is None:
            missing = f"{options.against} has no submission to compare with"
            print(f"{competition.name}: {missing}", flush=True)
        return asdict(found)

    return each_competition(options, measure, flaml_table)


MEASURE = Measure(
    name="flaml",
    help="FLAML with the same time and cores, compared with what `full` made",
    options=(
        ALL,
        MINUTES,
        folder("--out", Path("out/flaml"), "folder of its runs"),
        folder("--against", whole.OUT, "folder of the runs of `full`"),
        Option(
            "--venv",
            {
                "type": Path,
                "help": "its virtual environment (default below the user's cache folder)",
            },
        ),
        DEST,
    ),
    figures=_figures,
    line=None,
    table=flaml_table,
    sections=("flaml",),
)
