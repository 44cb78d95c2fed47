"""What a language model of one second's latency costs: idle cores, tokens, memory, the way to the
first request.

The model is a scripted server on loopback whose programs are recipes, so that they take the time of
real ones.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from benchmark.measures.runs import run_main, utilisation
from benchmark.scripted_server import HttpRequest, ScriptedServer, Turn
from core.journal.journal import read_lines
from core.records import Brief
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from utils.packages import installed


@dataclass(frozen=True, slots=True)
class Overlap:
    """One run. first_request_s: from the start of the process. Tokens and requests are per finished
    step.

    late_prompt_tokens: mean of the prompts of the last ten steps.
    """

    vendor: str
    latency_s: float
    steps: int
    model_steps: int
    first_request_s: float
    utilisation: float
    agent_peak_mb: float
    requests: float
    prompt_tokens: float
    late_prompt_tokens: float
    wall_s: float


def measure_overlap(
    public: Path, vendor: str, latency: float, minutes: float, steps: int
) -> Overlap:
    """A run of main.py whose model answers after `latency` seconds."""
    programs, lock, first = _programs(public), threading.Lock(), list[float]()

    def answer(request: HttpRequest) -> Turn:
        with lock:
            first.append(time.monotonic())
            program, plan = next(programs)
        tokens = (characters(request.body) // 4, 0, len(program) // 4)
        return Turn(f"PLAN: {plan}\n```python\n{program}```\n", latency=latency, tokens=tokens)

    with tempfile.TemporaryDirectory() as folder, ScriptedServer(then=answer) as server:
        out, begin = Path(folder) / "out", time.monotonic()
        values = {
            "provider": vendor,
            "base_url": server.base_url(vendor),
            "model": "scripted",
            "api_key": "none",
        }
        words = [f"llm.code.{name}={value}" for name, value in values.items()]
        wall, peak = run_main(
            public, out, ["--time", f"{minutes:g}m", "--steps", str(steps), *words]
        )
        lines, _ = read_lines(out / "logs" / "journal.jsonl")
    done = [line for line in lines if line["type"] == "step"]
    calls = [line for line in lines if line["type"] == "llm_call"]
    return Overlap(
        vendor=vendor,
        latency_s=latency,
        steps=len(done),
        model_steps=sum(line["author"] == "model" for line in done),
        first_request_s=first[0] - begin,
        utilisation=utilisation(lines),
        agent_peak_mb=peak,
        requests=len(calls) / len(done),
        prompt_tokens=sum(call["prompt_tokens"] for call in calls) / len(done),
        late_prompt_tokens=fmean(_prompts(calls[-10:])),
        wall_s=wall,
    )


def characters(body: Any) -> int:
    """Of all texts that a request asks the model to read: the system text and the messages, in
    either vendor's form.
    """
    if isinstance(body, dict):
        texts = (body.get(key) for key in ("system", "messages", "content", "text"))
        return sum(len(text) if isinstance(text, str) else characters(text) for text in texts)
    return sum(characters(item) for item in body) if isinstance(body, list) else 0


def _prompts(calls: list[dict[str, Any]]) -> list[int]:
    return [call["prompt_tokens"] for call in calls]


def _programs(public: Path) -> Iterator[tuple[str, str]]:
    """Distinct recipe programs and their plans, without end."""
    task = TaskService()
    try:
        spec = task.inspect(
            public, (public / "description.md").read_text(encoding="utf-8"), NO_HINTS
        )
    finally:
        task.close()
    proposer, rng, siblings = (
        RecipesProposer(spec, installed(all_packages())),
        random.Random(1),
        list[str](),
    )
    while True:
        made = proposer.propose(
            Brief(
                len(siblings), "draft", rng.getrandbits(32), siblings=tuple(siblings), seconds=4.0
            )
        )
        siblings.append(made.plan)
        yield made.program, made.plan
