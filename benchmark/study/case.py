"""A case: one competition of a tier, cut to its rows, with its views and its library, made once in
a cache folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agents.recipes.catalog import all_packages
from agents.recipes.problem import problem_of
from agents.recipes.space import Space
from benchmark.competitions import pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.registry import find
from benchmark.provenance import head
from benchmark.study.library import Item, make_library
from benchmark.study.tiers import Tier
from core.evaluation import evaluation_key
from core.genome import digest
from core.records import CompetitionSpec, SplitSpec, View
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from utils.errors import DataError, UsageError
from utils.files import copy_atomic, is_archive, is_file_of, sha256_file, write_atomic
from utils.json_records import from_json, to_json
from utils.packages import installed

# Of the split and of every program: a library has one result per program and view.
SEED = 0
_HOLDOUT_MAX_ROWS = 50_000
_CASE = "case.json"
PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Case:
    """A competition of a tier with its views and its library."""

    # What it was cut for.
    tier: Tier
    # Of the pack.
    competition: Competition
    # Where it lies.
    folder: Path
    # As the product recognised it.
    spec: CompetitionSpec
    # As the product drew it.
    split: SplitSpec
    # Views of the search, in the order of their folds.
    search: tuple[View, ...]
    # Views of the final pick; () where rows are locked.
    final: tuple[View, ...]
    # The library.
    items: tuple[Item, ...]
    # Checksum of the data.
    source: str
    # Of the checkout that made the library.
    commit: str
    # Of what a comparison reads beside the evaluations: the private answers, and by view its sample.
    checksums: Mapping[str, str]

    @property
    def views(self) -> tuple[View, ...]:
        return (*self.search, *self.final)

    @property
    def private(self) -> Path:
        """The answers to the official test rows."""
        return self.folder / "data" / "private" / "test.csv"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def library_digest(self) -> str:
        return digest("".join(item.program for item in self.items))

    def damaged(self) -> list[str]:
        """PRIVATE and names of views that are not what they were when the case was made."""
        damaged = [view.name for view in self.views if not self._whole(view)]
        if not is_file_of(self.private, self.checksums.get(PRIVATE, "")):
            damaged.insert(0, PRIVATE)
        return damaged

    def _whole(self, view: View) -> bool:
        sample = is_file_of(_sample(view), self.checksums.get(view.name, ""))
        return sample and (view.answers is None or is_archive(Path(view.answers)))

    def key(self, item: Item, view: View) -> str:
        return evaluation_key(item.program, view, SEED)

    def keys(self) -> list[str]:
        """Names of all evaluations, program by program."""
        return list(itertools.starmap(self.key, itertools.product(self.items, self.views)))


def case_folder(cache: Path, tier: Tier, name: str) -> Path:
    return cache / tier.name / name


def open_case(cache: Path, tier: Tier, name: str) -> Case | None:
    """The case as it was made; None where it was not, or not to its end.

    Raises DataError when its files are damaged, or when it was made for other rows or another
    library than the tier has now.
    """
    case = _opened(cache, tier, name)
    if case is not None and (damaged := case.damaged()):
        raise DataError(
            f"{case.folder}: {', '.join(damaged)} missing or damaged: `fill` makes them again"
        )
    return case


def _opened(cache: Path, tier: Tier, name: str) -> Case | None:
    """The case, whatever state its files are in."""
    folder = case_folder(cache, tier, name).resolve()
    if not (folder / _CASE).is_file():
        if (folder / "evaluations").exists():
            raise DataError(
                f"{folder / _CASE} is gone, and nothing else says what the evaluations beside it are of"
            )
        return None
    try:
        record = json.loads((folder / _CASE).read_text(encoding="utf-8"))
        views = tuple(_moved(from_json(View, view), folder) for view in record["views"])
        spec = from_json(CompetitionSpec, record["spec"])
        items = tuple(from_json(Item, item) for item in record["items"])
        split = from_json(SplitSpec, record["split"])
        known = (
            str(record["source"]),
            record["tier"],
            str(record["commit"]),
            dict(record["checksums"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{folder / _CASE} is damaged ({error}): delete the folder and fill it again"
        ) from error
    source, made_for, commit, checksums = known
    if made_for != _extent(tier, name):
        raise DataError(
            f"{folder} was made for another {tier.name} tier: delete it, or use another --cache"
        )
    search = tuple(view for view in views if view.kind == "search")
    final = tuple(view for view in views if view.kind == "final")
    return Case(
        tier=tier,
        competition=find(name),
        folder=folder,
        spec=dataclasses.replace(spec, data_dir=str(folder / "data" / "public")),
        split=split,
        search=search,
        final=final,
        items=items,
        source=source,
        commit=commit,
        checksums=checksums,
    )


def make_case(cache: Path, tier: Tier, name: str, dest: Path) -> Case:
    """The case, made when it is not there, and mended where it is damaged. dest: folder of the
    pack's competitions.

    Raises NotRunError when the data are not to be had, DataError when the case was made of other
    data, UsageError when another process makes it.
    """
    competition = find(name)
    pack.prepare(competition, dest)
    source = dest / name
    checksum = sha256_file(source / pack.CHECKSUMS)
    case = _opened(cache, tier, name)
    if case is None:
        folder = case_folder(cache, tier, name).resolve()
        with locked(folder):
            # Another process may have made it meanwhile.
            if _opened(cache, tier, name) is None:
                _make(folder, tier, competition, source / "prepared", checksum)
        case = _opened(cache, tier, name)
        assert case is not None
    if case.source != checksum:
        raise DataError(
            f"{case.folder} was made of other data than {source} holds: delete it, or use another --cache"
        )
    if damaged := case.damaged():
        with locked(case.folder):
            _mend(case, source / "prepared", damaged)
    return case


def _mend(case: Case, prepared: Path, damaged: Sequence[str]) -> None:
    """Raises DataError where a file does not come out as it was."""
    copy_atomic(prepared / "private" / "test.csv", case.private)
    names = [name for name in damaged if name != PRIVATE]
    if names:
        task = TaskService(log=case.folder / "workers.log")
        try:
            task.build_views(case.spec, case.split, case.workspace, names)
        finally:
            task.close()
    if still := case.damaged():
        raise DataError(
            f"{case.folder}: {', '.join(still)} cannot be made as before: delete the folder"
        )


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Raises UsageError when another process makes or fills the same case: they would work in the
    same folders.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another process fills {folder}") from None
        yield


def _make(
    folder: Path, tier: Tier, competition: Competition, prepared: Path, checksum: str
) -> None:
    """Writes the folder; the case file comes last, and a folder without it counts as nothing."""
    if folder.exists():
        shutil.rmtree(folder)
    _cut(prepared, folder / "data", tier.rows)
    task = TaskService(log=folder / "workers.log")
    try:
        spec = task.inspect(folder / "data" / "public", competition.description, NO_HINTS)
        split = task.plan_split(spec, SEED, _HOLDOUT_MAX_ROWS)
        views, split = task.build_views(spec, split, folder / "workspace", _view_names(split))
    finally:
        task.close()
    items = make_library(
        Space(problem_of(spec), installed(all_packages())), tier.extent(competition.name)
    )
    checksums = {view.name: sha256_file(_sample(view)) for view in views}
    checksums[PRIVATE] = sha256_file(folder / "data" / "private" / "test.csv")
    record: dict[str, Any] = {
        "source": checksum,
        "tier": _extent(tier, competition.name),
        "commit": head(),
        "checksums": checksums,
        "spec": to_json(spec),
        "split": to_json(split),
        "views": to_json(views),
        "items": to_json(items),
    }
    write_atomic(folder / _CASE, json.dumps(record, indent=1))


def _extent(tier: Tier, name: str) -> dict[str, Any]:
    """What the tier says about the competition, as far as evaluations depend on it."""
    return {"rows": tier.rows, "limit_s": tier.limit_s, **dataclasses.asdict(tier.extent(name))}


def _view_names(split: SplitSpec) -> Sequence[str]:
    """The search views, and the new folds of the final pick where no locked rows stand in for them."""
    names = [f"search{fold}" for fold in range(split.folds)]
    if split.locked_rows == 0:
        names += [f"final{fold}" for fold in range(split.folds)]
    return names


def _sample(view: View) -> Path:
    return Path(view.path) / view.sample.path


def _cut(prepared: Path, target: Path, rows: int | None) -> None:
    """The competition with its first rows of train: they are in random order already, or in the
    order of time.
    """
    shutil.copytree(prepared, target)
    if rows is not None:
        train = target / "public" / "train.csv"
        table = pd.read_csv(train, dtype=str, keep_default_na=False)
        write_atomic(train, table[:rows].to_csv(index=False))


def _moved(view: View, folder: Path) -> View:
    """The view where the cache lies now."""
    place, answers = folder / "workspace", view.answers
    if answers is not None:
        answers = str(place / "answers" / f"{view.name}.npz")
    return dataclasses.replace(view, path=str(place / "views" / view.name), answers=answers)
