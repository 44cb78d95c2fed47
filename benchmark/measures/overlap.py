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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from benchmark.measures.strong import share_covered
from benchmark.provenance import ROOT
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
    # Finished ones.
    steps: int
    # Of them by the model.
    model_steps: int
    # Programs that cost no request.
    extras: int
    # Wall time from the first request to the end of the last program, with a request open.
    open_share: float
    # Steps of the model with parents while whose request, wait or run another took the lead.
    stale: int
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
    """Answers each request with another recipe after `latency` seconds, changed by a line, so that
    it is none that the run's own recipes write. Safe to use from several threads.
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
            program += f"ANSWER = {request.number}\n"
        tokens = (characters(request.body) // 4, 0, len(program) // 4)
        text = f"PLAN: {plan}\n```python\n{program}```\n"
        return Turn(text, latency=self._latency, tokens=tokens)


def measure_overlap(
    public: Path, vendor: str, latency: float, minutes: float, steps: int, checkout: Path = ROOT
) -> Overlap:
    """A run of main.py whose model answers after `latency` seconds. checkout: of the agent."""
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
        wall_s, agent_peak_mb = run_main(public, out, words, checkout)
        run = RunFolder(out)
    assert model.first_asked is not None
    entries = [entry for entry in run.history.entries if not entry.extra]
    calls = [(end - call.seconds, end, call) for end, call in run.events(LlmCall)]
    prompts = [call.prompt_tokens for _, _, call in calls]
    asked: dict[str, float] = {}
    for begin_t, _, call in calls:
        asked.setdefault(call.purpose.partition(" ")[0], begin_t)
    children = {entry.id for entry in entries if entry.author == "model" and entry.parents}
    spans = [(begin_t, end) for begin_t, end, _ in calls]
    settled = run.settled()
    search_ends = max(end for end, _, _ in settled)
    return Overlap(
        vendor=vendor,
        latency_s=latency,
        steps=len(entries),
        model_steps=sum(entry.author == "model" for entry in entries),
        extras=run.history.extras_done,
        open_share=open_share(spans, search_ends),
        stale=len(stale(children & asked.keys(), asked, settled)),
        first_request_s=model.first_asked - begin,
        utilisation=utilisation_of(run),
        agent_peak_mb=agent_peak_mb,
        requests=len(prompts) / len(entries),
        prompt_tokens=sum(prompts) / len(entries),
        late_prompt_tokens=fmean(prompts[-10:]),
        wall_s=wall_s,
    )


def open_share(spans: Sequence[tuple[float, float]], end: float) -> float:
    """Share of the time from the first begin to `end` that some span covers. spans: (begin, end) of
    each request.
    """
    return share_covered([(min(spans)[0], end)], spans)


def stale(
    programs: Iterable[str],
    asked: Mapping[str, float],
    settled: Sequence[tuple[float, str, bool]],
) -> set[str]:
    """Programs that began from what was no longer the best when they ended. asked: when the request
    of each began. settled: see RunFolder.
    """
    ended = {name: end for end, name, _ in settled}
    leads = [(end, name) for end, name, steers in settled if steers]
    found = set()
    for program in programs:
        for when, leader in leads:
            if leader != program and asked[program] < when < ended[program]:
                found.add(program)
    return found


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
    Target("wall time with a request open, share", "open_share", 2, ">=", 0.85),
    Target("requests per step", "requests", 2, "<=", 1.3),
    Target("prompt tokens per step", "prompt_tokens", 0, "<=", 4000),
    Target("prompt tokens, last ten requests", "late_prompt_tokens", 0, "<=", 4000),
    Target("peak memory of the agent, MiB", "agent_peak_mb", 0, "<=", 180),
)


def overlap_table(measured: Figures) -> str:
    """One column per provider, and one of an earlier agent where that was measured. Figures that
    were kept before a line was there leave it out.
    """
    runs: Sequence[Figures] = [*measured.get("before", []), *measured["runs"]]
    steps = [f"{run['steps']}, {run['model_steps']}" for run in runs]
    rows: list[list[str]] = [["steps, of them by the model", *steps]]
    if all("stale" in run for run in runs):
        rows.append(["extras", *(run["extras"] for run in runs)])
        rows.append(["steps whose parent was overtaken", *(run["stale"] for run in runs)])
    for target in TARGETS:
        if any(target.key not in run for run in runs):
            continue
        rows.append([target.label, *map(target.cell, runs), f"{target.way} {target.bound:g}"])
    rows.append(["wall, s", *(f"{run['wall_s']:.0f}" for run in runs)])
    return markdown(["", *_columns(measured), "target"], rows)


def _columns(measured: Figures) -> list[str]:
    earlier = [f"{run['vendor']}, before" for run in measured.get("before", [])]
    return [*earlier, *(run["vendor"] for run in measured["runs"])]


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """One run per provider; before them one of an earlier agent, where its checkout is named."""
    public = open_prepared(find(options.name), options.dest).public

    def measured(vendor: str, checkout: Path) -> Figures:
        minutes, steps = options.minutes, options.steps
        return asdict(measure_overlap(public, vendor, options.latency, minutes, steps, checkout))

    before: list[Figures] = []
    if options.before is not None:
        before.append(measured("openai", options.before))
    runs: list[Figures] = []
    for vendor in ("openai", "anthropic"):
        runs.append(measured(vendor, ROOT))
        yield {"before": before, "runs": runs}


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
        Option(
            "--before",
            {"type": Path, "help": "checkout of an earlier commit, to be measured as well"},
        ),
        DEST,
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["runs"][-1]),
    table=overlap_table,
    sections=("overlap",),
)
