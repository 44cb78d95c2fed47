"""The example program of a prompt: short, of the right form, and running on this competition as it
stands. Pure.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from itertools import filterfalse
from pathlib import Path

from agents.recipes.problem import task_of
from core.records import CompetitionSpec, TableFile
from utils.prompt_manager import PromptManager, render

_LISTED = 12
# How pandas calls a column without a name.
_UNNAMED = "Unnamed: 0"


def skeleton(spec: CompetitionSpec, prompts: PromptManager, folder: Path) -> str:
    """The example for a competition with a train table; "" where there is none. folder: that of the
    templates.
    """
    if spec.tables.train is None or not spec.answers.labels:
        return ""
    keys = spec.ids.sources or spec.ids.columns
    sample = spec.tables.sample or TableFile("sample_submission.csv")
    values = {
        "model": _model(spec),
        "ids": _names(spec.ids.columns),
        "keys": _names(keys),
        "labels": _names(spec.answers.labels),
        "train": _read(spec.tables.train),
        "sample": _read(sample),
        "fit": _fit(spec, folder),
        "write": _write(spec, sample),
    }
    if spec.tables.test is not None and spec.features.names:
        dropped = _names(filterfalse(spec.features.names.__contains__, keys))
        test = _read(spec.tables.test)
        return prompts.render("skeleton_table", test=test, dropped=dropped, **values)
    if spec.files.by_id is not None and len(keys) == 1:
        places = spec.files.by_id
        return prompts.render(
            "skeleton_files",
            suffix=repr(places.suffix),
            train_dirs=repr(list(places.train_dirs)),
            test_dirs=repr(list(places.test_dirs)),
            **values,
        )
    return ""


def _model(spec: CompetitionSpec) -> str:
    if task_of(spec) == "regression":
        return "HistGradientBoostingRegressor"
    return "HistGradientBoostingClassifier"


def _names(columns: Iterable[str]) -> str:
    return repr([name or _UNNAMED for name in columns])


def _read(table: TableFile) -> str:
    """The call of pandas that reads a table of ./input."""
    path = repr(f"input/{table.path}")
    if table.format == "parquet":
        # Ids are text in all tables, or they would not meet.
        return f"pd.read_parquet({path}).pipe(lambda table: table.astype({{k: str for k in TEXT if k in table}}))"
    options = ["dtype=TEXT"]
    if table.delimiter != ",":
        options.append(f"sep={table.delimiter!r}")
    if table.encoding not in ("utf-8", "ascii"):
        options.append(f"encoding={table.encoding!r}")
    return f"pd.read_csv({', '.join([path, *options])})"


def _fit(spec: CompetitionSpec, folder: Path) -> str:
    """The lines that fit the model and predict."""
    lines: dict[str, str] = tomllib.loads((folder / "fit.toml").read_text(encoding="utf-8"))
    if spec.answers.one_hot:
        return render(lines["one_hot"].strip(), {"classes": _classes(spec)})
    fit = lines["values"]
    if spec.value_kind == "probability" and task_of(spec) != "regression":
        fit = lines["probability"]
    if spec.answers.exclusive:
        fit += lines["shares"].rstrip()
    return fit


def _classes(spec: CompetitionSpec) -> str:
    """The classes in the order of their columns; many are not listed where a column is one."""
    classes = spec.answers.classes
    if classes == spec.answers.targets and len(classes) > _LISTED:
        return "targets"
    return repr(list(classes))


def _write(spec: CompetitionSpec, sample: TableFile) -> str:
    """The call of pandas that writes the submission."""
    table, options = "sample", ['"submission/submission.csv"', "index=False"]
    if "" in spec.ids.columns:
        table += f'.rename(columns={{"{_UNNAMED}": ""}})'
    if sample.delimiter != ",":
        options.append(f"sep={sample.delimiter!r}")
    return f"{table}.to_csv({', '.join(options)})"
