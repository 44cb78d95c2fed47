"""From a folder to its views for the tests of adaptors, and a search for what a view must not show."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.records import CompetitionSpec, SplitSpec, View
from core.task.hints import Hints
from core.task.recognise.spec import inspect_competition
from core.task.views.build import build_views
from core.task.views.cuts import plan
from core.task.views.source import load
from tests.task.view_cases import answers, contents, table


@dataclass(frozen=True, slots=True)
class Built:
    """A competition that was recognised, split and built into views, by name."""

    spec: CompetitionSpec
    split: SplitSpec
    views: dict[str, View]

    @property
    def searches(self) -> list[View]:
        return [view for view in self.views.values() if view.kind == "search"]

    @property
    def notes(self) -> str:
        return "\n".join(self.spec.notes)


def build(data: Path, workspace: Path, text: str = "", **overrides: object) -> Built:
    spec = inspect_competition(data, text, Hints.of(**overrides), workspace)
    split = plan(load(spec), 0, 50_000, Hints.of(**overrides).user)
    views, split = build_views(spec, split, workspace)
    return Built(spec, split, {view.name: view for view in views})


def truth(view: View) -> dict[str, list[object]]:
    """Held-out answers by id."""
    found = answers(view)
    return dict(zip(found["ids"][:, 0].tolist(), found["truth"].tolist(), strict=True))


def check_rows(made: Built) -> None:
    """Each search view asks for the official rows and for the held-out ones, which train does not
    have.
    """
    official = set(table(made.spec, None, "sample")[made.spec.ids.columns[0]])
    for view in made.searches:
        asked = table(made.spec, view, "sample")[made.spec.ids.columns[0]].tolist()
        held = {str(key) for key in answers(view)["ids"][:, 0]}
        assert set(asked) == official | held
        assert len(asked) == len(official) + len(held)
        assert held
        locked = (answers(view)["part"] == "locked").sum()
        assert len(held) == view.rows_holdout + locked


def everything(view: View) -> dict[str, bytes]:
    """Content by path of all files of a view, the members of zip archives among them."""
    found = contents(Path(view.path))
    for name in [name for name in found if name.endswith(".zip")]:
        with zipfile.ZipFile(Path(view.path, name)) as archive:
            found |= {f"{name}/{member}": archive.read(member) for member in archive.namelist()}
    return found


def numbers_of(view: View) -> np.ndarray[object, np.dtype[np.float64]]:
    found: np.ndarray[object, np.dtype[np.float64]] = answers(view)["truth"]
    return found
