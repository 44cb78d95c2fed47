"""Figures of the container suite: one JSON object a line while it runs, a table and
docs/results/container.json after.

usage: python -m tests.container.figures FILE [--keep COMMAND]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmark.measures.container import KNOWN
from benchmark.provenance import keep_figures
from benchmark.report import RESULTS

VARIABLE = "SWARM_FIGURES"


def note(**figures: float) -> None:
    """Adds figures to the file that scripts/test_container.sh named; without one they are dropped."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a") as file:
            file.write(
                json.dumps({name: round(value, 4) for name, value in figures.items()}) + "\n"
            )


def collect(path: Path) -> dict[str, float]:
    """All noted figures; a later one replaces an earlier one of its name."""
    found: dict[str, float] = {}
    for line in path.read_text().splitlines():
        found |= json.loads(line)
    return {name: found[name] for name in KNOWN if name in found}


def table(figures: dict[str, float]) -> str:
    lines = []
    for name, value in figures.items():
        what, target = KNOWN[name]
        lines.append(f"{what:<52} {value:>9g}  {target}".rstrip())
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--keep",
        metavar="COMMAND",
        help="write docs/results/container.json, as measured by COMMAND",
    )
    options = parser.parse_args()
    found = collect(options.file)
    print(table(found))
    if options.keep:
        keep_figures(RESULTS / "container.json", options.keep, found)


if __name__ == "__main__":
    main()
