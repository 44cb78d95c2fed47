"""Runs of main.py on a prepared competition, measured from outside: scores, utilisation, memory,
journal, replay.

A run is a real process; its private score is computed after it has ended, from what it published
and kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.provenance import ROOT
from core.blending import how_to_combine
from core.journal.history import History
from core.journal.journal import read_lines
from core.journal.programs import ProgramStore
from core.judging.service import HoldoutJudge
from core.publishing.result import single
from core.records import Entry

Score = Callable[[Path], float]


@dataclass(frozen=True, slots=True)
class RunMeasure:
    """One run. Scores are private; *_s are seconds; utilisation: CPU seconds of candidates /
    (workers x wall).

    best_draft: the draft with the best private score, an oracle that the agent cannot ask.
    chosen_draft: the draft with the best search score.
    """

    seed: int
    status: str
    private: float
    best_draft: float
    chosen_draft: float
    drafts: int
    steps: int
    valid_steps: int
    evaluations: int
    first_valid_s: float
    wall_s: float
    utilisation: float
    agent_peak_mb: float
    journal_kb_per_step: float
    search_score: float | None
    final_pick: float | None
    winner: str


class PeakMemory(threading.Thread):
    """Watches the high-water mark of one process (VmHWM, MiB) until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{pid}/status")
        self.mb = 0.0

    def run(self) -> None:
        while True:
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            peak = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
            if not peak:
                return
            self.mb = max(self.mb, *peak)
            time.sleep(0.2)


def measure_run(
    public: Path, score: Score, seed: int, minutes: float, words: Sequence[str] = ()
) -> RunMeasure:
    """score: private score of a submission file. Raises RuntimeError when the run does not end
    well.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        wall, peak_mb = run_main(
            public, out, ["--seed", str(seed), "--time", f"{minutes:g}m", *words]
        )
        return _measure(out, score, seed, wall, peak_mb)


def run_main(public: Path, out: Path, words: Sequence[str]) -> tuple[float, float]:
    """Runs main.py to its end; wall seconds, and peak memory of the agent in MiB. Raises
    RuntimeError as above.
    """
    command = [sys.executable, "main.py", "--data", str(public), "--out", str(out), *words]
    begin = time.monotonic()
    with tempfile.TemporaryFile() as console:
        process = subprocess.Popen(command, cwd=ROOT, stdout=console, stderr=subprocess.STDOUT)
        watch = PeakMemory(process.pid)
        watch.start()
        code = process.wait()
        wall = time.monotonic() - begin
        if code != 0:
            console.seek(0)
            raise RuntimeError(
                f"main.py ended with {code}:\n{console.read().decode(errors='replace')[-2000:]}"
            )
    return wall, watch.mb


def _measure(out: Path, score: Score, seed: int, wall: float, peak_mb: float) -> RunMeasure:
    logs = out / "logs"
    report = json.loads((logs / "run.json").read_text())
    lines, size = read_lines(logs / "journal.jsonl")
    history = History(ProgramStore(logs / "programs").get)
    for line in lines:
        history.apply(line)
    drafts = [entry for entry in history.entries if entry.kind == "draft" and entry.verdict.valid]
    private = dict(
        zip(
            [draft.id for draft in drafts],
            _private_scores(logs, history, drafts, score),
            strict=True,
        )
    )
    direction = 1 if report["metric"]["direction"] == "maximize" else -1
    complete = [draft for draft in drafts if draft.complete]
    chosen = max(complete, key=lambda draft: direction * (draft.verdict.score or 0.0))
    return RunMeasure(
        seed=seed,
        status=report["status"],
        private=score(out / "submission" / "submission.csv"),
        best_draft=direction * max(direction * value for value in private.values()),
        chosen_draft=private[chosen.id],
        drafts=len(drafts),
        steps=report["steps"]["done"],
        valid_steps=report["steps"]["valid"],
        evaluations=len(history.folds),
        first_valid_s=report["time"]["first_valid_s"],
        wall_s=wall,
        utilisation=utilisation(lines),
        agent_peak_mb=peak_mb,
        journal_kb_per_step=size / 1000 / max(report["steps"]["done"], 1),
        search_score=report["best"]["score"],
        final_pick=report["best"]["final_pick"],
        winner=report["best"]["kind"],
    )


def _private_scores(
    logs: Path, history: History, entries: Sequence[Entry], score: Score
) -> list[float]:
    """Private score of each entry as it would have been published."""
    assert history.spec is not None
    spec, target = history.spec.spec, logs / "draft.csv"
    judge = HoldoutJudge(spec, logs / "predictions")
    try:
        scores = []
        for entry in entries:
            (member,) = single(entry, how_to_combine(spec)).members
            judge.combine([(member.entry.predictions, 1.0)], how_to_combine(spec), target)
            scores.append(score(target))
        return scores
    finally:
        judge.close()


def utilisation(lines: Sequence[dict[str, Any]]) -> float:
    """CPU seconds of candidates / (workers x wall) between the start of the first and the end of
    the last one.
    """
    workers = next(line["workers"] for line in lines if line["type"] == "run_started")
    folds = [(line["t"], line["result"]["outcome"]) for line in lines if line["type"] == "fold"]
    begin = min(end - outcome["duration_s"] for end, outcome in folds)
    wall = max(end for end, _ in folds) - begin
    return sum(outcome["cpu_s"] for _, outcome in folds) / (workers * wall)


def measure_replay(steps: int = 500, folds: int = 5) -> dict[str, float]:
    """Seconds to rebuild the state of a synthetic journal, as a share of parsing its JSON alone as
    well.
    """
    from core.doubles import entry, proposal
    from core.events import FoldScored, Proposed, StepDone
    from core.journal.journal import Journal
    from core.records import Brief

    with tempfile.TemporaryDirectory() as folder:
        path, programs = Path(folder) / "journal.jsonl", ProgramStore(Path(folder) / "programs")
        journal = Journal(path, time.time, lambda line: None)
        for number in range(steps):
            made = entry(f"s{number:04d}", 0.5, folds=[0.5] * folds)
            text = f"x = {number}\n"
            journal.append(Proposed(proposal(Brief(number, "draft", 7), text), programs.put(text)))
            for fold in made.folds:
                journal.append(FoldScored(made.id, fold, 60.0))
            journal.append(StepDone(made))
        journal.close()
        begin = time.perf_counter()
        lines, _ = read_lines(path)
        parsed = time.perf_counter()
        history = History(programs.get)
        for line in lines:
            history.apply(line)
        done = time.perf_counter()
    return {
        "steps": steps,
        "lines": len(lines),
        "seconds": done - begin,
        "parse_seconds": parsed - begin,
    }
