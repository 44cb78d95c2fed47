"""Runs of main.py on a prepared competition, measured from outside: scores, utilisation, memory,
journal.

A run is a real process; its private score is computed after it has ended, from what it published
and kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.competitions.pack import open_prepared
from benchmark.competitions.registry import find
from benchmark.measure import DEST, ONE, Figures, Measure, Option, number
from benchmark.measures.run_folder import RunFolder
from benchmark.provenance import ROOT
from core.blending import how_to_combine
from core.events import FoldScored, RunStarted
from core.judging.service import HoldoutJudge
from core.records import Entry, Outcome

# Private score of a submission file.
PrivateScore = Callable[[Path], float]


@dataclass(frozen=True, slots=True)
class RunMeasure:
    """One run. Scores are private, but for search_score and final_pick; *_s are seconds."""

    # Of the run.
    seed: int
    # As in run.json.
    status: str
    # Of what was published.
    private: float
    # The best of the drafts: an oracle that the agent cannot ask.
    best_draft: float
    # Of the draft with the best search score.
    chosen_draft: float
    # Valid ones.
    drafts: int
    # Programs that were tried.
    steps: int
    # Of those, with a score.
    valid_steps: int
    # Programs on views.
    evaluations: int
    # None where no trained submission was published.
    first_valid_s: float | None
    # Of the whole run.
    wall_s: float
    # CPU seconds of candidates / (workers x wall).
    utilisation: float
    # MiB.
    agent_peak_mb: float
    # Size of the journal over steps.
    journal_kb_per_step: float
    # Of the program that led.
    search_score: float | None
    # Score of the final pick.
    final_pick: float | None
    # Kind of what was published.
    winner: str


class PeakMemory(threading.Thread):
    """Watches the high-water mark of one process (VmHWM, MiB) until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.mb = 0.0

    def run(self) -> None:
        while (peak := peak_mb(self._pid)) is not None:
            self.mb = max(self.mb, peak)
            time.sleep(0.2)


def peak_mb(pid: int) -> float | None:
    """Peak memory of a running process, MiB; None where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return None


def measure_run(
    public: Path, score: PrivateScore, seed: int, minutes: float, words: Sequence[str] = ()
) -> RunMeasure:
    """words: overrides of the configuration. Raises RuntimeError when the run does not end well."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        asked = ["--seed", str(seed), "--time", f"{minutes:g}m", *words]
        wall_s, agent_peak_mb = run_main(public, out, asked)
        return _measure(RunFolder(out), score, seed, wall_s, agent_peak_mb)


def main_command(public: Path, out: Path, words: Sequence[str]) -> list[str]:
    """main.py on a competition; to be started in a checkout."""
    return [sys.executable, "main.py", "--data", str(public), "--out", str(out), *words]


def run_main(
    public: Path, out: Path, words: Sequence[str], checkout: Path = ROOT
) -> tuple[float, float]:
    """Runs main.py of a checkout to its end; wall seconds, and peak memory of the agent in MiB.
    Raises RuntimeError where it does not end with status 0.
    """
    command, begin = main_command(public, out, words), time.monotonic()
    with tempfile.TemporaryFile() as console:
        process = subprocess.Popen(command, cwd=checkout, stdout=console, stderr=subprocess.STDOUT)
        watch = PeakMemory(process.pid)
        watch.start()
        code = process.wait()
        wall_s = time.monotonic() - begin
        if code != 0:
            console.seek(0)
            end = console.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"main.py ended with {code}:\n{end}")
    return wall_s, watch.mb


def _measure(
    run: RunFolder, score: PrivateScore, seed: int, wall_s: float, agent_peak_mb: float
) -> RunMeasure:
    history, report = run.history, run.report
    assert report.metric is not None
    drafts = [entry for entry in history.entries if entry.kind == "draft" and entry.verdict.valid]
    direction = report.metric.direction
    private = _private_scores(run, drafts, score)
    complete = [draft for draft in drafts if draft.complete]
    chosen = max(complete, key=lambda draft: draft.score(direction))
    best = max
    if direction == "minimize":
        best = min
    return RunMeasure(
        seed=seed,
        status=report.status,
        private=score(run.submission),
        best_draft=best(private.values()),
        chosen_draft=private[chosen.id],
        drafts=len(drafts),
        steps=report.steps.done,
        valid_steps=report.steps.valid,
        evaluations=len(history.folds),
        first_valid_s=report.time.first_valid_s,
        wall_s=wall_s,
        utilisation=utilisation_of(run),
        agent_peak_mb=agent_peak_mb,
        journal_kb_per_step=run.journal_bytes / 1000 / max(report.steps.done, 1),
        search_score=report.best.score,
        final_pick=report.best.final_pick,
        winner=report.best.kind,
    )


def _private_scores(
    run: RunFolder, entries: Sequence[Entry], score: PrivateScore
) -> dict[str, float]:
    """Private score of each entry, by its id, as it would have been published."""
    assert run.history.spec is not None
    spec, target = run.history.spec.spec, run.logs / "draft.csv"
    judge = HoldoutJudge(spec, run.logs / "predictions")
    scores = {}
    try:
        for entry in entries:
            judge.combine([entry.alone], how_to_combine(spec), target)
            scores[entry.id] = score(target)
    finally:
        judge.close()
    return scores


def utilisation_of(run: RunFolder) -> float:
    """CPU seconds of candidates / (workers x wall) of a run."""
    ((_, start),) = run.events(RunStarted)
    outcomes = [(end, fold.result.outcome) for end, fold in run.events(FoldScored)]
    return utilisation(start.workers, outcomes)


def utilisation(workers: int, outcomes: Sequence[tuple[float, Outcome]]) -> float:
    """CPU seconds of candidates / (workers x wall) between the start of the first and the end of
    the last one. outcomes: each with the time of its end.
    """
    begin = min(end - outcome.duration_s for end, outcome in outcomes)
    wall_s = max(outcomes, key=lambda pair: pair[0])[0] - begin
    return sum(outcome.cpu_s for _, outcome in outcomes) / (workers * wall_s)


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """One seed after another."""
    prepared = open_prepared(find(options.name), options.dest)
    runs: list[Figures] = []
    for seed in range(options.seeds):
        found = measure_run(prepared.public, prepared.score, seed, options.minutes, options.words)
        runs.append(asdict(found))
        print(f"{len(runs)} of {options.seeds} done: {found}", flush=True)
        yield {"competition": options.name, "reference": prepared.reference, "runs": runs}


MEASURE = Measure(
    name="run",
    help="run main.py with several seeds and measure each run",
    options=(
        ONE,
        number("--seeds", 5, "how many runs"),
        number("--minutes", 3.0, "time limit of a run"),
        Option(
            "words",
            {"nargs": "*", "metavar": "key=value", "help": "configuration overrides"},
            lambda words: words,
        ),
        DEST,
    ),
    figures=_figures,
    line=None,
)
