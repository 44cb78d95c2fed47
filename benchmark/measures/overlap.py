"""What a language model of one second's latency costs: idle cores, tokens, memory, the way to the
first request.

The model is a scripted server on loopback whose programs are recipes, so that they take the time of
real ones.
"""

from __future__ import annotations

import argparse
import json
import operator
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from benchmark.competitions.pack import open_prepared
from benchmark.competitions.registry import find
from benchmark.measure import DEST, ONE, Figures, Measure, Option, markdown, number
from benchmark.measures.run_folder import RunFolder
from benchmark.measures.runs import run_main, utilisation_of
from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from core.events import LlmCall
from core.records import Brief
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from utils.packages import installed


@dataclass(frozen=True, slots=True)
class Overlap:
    """One run. Requests and prompt_tokens are per finished step."""

    # Whose client was used.
    vendor: str
    # Seconds that each answer took.
    latency_s: float
    # Finished ones, and those whose program the model wrote.
    steps: int
    # Programs that the model wrote.
    model_steps: int
    # From the start of the process.
    first_request_s: float
    # CPU seconds of candidates / (workers x wall).
    utilisation: float
    # MiB.
    agent_peak_mb: float
    # Over the wire.
    requests: float
    # Of all requests.
    prompt_tokens: float
    # Mean of the last ten prompts.
    late_prompt_tokens: float
    # Of the whole run.
    wall_s: float


class RecipeModel:
    """Answers each request with another recipe after `latency` seconds. Safe to use from several
    threads.
    """

    def __init__(self, public: Path, latency: float) -> None:
        self._latency = latency
        self._programs = _programs(public)
        self._lock = threading.Lock()
        # When the first request came, by time.monotonic.
        self.first_asked: float | None = None

    def __call__(self, request: HttpRequest) -> Turn:
        with self._lock:
            if self.first_asked is None:
                self.first_asked = time.monotonic()
            program, plan = next(self._programs)
        tokens = (characters(request.body) // 4, 0, len(program) // 4)
        text = f"PLAN: {plan}\n```python\n{program}```\n"
        return Turn(text, latency=self._latency, tokens=tokens)


def measure_overlap(
    public: Path, vendor: str, latency: float, minutes: float, steps: int
) -> Overlap:
    """A run of main.py whose model answers after `latency` seconds."""
    model = RecipeModel(public, latency)
    with tempfile.TemporaryDirectory() as folder, ScriptedServer(then=model) as server:
        out, begin = Path(folder) / "out", time.monotonic()
        words = [
            *("--time", f"{minutes:g}m", "--steps", str(steps)),
            f"llm.code.provider={vendor}",
            f"llm.code.base_url={server.base_url(vendor)}",
            "llm.code.model=scripted",
            "llm.code.api_key=none",
        ]
        wall_s, agent_peak_mb = run_main(public, out, words)
        run = RunFolder(out)
    assert model.first_asked is not None
    entries = run.history.entries
    prompts = [call.prompt_tokens for _, call in run.events(LlmCall)]
    return Overlap(
        vendor=vendor,
        latency_s=latency,
        steps=len(entries),
        model_steps=sum(entry.author == "model" for entry in entries),
        first_request_s=model.first_asked - begin,
        utilisation=utilisation_of(run),
        agent_peak_mb=agent_peak_mb,
        requests=len(prompts) / len(entries),
        prompt_tokens=sum(prompts) / len(entries),
        late_prompt_tokens=fmean(prompts[-10:]),
        wall_s=wall_s,
    )


def characters(body: Any) -> int:
    """Of all texts that a request asks the model to read: the system text and the messages, in
    either vendor's form.
    """
    if isinstance(body, str):
        return len(body)
    if isinstance(body, list):
        return sum(map(characters, body))
    if not isinstance(body, dict):
        return 0
    return sum(characters(body.get(key)) for key in ("system", "messages", "content", "text"))


def _programs(public: Path) -> Iterator[tuple[str, str]]:
    """Distinct recipe programs and their plans, without end."""
    task = TaskService()
    try:
        spec = task.inspect(
            public, (public / "description.md").read_text(encoding="utf-8"), NO_HINTS
        )
    finally:
        task.close()
    proposer = RecipesProposer(spec, installed(all_packages()))
    rng, plans = random.Random(1), list[str]()
    while True:
        seed = rng.getrandbits(32)
        brief = Brief(len(plans), "draft", seed, siblings=tuple(plans), seconds=4.0)
        proposal = proposer.propose(brief)
        plans.append(proposal.plan)
        yield proposal.program, proposal.plan


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of a run with its bound. digits: that are shown."""

    label: str
    key: str
    digits: int
    way: str
    bound: float

    def cell(self, run: Figures) -> str:
        """The figure; one beyond its target says so."""
        text = f"{run[self.key]:.{self.digits}f}"
        if _WAYS[self.way](run[self.key], self.bound):
            return text
        return f"{text} (missed)"


_WAYS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
TARGETS = (
    Target("process start to first request, s", "first_request_s", 1, "<=", 3),
    Target("CPU seconds of candidates / (workers x wall)", "utilisation", 2, ">=", 0.8),
    Target("requests per step", "requests", 2, "<=", 1.3),
    Target("prompt tokens per step", "prompt_tokens", 0, "<=", 4000),
    Target("prompt tokens, last ten requests", "late_prompt_tokens", 0, "<=", 4000),
    Target("peak memory of the agent, MiB", "agent_peak_mb", 0, "<=", 180),
)


def overlap_table(measured: Figures) -> str:
    """One column per provider."""
    runs: Sequence[Figures] = measured["runs"]
    steps = [f"{run['steps']}, {run['model_steps']}" for run in runs]
    rows: list[list[str]] = [["steps, of them by the model", *steps]]
    for target in TARGETS:
        rows.append([target.label, *map(target.cell, runs), f"{target.way} {target.bound:g}"])
    rows.append(["wall, s", *(f"{run['wall_s']:.0f}" for run in runs)])
    return markdown(["", *(run["vendor"] for run in runs), "target"], rows)


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """One run per provider."""
    public = open_prepared(find(options.name), options.dest).public
    runs: list[Figures] = []
    for vendor in ("openai", "anthropic"):
        found = measure_overlap(public, vendor, options.latency, options.minutes, options.steps)
        runs.append(asdict(found))
        yield {"runs": runs}


MEASURE = Measure(
    name="overlap",
    help="idle cores, tokens and memory with a scripted model of some latency",
    options=(
        ONE,
        Option(
            "--latency",
            {"type": float, "default": 1.0, "help": "seconds before each answer (default 1)"},
            lambda value: [f"--latency {value:g}"],
        ),
        number("--minutes", 8.0, "time limit of a run"),
        number("--steps", 55, "steps of a run"),
        DEST,
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["runs"][-1]),
    table=overlap_table,
    sections=("overlap",),
)
