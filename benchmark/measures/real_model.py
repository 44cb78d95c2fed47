"""Runs with a real language model server, recorded: what its programs were worth, read from the
journal afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.competitions.pack import PreparedCompetition, open_prepared
from benchmark.competitions.registry import find_all
from benchmark.measure import (
    DEST,
    OVERRIDES,
    SOME,
    Figures,
    Measure,
    Option,
    folder,
    markdown,
    number,
)
from benchmark.measures.run_folder import RunFolder, report_of
from benchmark.measures.runs import main_command
from benchmark.provenance import ROOT
from core.events import LlmCall
from core.records import Entry
from core.score import Direction


@dataclass(frozen=True, slots=True)
class ModelServer:
    """An OpenAI-compatible endpoint without a real key."""

    url: str
    model: str

    def words(self, role: str = "code") -> list[str]:
        """As overrides of the configuration. role: code or feedback."""
        return [
            f"llm.{role}.provider=openai",
            f"llm.{role}.base_url={self.url}",
            f"llm.{role}.model={self.model}",
            f"llm.{role}.api_key=local",
        ]


@dataclass(frozen=True, slots=True)
class LiveMeasure:
    """One run."""

    # Of the pack.
    competition: str
    # Its name.
    model: str
    # As in run.json.
    status: str
    # Programs that were tried.
    steps: int
    # Programs that the model wrote.
    model_steps: int
    # Of the whole run.
    minutes: float
    # Those that the model was asked to answer.
    briefs: int
    # Answers that became a program.
    parsed: int
    # Programs that ended by themselves without an error on at least one view.
    ran: int
    # Programs whose submission was accepted and scored.
    valid: int
    # Over the wire, failed ones too.
    requests: int
    # Of all requests.
    failed_requests: int
    # Of all requests.
    prompt_tokens: int
    # Of those, from a cache.
    cached_tokens: int
    # Of all answers.
    completion_tokens: int
    # Best score in the search of a program that the model wrote.
    best_of_model: float | None
    # The same of the recipes.
    best_of_recipes: float | None
    # Score of what was published, as the run measured it.
    published: float | None
    # Kind of what was published.
    winner: str
    # Private score of the published submission.
    private: float
    # Private scores of the reference models.
    reference: Mapping[str, float]


def run_live(
    public: Path, out: Path, steps: int, minutes: float, server: ModelServer, words: Sequence[str]
) -> int:
    """Runs main.py against a server and returns its exit status; the same `out` again resumes."""
    asked = ["--steps", str(steps), "--time", f"{minutes:g}m", *server.words(), *words]
    return subprocess.run(main_command(public, out, asked), cwd=ROOT).returncode


def is_over(out: Path) -> bool:
    """True when a run below `out` came to its final pick; one that was stopped before goes on."""
    try:
        return report_of(out).best.final_pick is not None
    except OSError:
        return False


def measure_live(prepared: PreparedCompetition, out: Path) -> LiveMeasure:
    """What the journal below `out` says about the model and its programs."""
    run = RunFolder(out)
    history, report, llm = run.history, run.report, run.history.llm
    assert report.metric is not None
    direction = report.metric.direction
    by_model = [entry for entry in history.entries if entry.author == "model" and not entry.extra]
    by_recipes = [entry for entry in history.entries if entry.author == "recipes"]
    parsed = [proposal for proposal in run.proposals() if proposal.author == "model"]
    calls = (call for _, call in run.events(LlmCall))
    return LiveMeasure(
        competition=prepared.competition.name,
        model=report.llm.model,
        status=report.status,
        steps=history.steps_done,
        model_steps=len(by_model),
        minutes=history.consumed_s / 60,
        briefs=len(briefs(calls)),
        parsed=len(parsed),
        ran=sum(map(ran, by_model)),
        valid=sum(entry.verdict.valid for entry in by_model),
        requests=llm.calls,
        failed_requests=llm.failed_calls,
        prompt_tokens=llm.prompt_tokens,
        cached_tokens=llm.cached_tokens,
        completion_tokens=llm.completion_tokens,
        best_of_model=best(by_model, direction),
        best_of_recipes=best(by_recipes, direction),
        published=report.best.final_pick or report.best.score,
        winner=report.best.kind,
        private=prepared.score(run.submission),
        reference=prepared.reference,
    )


def briefs(calls: Iterable[LlmCall]) -> set[str]:
    """Steps that the model was asked about: the first word of each call's purpose."""
    return {call.purpose.split()[0] for call in calls if call.purpose}


def ran(entry: Entry) -> bool:
    """True when at least one execution ended by itself and without an error."""
    return any(fold.outcome.exit_code == 0 and fold.outcome.error is None for fold in entry.folds)


def best(entries: Sequence[Entry], direction: Direction) -> float | None:
    """Best search score of the complete ones; of those that were raced out where no other is valid."""
    comparable = [entry for entry in entries if entry.complete]
    if not comparable:
        comparable = [entry for entry in entries if entry.verdict.valid]
    if not comparable:
        return None
    return max(entry.score(direction) for entry in comparable).value


# What a row of the table shows of a run.
_ROWS = {
    "steps, of them by the model": lambda run: f"{run['steps']}, {run['model_steps']}",
    "briefs to the model": lambda run: run["briefs"],
    "answers that became a program": lambda run: run["parsed"],
    "programs that ran": lambda run: run["ran"],
    "programs that were valid": lambda run: run["valid"],
    "requests per step": lambda run: _per_step(run, "requests", 2),
    "prompt tokens per step": lambda run: _per_step(run, "prompt_tokens"),
    "of them from the prefix cache": lambda run: _per_step(run, "cached_tokens"),
    "answer tokens per step": lambda run: _per_step(run, "completion_tokens"),
    "best search score, model (if raced out: on its folds)": lambda run: _score(
        run["best_of_model"]
    ),
    "best search score, recipes": lambda run: _score(run["best_of_recipes"]),
    "private score of the run": lambda run: _score(run["private"]),
    "references": lambda run: ", ".join(f"{k} {v:.4f}" for k, v in run["reference"].items()),
    "status, what was published": lambda run: f"{run['status']}, {run['winner']}",
    "minutes": lambda run: f"{run['minutes']:.0f}",
}


def live_table(measured: Figures) -> str:
    """One column per run."""
    runs: Sequence[Mapping[str, Any]] = measured["runs"]
    rows = []
    for label, shown in _ROWS.items():
        rows.append([label, *map(shown, runs)])
    return markdown(["", *(run["competition"] for run in runs)], rows)


def _per_step(run: Mapping[str, Any], key: str, digits: int = 0) -> str:
    return f"{run[key] / max(run['steps'], 1):.{digits}f}"


def _score(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}"


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """One recorded run with a real server per competition; a run that was cut off goes on."""
    server = ModelServer(options.url, options.model)
    runs: list[Figures] = []
    for competition in find_all(options.names):
        prepared = open_prepared(competition, options.dest)
        out = options.out / competition.name
        if not is_over(out):
            run_live(prepared.public, out, options.steps, options.minutes, server, options.words)
        runs.append(asdict(measure_live(prepared, out)))
        yield {"runs": runs}


MEASURE = Measure(
    name="live",
    help="run main.py with a real model server (scripts/local_llm.sh), recorded",
    options=(
        SOME,
        Option(
            "--url", {"default": "http://127.0.0.1:8089/v1", "help": "OpenAI-compatible address"}
        ),
        Option("--model", {"default": "qwen2.5-coder-1.5b", "help": "model name"}),
        number("--steps", 15, "steps of a run"),
        number("--minutes", 90.0, "time limit of a run"),
        OVERRIDES,
        folder("--out", Path("out/live"), "folder of the runs; the same again resumes"),
        DEST,
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["runs"][-1]),
    table=live_table,
    sections=("live",),
)
