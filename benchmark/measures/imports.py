"""What the agent's process pays for its imports, in an interpreter of their own each: seconds and
memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median

from benchmark.errors import NotRunError
from benchmark.measure import Figures, Measure, markdown, number
from benchmark.provenance import ROOT

# What is imported on the way to the first request; each way counts only what comes after its first
# part.
WAYS: Mapping[str, tuple[str, str]] = {
    "the agent, without an SDK": ("", "import main"),
    "langgraph, in a thread": ("import main", "from agents import graph; graph.load()"),
    "the SDK of openai, in a thread": (
        "import main",
        "from core.llm import openai_endpoint as sdk; sdk.load()",
    ),
    "the SDK of anthropic, in a thread": (
        "import main",
        "from core.llm import anthropic_endpoint as sdk; sdk.load()",
    ),
}
_PROBE = """
import json, time
def peak():
    # Not ru_maxrss: that begins with the memory of the parent.
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
{before}
began, held = time.perf_counter(), peak()
{what}
print(json.dumps([time.perf_counter() - began, peak() - held, peak()]))
"""


@dataclass(frozen=True, slots=True)
class ImportCost:
    """Medians. seconds: wall. added_mb: to the peak memory, in MiB."""

    what: str
    seconds: float
    added_mb: float
    peak_mb: float


def measure_imports(repeats: int) -> list[ImportCost]:
    """Each way `repeats` times, in turn, with warm files. Raises NotRunError where a library is not
    installed.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for turn in range(repeats + 1):
        for name, (before, what) in WAYS.items():
            measured = _probe(before, what)
            if turn:
                found[name].append(measured)
    costs = []
    for name, runs in found.items():
        seconds, added_mb, peak_mb = map(median, zip(*runs, strict=True))
        costs.append(ImportCost(name, seconds, added_mb, peak_mb))
    return costs


def imports_table(measured: Figures) -> str:
    """One line per way."""
    rows = []
    for cost in measured["costs"]:
        memory = f"{cost['added_mb']:.0f}", f"{cost['peak_mb']:.0f}"
        rows.append((cost["what"], f"{cost['seconds']:.2f}", *memory))
    return markdown(("import", "seconds", "MiB on top", "peak MiB"), rows)


def _probe(before: str, what: str) -> list[float]:
    program = _PROBE.format(before=before, what=what)
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise NotRunError(f"{what}: {ended.stderr.strip().splitlines()[-1]}")
    figures: list[float] = json.loads(ended.stdout)
    return figures


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    yield {"costs": [asdict(cost) for cost in measure_imports(options.repeats)]}


MEASURE = Measure(
    name="imports",
    help="seconds and memory of what the agent imports",
    options=(number("--repeats", 5, "interpreters of each kind"),),
    figures=_figures,
    line=imports_table,
    table=imports_table,
    sections=("imports",),
)
