"""Runs with a real language model server, recorded: what its programs were worth, read from the
journal afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.measures.runs import Score
from benchmark.provenance import ROOT
from core.journal.history import History
from core.journal.journal import read_lines
from core.journal.programs import ProgramStore
from core.records import Entry
from core.score import Direction


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible endpoint without a real key."""

    url: str
    model: str

    def words(self) -> list[str]:
        values = {
            "provider": "openai",
            "base_url": self.url,
            "model": self.model,
            "api_key": "local",
        }
        return [f"llm.code.{name}={value}" for name, value in values.items()]


@dataclass(frozen=True, slots=True)
class LiveMeasure:
    """One run. Scores are the search's own, `private` is the published submission's. Tokens are per
    finished step.

    briefs: those that the model was asked to answer. parsed: answers that became a program. ran:
    programs that ended by themselves without an error on at least one view. valid: programs whose
    submission was accepted and scored. requests: over the wire, failed ones too.
    """

    competition: str
    model: str
    status: str
    steps: int
    model_steps: int
    minutes: float
    briefs: int
    parsed: int
    ran: int
    valid: int
    requests: int
    failed_requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    best_of_model: float | None
    best_of_recipes: float | None
    published: float | None
    winner: str
    private: float
    reference: Mapping[str, float]


def run_live(
    public: Path, out: Path, steps: int, minutes: float, server: Server, words: Sequence[str]
) -> int:
    """Runs main.py against a server and returns its exit status; the same `out` again resumes."""
    command = [
        sys.executable,
        "main.py",
        "--data",
        str(public),
        "--out",
        str(out),
        "--steps",
        str(steps),
    ]
    return subprocess.run(
        [*command, "--time", f"{minutes:g}m", *server.words(), *words], cwd=ROOT
    ).returncode


def is_over(out: Path) -> bool:
    """True when a run below `out` came to its final pick; one that was stopped before goes on."""
    try:
        best = json.loads((out / "logs" / "run.json").read_text(encoding="utf-8"))["best"]
    except OSError:
        return False
    return best["final_pick"] is not None


def measure_live(name: str, out: Path, score: Score, reference: Mapping[str, float]) -> LiveMeasure:
    """What the journal below `out` says about the model and its programs."""
    logs = out / "logs"
    report = json.loads((logs / "run.json").read_text(encoding="utf-8"))
    lines, _ = read_lines(logs / "journal.jsonl")
    history = History(ProgramStore(logs / "programs").get)
    for line in lines:
        history.apply(line)
    by_model = [entry for entry in history.entries if entry.author == "model"]
    by_recipes = [entry for entry in history.entries if entry.author == "recipes"]
    direction: Direction = report["metric"]["direction"]
    return LiveMeasure(
        competition=name,
        model=report["llm"]["model"],
        status=report["status"],
        steps=history.steps_done,
        model_steps=len(by_model),
        minutes=history.consumed_s / 60,
        briefs=len(briefs(lines)),
        parsed=sum(line["type"] == "proposal" and line["author"] == "model" for line in lines),
        ran=sum(ran(entry) for entry in by_model),
        valid=sum(entry.verdict.valid for entry in by_model),
        requests=history.llm.calls,
        failed_requests=history.llm.failed_calls,
        prompt_tokens=history.llm.prompt_tokens,
        cached_tokens=history.llm.cached_tokens,
        completion_tokens=history.llm.completion_tokens,
        best_of_model=best(by_model, direction),
        best_of_recipes=best(by_recipes, direction),
        published=report["best"]["final_pick"] or report["best"]["score"],
        winner=report["best"]["kind"],
        private=score(out / "submission" / "submission.csv"),
        reference=dict(reference),
    )


def briefs(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    """Steps that the model was asked about: the first word of each call's purpose."""
    return {
        line["purpose"].split()[0]
        for line in lines
        if line["type"] == "llm_call" and line["purpose"]
    }


def ran(entry: Entry) -> bool:
    """True when at least one execution ended by itself and without an error."""
    return any(fold.outcome.exit_code == 0 and fold.outcome.error is None for fold in entry.folds)


def best(entries: Sequence[Entry], direction: Direction) -> float | None:
    """Best search score of the complete ones; of those that were raced out where no other is valid."""
    scores = [entry.score(direction) for entry in entries if entry.complete]
    scores = scores or [entry.score(direction) for entry in entries if entry.verdict.valid]
    return max(scores).value if scores else None


def live_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """One column per run."""

    def row(label: str, cells: Sequence[object]) -> str:
        return f"| {label} | {' | '.join(str(cell) for cell in cells)} |"

    def number(value: float | None) -> str:
        return "none" if value is None else f"{value:.4f}"

    def per_step(key: str) -> list[str]:
        return [f"{run[key] / max(run['steps'], 1):.0f}" for run in runs]

    rows = [
        row("", [run["competition"] for run in runs]),
        "|---" * (len(runs) + 1) + "|",
        row(
            "steps, of them by the model", [f"{run['steps']}, {run['model_steps']}" for run in runs]
        ),
        row("briefs to the model", [run["briefs"] for run in runs]),
        row("answers that became a program", [run["parsed"] for run in runs]),
        row("programs that ran", [run["ran"] for run in runs]),
        row("programs that were valid", [run["valid"] for run in runs]),
        row("requests per step", [f"{run['requests'] / max(run['steps'], 1):.2f}" for run in runs]),
        row("prompt tokens per step", per_step("prompt_tokens")),
        row("of them from the prefix cache", per_step("cached_tokens")),
        row("answer tokens per step", per_step("completion_tokens")),
        row(
            "best search score, model (if raced out: on its folds)",
            [number(run["best_of_model"]) for run in runs],
        ),
        row("best search score, recipes", [number(run["best_of_recipes"]) for run in runs]),
        row("private score of the run", [number(run["private"]) for run in runs]),
        row(
            "references",
            [", ".join(f"{k} {v:.4f}" for k, v in run["reference"].items()) for run in runs],
        ),
        row("status, what was published", [f"{run['status']}, {run['winner']}" for run in runs]),
        row("minutes", [f"{run['minutes']:.0f}" for run in runs]),
    ]
    return "\n".join(rows)
