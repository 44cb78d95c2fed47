"""Whole runs of main.py over the pack, one per competition, each resumable; their submissions are
kept.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmark.competitions import grading
from benchmark.competitions.competition import Competition
from benchmark.measure import DEST, OVERRIDES, Figures, Measure, folder, markdown
from benchmark.measures.each import ALL, MINUTES, each_competition
from benchmark.measures.run_folder import has_ended, submission_of
from benchmark.measures.runs import main_command
from benchmark.provenance import ROOT, claim, go_on
from core.contract import EXIT_STATUS, RunReport
from core.publishing.reasons import was_stopped
from core.score import Direction
from utils.errors import UsageError, WorkerError
from utils.files import is_file_of
from utils.process import end_with_parent

Run = Callable[[Path, Path, float, Sequence[str]], int]
OUT = Path("out/full")
DUMMY = "dummy"
# Of its time: a run that was stopped after that was stopped by its deadline.
_WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class WholeRun:
    """One run."""

    # Of the pack.
    competition: str
    # Its name.
    metric: str
    # Of the metric.
    direction: str
    # As in run.json.
    status: str
    # Kind of what was published.
    winner: str
    # A trained program or blend was published.
    trained: bool
    # Score of what was published, None where that cannot be graded.
    private: float | None
    # Private scores of the reference models of the pack.
    reference: Mapping[str, float]
    # Better than every reference model.
    beaten: bool
    # Seconds to the first trained submission.
    first_valid_s: float | None
    # Of the whole run.
    elapsed_s: float
    # Programs that were tried.
    steps: int
    # Why it cannot be graded, or why it stayed at the baseline.
    problem: str
    # Of the checkout that made it.
    commit: str


def run_main_py(public: Path, out: Path, minutes: float, words: Sequence[str]) -> int:
    """Exit status of main.py; the same `out` again resumes. What it prints is kept beside its
    folders.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "console.log").open("ab") as console:
        return subprocess.run(
            main_command(public, out, ["--time", f"{minutes:g}m", *words]),
            cwd=ROOT,
            stdout=console,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(end_with_parent, signal.SIGTERM),
        ).returncode


def _over(out: Path) -> RunReport | None:
    """How the run below `out` ended; None where main.py has to go on: it did not come to its end,
    or somebody stopped it long before that, what it published is not there, or its report is none.
    """
    report = has_ended(out)
    if report is None:
        return None
    if report.submission and not is_file_of(submission_of(out), report.submission.sha256):
        return None
    early = report.time.elapsed_s < _WHOLE * report.time.limit_s
    if early and was_stopped(report.reason):
        return None
    return report


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
    provenance = claim(out, minutes, words)
    report = _over(out)
    if report is None or report.best.kind == "baseline":
        provenance = go_on(out, provenance)
        code = run(dest / competition.name / "prepared" / "public", out, minutes, words)
        report = _over(out)
        if code == EXIT_STATUS["usage"]:
            raise UsageError(f"main.py refused: {_refusal(report, out)}")
    if report is None:
        raise WorkerError(
            f"the run did not come to its end, see {out / 'console.log'}; the same command goes on"
        )
    return _whole_run(competition, dest, out, report, provenance.commit)


def _refusal(report: RunReport | None, out: Path) -> str:
    if report is None:
        return str(out / "console.log")
    return report.reason or ""


def _whole_run(
    competition: Competition, dest: Path, out: Path, report: RunReport, commit: str
) -> WholeRun:
    private, problem = grading.try_grade(competition, submission_of(out), dest)
    reference = grading.reference_scores(competition, dest)
    reference.pop(DUMMY, None)
    trained = report.best.kind != "baseline"
    if not trained and not problem:
        problem = report.reason or ""
    direction = competition.scored_by.direction
    return WholeRun(
        competition=competition.name,
        metric=competition.metric,
        direction=direction,
        status=report.status,
        winner=report.best.kind,
        trained=trained and private is not None,
        private=private,
        reference=reference,
        beaten=_beats(private, reference, direction),
        first_valid_s=report.time.first_valid_s,
        elapsed_s=report.time.elapsed_s,
        steps=report.steps.done,
        problem=problem,
        commit=commit,
    )


def _beats(private: float | None, reference: Mapping[str, float], direction: Direction) -> bool:
    if private is None:
        return False
    if direction == "maximize":
        return private > max(reference.values())
    return private < min(reference.values())


_HEAD = (
    *("", "metric", "published", "references", "better than all"),
    *("winner", "programs", "first trained, s"),
)


def whole_table(measured: Figures) -> str:
    """One line per competition, and how many are trained and beat the reference."""
    runs, rows, problems = measured["runs"], [], []
    for run in runs:
        rows.append(_row(run))
        if run.get("problem"):
            problems.append(f"{run['competition']}: {run['problem']}.")
    for name in measured["absent"]:
        rows.append([name])
    counts = _counts(runs, len(measured["absent"]))
    return "\n".join([markdown(_HEAD, rows), "", counts, *problems])


def _row(run: Figures) -> list[object]:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in run["reference"].items())
    private = first = "none"
    if run["private"] is not None:
        private = f"{run['private']:.4f}"
    if run["first_valid_s"] is not None:
        first = f"{run['first_valid_s']:.0f}"
    beaten = {True: "yes", False: "no"}[run["beaten"]]
    head = [run["competition"], run["metric"], private, shown, beaten]
    return [*head, run["winner"], run["steps"], first]


def _counts(runs: Sequence[Figures], absent: int) -> str:
    done, total = len(runs), len(runs) + absent
    trained, beaten = sum(run["trained"] for run in runs), 0
    for run in runs:
        beaten += run["beaten"]
    wanted = max(total - 1, 1)
    line = (
        f"Trained and valid: {trained} of {done} (target {total}: {_verdict(trained, total, absent)}). "
        f"Better than every reference: {beaten} of {done} (target {wanted}: {_verdict(beaten, wanted, absent)})."
    )
    if absent:
        line += f" {absent} of {total} are NOT RUN."
    return line


def _verdict(count: int, wanted: int, absent: int) -> str:
    """open: not reached yet, and still within reach of what was not run."""
    if count >= wanted:
        return "met"
    if count + absent >= wanted:
        return "open"
    return "missed"


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    def measure(competition: Competition) -> Figures:
        out = (options.out / competition.name).resolve()
        found = measure_whole(competition, options.dest, out, options.minutes, options.words)
        return asdict(found)

    return each_competition(options, measure, whole_table)


MEASURE = Measure(
    name="full",
    help="one whole run of main.py per competition; resumes",
    options=(ALL, MINUTES, OVERRIDES, folder("--out", OUT, "folder of the runs"), DEST),
    figures=_figures,
    line=None,
    table=whole_table,
    sections=("full", "again"),
)
