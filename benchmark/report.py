"""Tables in documents, made from the JSON files of measurements: nothing in them is typed by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmark.catalog import MEASURES
from benchmark.measure import Figures, markdown
from benchmark.measures.container import container_table
from benchmark.measures.host import host_table
from benchmark.provenance import ROOT

RESULTS = ROOT / "docs" / "results"
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
HOST_PAGE = ROOT / "host" / "README.md"
Table = Callable[[Figures], str]
# Label, figures and target of a line.
Row = tuple[str, str, str]


def sections() -> dict[str, Table]:
    """Sections of docs/benchmarks.md, by name, with what makes their tables."""
    found: dict[str, Table] = {"container": container_table}
    for measure in MEASURES:
        if measure.table is not None:
            found |= dict.fromkeys(measure.sections, measure.table)
    return found


def results_of(section: str, results: Path = RESULTS) -> Path:
    """The file with the figures of a section."""
    return results / f"{section.replace('-', '_')}.json"


def results_table(results: Path = RESULTS) -> str:
    """The README's table: one line per figure, with its target and whether it is met."""
    names = ("churn", "replay", "faults")
    runs, replay, faults = measured = [_read(results_of(name, results)) for name in names]
    rows = [*_score_rows(runs), *_run_rows(runs["runs"]), *_other_rows(replay, faults)]
    table = markdown(("figure", "measured", "target"), rows)
    commands = ", ".join(f"`{item['command']}` (commit {item['commit']})" for item in measured)
    where = f"{runs['machine']}, {runs['date']}; data in `docs/results/`, table by `python -m benchmark report`"
    return f"{table}\n\nMedian and range. Source: {commands}; {where}."


def _read(path: Path) -> Figures:
    found: Figures = json.loads(path.read_text(encoding="utf-8"))
    return found


def _other_rows(replay: Figures, faults: Figures) -> list[Row]:
    over = [seconds for program in faults["programs"] for seconds in program["over_s"]]
    kinds = f"{len(faults['programs'])} kinds of stubborn programs, s over their limit"
    steps = f"replay of a journal of {replay['steps']} steps, s"
    return [(steps, f"{replay['seconds']:.2f}", "< 1"), (kinds, spread(over, 2), "")]


def _score_rows(measured: Figures) -> list[Row]:
    runs = measured["runs"]
    private, over_best, over_chosen = [], [], []
    for run in runs:
        private.append(run["private"])
        over_best.append(run["private"] - run["best_draft"])
        over_chosen.append(run["private"] - run["chosen_draft"])
    shown = ", ".join(f"{name} {value:.4f}" for name, value in measured["reference"].items())
    return [
        (f"churn, private ROC AUC, {len(runs)} seeds", spread(private, 4), f"reference: {shown}"),
        _gain("gain over the draft with the best *private* score", over_best),
        _gain("gain over the draft with the best search score", over_chosen),
    ]


def _gain(label: str, gains: Sequence[float]) -> Row:
    """A gain that the table shows as zero is none."""
    verdict = "missed"
    if round(median(gains), 4) > 0:
        verdict = "met"
    above = sum(gain > 0 for gain in gains)
    target = f"> 0: {verdict}, {above} of {len(gains)} runs"
    return label, spread(gains, 4, sign=True), target


def _run_rows(runs: Sequence[Figures]) -> list[Row]:
    def row(label: str, key: str, digits: int, target: str) -> Row:
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
    """Median and range. sign: what is above zero has one too."""
    form = f".{digits}f"
    if sign:
        form = f"+{form}"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _source(measured: Figures) -> str:
    where = f"{measured['machine']}, {measured['date']}"
    return f"Source: `{measured['command']}` (commit {measured['commit']}); {where}."


def with_table(text: str, table: str, name: str = "results") -> str:
    """The document with the table between its marks. Raises ValueError when there are none."""
    marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
    if not marked.search(text):
        raise ValueError(f"the document has no {name} marks")
    return marked.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)


def with_sections(text: str, results: Path = RESULTS) -> str:
    """docs/benchmarks.md with every table whose measurement is there, and where its figures come
    from; the others say that they were not run.
    """
    for name, table in sections().items():
        text = with_table(text, _shown(results_of(name, results), table), name)
    return text


def host_results(results: Path = RESULTS) -> str:
    """The table of host/README.md."""
    return _shown(results_of("host", results), host_table)


def _shown(path: Path, table: Table) -> str:
    if not path.exists():
        return "NOT RUN"
    measured = _read(path)
    return f"{table(measured)}\n\n{_source(measured)}"


def write_documents() -> tuple[Path, ...]:
    """The files with tables, written anew."""
    host = with_table(HOST_PAGE.read_text(encoding="utf-8"), host_results())
    readme, benchmarks = README.read_text(encoding="utf-8"), BENCHMARKS.read_text(encoding="utf-8")
    README.write_text(with_table(readme, results_table()), encoding="utf-8")
    BENCHMARKS.write_text(with_sections(benchmarks), encoding="utf-8")
    HOST_PAGE.write_text(host, encoding="utf-8")
    return README, BENCHMARKS, HOST_PAGE
