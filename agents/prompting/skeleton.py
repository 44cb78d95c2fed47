"""The example program of a prompt: short, of the right form, and running on this competition as it
stands. Pure.
"""

from __future__ import annotations

import tomllib
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
    regression = task_of(spec) == "regression"
    values = {
        "model": f"HistGradientBoosting{'Regressor' if regression else 'Classifier'}",
        "ids": _names(spec.ids.columns),
        "keys": _names(keys),
        "labels": _names(spec.answers.labels),
        "train": _read(spec.tables.train),
        "sample": _read(sample),
        "fit": _fit(spec, regression, folder),
        "write": _write(spec, sample),
    }
    if spec.tables.test is not None and spec.features.names:
        dropped = _names(tuple(name for name in keys if name not in spec.features.names))
        return prompts.render(
            "skeleton_table", test=_read(spec.tables.test), dropped=dropped, **values
        )
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


def _names(columns: tuple[str, ...]) -> str:
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


def _fit(spec: CompetitionSpec, regression: bool, folder: Path) -> str:
    lines = tomllib.loads((folder / "fit.toml").read_text(encoding="utf-8"))
    if spec.answers.one_hot:
        same = spec.answers.classes == spec.answers.targets and len(spec.answers.classes) > _LISTED
        return render(
            lines["one_hot"].strip(),
            {"classes": "targets" if same else repr(list(spec.answers.classes))},
        )
    fit = str(
        lines["probability" if spec.value_kind == "probability" and not regression else "values"]
    )
    return fit + str(lines["shares"]).rstrip() if spec.answers.exclusive else fit


def _write(spec: CompetitionSpec, sample: TableFile) -> str:
    named = f'.rename(columns={{"{_UNNAMED}": ""}})' if "" in spec.ids.columns else ""
    separator = "" if sample.delimiter == "," else f", sep={sample.delimiter!r}"
    return f'sample{named}.to_csv("submission/submission.csv", index=False{separator})'
