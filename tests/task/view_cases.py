"""Competitions for the tests of splits and views: folders on disk, specs by hand, and readers of
what was built.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.records import CompetitionSpec, FilesById, MetricSpec, SplitSpec, TableFile, View
from core.task.hints import Hints
from core.task.views.build import Defences, build_views
from core.task.views.cuts import plan
from core.task.views.source import load
from utils.tables import read_table, write_table

CLASSES = ("cat", "dog")


def spec_of(folder: Path, **changes: Any) -> CompetitionSpec:
    """train.csv and test.csv with `id` and `target`; anything else by name."""
    spec = CompetitionSpec.of(
        data_dir=str(folder),
        data_digest="",
        description="",
        metric=MetricSpec("roc_auc", "maximize", "config"),
        modality="tabular",
        value_kind="probability",
        sample=TableFile("sample_submission.csv"),
        train=TableFile("train.csv"),
        test=TableFile("test.csv"),
        id_columns=("id",),
        target_columns=("target",),
        label_columns=("target",),
        classes=(),
        feature_columns=(),
        text_columns=(),
        rows_train=0,
        rows_test=0,
    )
    return spec.changed(**changes)


def save(
    spec: CompetitionSpec,
    train: pd.DataFrame,
    test: pd.DataFrame | None,
    sample: pd.DataFrame | None,
) -> None:
    for table, frame in (
        (spec.tables.train, train),
        (spec.tables.test, test),
        (spec.tables.sample, sample),
    ):
        if table is not None and frame is not None:
            path = Path(spec.data_dir) / table.path
            write_table(frame, path, table.format, table.delimiter, table.encoding, table.member)


def numbers(folder: Path, rows: int = 60, tests: int = 30, **changes: Any) -> CompetitionSpec:
    """id, size, note -> target in 0/1; cells that a careless reader would change."""
    spec = spec_of(folder, **changes)
    rng = np.random.default_rng(5)
    everything = pd.DataFrame(
        {
            "id": [str(10_000 + i) for i in range(rows + tests)],
            "size": [f"{value:.3f}0" for value in rng.normal(size=rows + tests)],
            "note": rng.choice(
                ["007", "NA", "", 'say "hi"; now', "1e5", "two, lines\nhere", " padded "],
                rows + tests,
            ),
            "target": rng.choice(["0", "1"], rows + tests),
        },
        dtype=object,
    )
    test = everything.iloc[rows:].drop(columns="target")
    sample = pd.DataFrame({"id": test["id"], "target": "0.5"}, dtype=object)
    save(spec, everything.iloc[:rows], test, sample)
    return spec


def animals(folder: Path, rows: int = 100, tests: int = 40) -> CompetitionSpec:
    """Files by id with every leak planted: class folders, times by class, a sorted table, a table
    and a file that repeat the answers. Ids are random, so that they say nothing.
    """
    rng = np.random.default_rng(11)
    ids = [f"img_{number:05d}" for number in rng.permutation(50_000)[: rows + tests]]
    labels = [CLASSES[i >= rows // 2] for i in range(rows)]
    for i, (name, label) in enumerate(zip(ids, labels, strict=False)):
        put_file(
            folder / "train" / label / f"{name}.jpg",
            f"pixels {i}",
            1_600_000_000 + 1000 * (i >= rows // 2),
        )
    for i, name in enumerate(ids[rows:]):
        put_file(folder / "test" / f"{name}.jpg", f"pixels {rows + i}", 1_650_000_000)
    pairs = {"id": ids[:rows], "target": labels}
    spec = spec_of(
        folder,
        modality="image",
        value_kind="label",
        test=None,
        classes=CLASSES,
        files=FilesById(("train/cat", "train/dog"), ("test",), ".jpg"),
    )
    save(spec, pd.DataFrame(pairs), None, pd.DataFrame({"id": ids[rows:], "target": "cat"}))
    write_table(
        pd.DataFrame({"image": ids[:rows], "kind": labels, "width": 7}), folder / "annotations.csv"
    )
    (folder / "meta.json").write_text(
        json.dumps(dict(zip(ids[:rows], labels, strict=True)), indent=1)
    )
    (folder / "readme.md").write_text("Animals. There are 2 of them.\n")
    return spec


def put_file(path: Path, text: str, mtime: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (mtime, mtime))


def planned(
    spec: CompetitionSpec, seed: int = 0, limit: int = 50_000, **overrides: Any
) -> SplitSpec:
    return plan(load(spec), seed, limit, Hints.of(**overrides).user)


def built(
    spec: CompetitionSpec,
    workspace: Path,
    names: list[str] | None = None,
    defences: Defences | None = None,
    **overrides: Any,
) -> dict[str, View]:
    views, _ = build_views(spec, planned(spec, **overrides), workspace, names, defences)
    return {view.name: view for view in views}


def answers(view: View) -> dict[str, np.ndarray[Any, Any]]:
    assert view.answers is not None
    with np.load(view.answers, allow_pickle=False) as file:
        return dict(file)


def table(spec: CompetitionSpec, view: View | None, which: str) -> pd.DataFrame:
    """train, test or sample of a view, or of the competition itself."""
    found = view.sample if view is not None and which == "sample" else getattr(spec.tables, which)
    path = Path(view.path if view is not None else spec.data_dir) / found.path
    return read_table(path, found.format, found.delimiter, found.encoding, found.member)


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path to bytes, of every file below."""
    files = (Path(below, name) for below, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def search_views(views: dict[str, View]) -> list[View]:
    return [view for view in views.values() if view.kind == "search"]
