"""Tables in documents, made from the JSON files of measurements: nothing in them is typed by hand."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.measures.big import big_table
from benchmark.measures.container import container_table
from benchmark.measures.embeddings import embeddings_table
from benchmark.measures.epochs import epochs_table
from benchmark.measures.flaml_runs import flaml_table
from benchmark.measures.imports import imports_table
from benchmark.measures.real_model import live_table
from benchmark.measures.runs import RunMeasure
from benchmark.measures.whole import whole_table
from benchmark.provenance import ROOT, keep_figures
from benchmark.study.tables import ablate_table, fill_table, search_table

RESULTS = ROOT / "docs" / "results"
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"


def keep(
    path: Path, name: str, command: str, reference: dict[str, float], runs: Sequence[RunMeasure]
) -> None:
    """Writes what was measured, with all that is needed to measure it again."""
    measured = {
        "competition": name,
        "reference": reference,
        "runs": [dataclasses.asdict(run) for run in runs],
    }
    keep_figures(path, command, measured)


def results_table(results: Path = RESULTS) -> str:
    """The README's table: one line per figure, with its target and whether it is met."""
    runs, replay, faults = (
        _read(results / f"{name}.json") for name in ("churn", "replay", "faults")
    )
    rows = [*_score_rows(runs), *_run_rows(runs["runs"]), *_other_rows(replay, faults)]
    lines = [
        "| figure | measured | target |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    commands = ", ".join(
        f"`{item['command']}` (commit {item['commit']})" for item in (runs, replay, faults)
    )
    where = f"{runs['machine']}, {runs['date']}; data in `docs/results/`, table by `python -m benchmark report`"
    return "\n".join([*lines, "", f"Median and range. Source: {commands}; {where}."])


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _other_rows(replay: dict[str, Any], faults: dict[str, Any]) -> list[tuple[str, str, str]]:
    over = [seconds for program in faults["programs"] for seconds in program["over_s"]]
    return [
        (f"replay of a journal of {replay['steps']} steps, s", f"{replay['seconds']:.2f}", "< 1"),
        (
            f"{len(faults['programs'])} kinds of stubborn programs, s over their limit",
            spread(over, 2),
            "",
        ),
    ]


def _score_rows(measured: dict[str, Any]) -> list[tuple[str, str, str]]:
    runs, reference = measured["runs"], measured["reference"]
    private = [run["private"] for run in runs]
    over_best = [run["private"] - run["best_draft"] for run in runs]
    over_chosen = [run["private"] - run["chosen_draft"] for run in runs]
    shown = ", ".join(f"{name} {value:.4f}" for name, value in reference.items())
    return [
        (f"churn, private ROC AUC, {len(runs)} seeds", spread(private, 4), f"reference: {shown}"),
        (
            "gain over the draft with the best *private* score",
            spread(over_best, 4, sign=True),
            _met(over_best),
        ),
        (
            "gain over the draft with the best search score",
            spread(over_chosen, 4, sign=True),
            _met(over_chosen),
        ),
    ]


def _run_rows(runs: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    def row(label: str, key: str, digits: int, target: str) -> tuple[str, str, str]:
        return label, spread([run[key] for run in runs], digits), target

    return [
        row("programs tried per run", "steps", 0, ""),
        row("first trained submission, s", "first_valid_s", 1, "<= 60"),
        row("CPU seconds of candidates / (workers x wall)", "utilisation", 2, ">= 0.85"),
        row("peak memory of the agent, MiB", "agent_peak_mb", 0, "<= 150"),
        row("journal per step, kB", "journal_kb_per_step", 1, "<= 20"),
        row("whole run, s", "wall_s", 0, "<= 300"),
    ]


def spread(values: Sequence[float], digits: int, sign: bool = False) -> str:
    """Median and range."""
    form = f"{'+' if sign else ''}.{digits}f"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _met(gains: Sequence[float]) -> str:
    """A gain that the table shows as zero is none."""
    met = round(median(gains), 4) > 0
    return (
        f"> 0: {'met' if met else 'missed'}, {sum(gain > 0 for gain in gains)} of {len(gains)} runs"
    )


def imports_section(measured: dict[str, Any]) -> str:
    return f"{imports_table(measured['costs'])}\n\n{_source(measured)}"


# Label, key, digits, and the target: at most or at least so much.
OVERLAP: tuple[tuple[str, str, int, str, float], ...] = (
    ("process start to first request, s", "first_request_s", 1, "<=", 3),
    ("CPU seconds of candidates / (workers x wall)", "utilisation", 2, ">=", 0.8),
    ("requests per step", "requests", 2, "<=", 1.3),
    ("prompt tokens per step", "prompt_tokens", 0, "<=", 4000),
    ("prompt tokens, last ten requests", "late_prompt_tokens", 0, "<=", 4000),
    ("peak memory of the agent, MiB", "agent_peak_mb", 0, "<=", 180),
)


def overlap_table(measured: dict[str, Any]) -> str:
    """One column per provider; a figure beyond its target says so."""
    runs = measured["runs"]

    def line(label: str, cells: Sequence[str], target: str = "") -> str:
        return f"| {label} | {' | '.join(cells)} | {target} |"

    lines = [line("", [run["vendor"] for run in runs], "target"), "|---" * (len(runs) + 2) + "|"]
    lines.append(
        line(
            "steps, of them by the model", [f"{run['steps']}, {run['model_steps']}" for run in runs]
        )
    )
    for label, key, digits, way, bound in OVERLAP:
        met = [run[key] <= bound if way == "<=" else run[key] >= bound for run in runs]
        cells = [
            f"{run[key]:.{digits}f}" + ("" if good else " (missed)")
            for run, good in zip(runs, met, strict=True)
        ]
        lines.append(line(label, cells, f"{way} {bound:g}"))
    lines.append(line("wall, s", [f"{run['wall_s']:.0f}" for run in runs]))
    return "\n".join([*lines, "", _source(measured)])


def _source(measured: dict[str, Any]) -> str:
    where = f"{measured['machine']}, {measured['date']}"
    return f"Source: `{measured['command']}` (commit {measured['commit']}); {where}."


def _with_source(table: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    """The table with the line that says where its figures come from."""
    return lambda measured: f"{table(measured)}\n\n{_source(measured)}"


# Section of docs/benchmarks.md, its file in docs/results, its table.
SECTIONS: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("live", "live.json", _with_source(lambda measured: live_table(measured["runs"]))),
    ("overlap", "overlap.json", overlap_table),
    ("imports", "imports.json", imports_section),
    ("embeddings", "embeddings.json", _with_source(embeddings_table)),
    ("epochs", "epochs.json", _with_source(epochs_table)),
    ("big", "big.json", _with_source(big_table)),
    ("container", "container.json", _with_source(container_table)),
    ("fill", "fill.json", _with_source(fill_table)),
    ("search", "search.json", _with_source(search_table)),
    ("ablate", "ablate.json", _with_source(ablate_table)),
    ("search-full", "search_full.json", _with_source(search_table)),
    ("full", "full.json", _with_source(whole_table)),
    ("again", "again.json", _with_source(whole_table)),
    ("flaml", "flaml.json", _with_source(flaml_table)),
)


def with_table(text: str, table: str, name: str = "results") -> str:
    """The document with the table between its marks. Raises ValueError when there are none."""
    marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
    if not marked.search(text):
        raise ValueError(f"the document has no {name} marks")
    return marked.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)


def with_sections(text: str, results: Path = RESULTS) -> str:
    """docs/benchmarks.md with every table whose measurement is there; the others say that they were
    not run.
    """
    for name, file, table in SECTIONS:
        shown = table(_read(results / file)) if (results / file).exists() else "NOT RUN"
        text = with_table(text, shown, name)
    return text


def write_documents() -> tuple[Path, ...]:
    """The files with tables, written anew."""
    README.write_text(
        with_table(README.read_text(encoding="utf-8"), results_table()), encoding="utf-8"
    )
    BENCHMARKS.write_text(with_sections(BENCHMARKS.read_text(encoding="utf-8")), encoding="utf-8")
    return README, BENCHMARKS
