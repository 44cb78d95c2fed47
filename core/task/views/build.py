"""Builds the folders that candidate programs see, and keeps the held-out answers outside of them.

Threat model: careless programs; what is hidden, and how, is in docs and in `Defences`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.records import CompetitionSpec, SplitSpec, TableFile, View
from core.task.view_digest import view_digest
from core.task.views.cuts import cut_for, names_of_run
from core.task.views.last_source import load_once
from core.task.views.media import COPY_LIMIT_BYTES, MediaStore, ViewFiles, seal
from core.task.views.row_files import PlacedFile, place
from core.task.views.side_tables import cut_table
from core.task.views.source import SYNTHETIC_SAMPLE, Source, with_notes
from core.task.views.span import asked_span, held_span
from core.task.views.survey import Contents, survey
from core.task.views.tables import (
    Cut,
    items_of,
    tables_of,
    write_all,
    write_answers,
    write_big_train,
)
from utils.files import remove
from utils.tables import write_table

__all__ = ["Defences", "build_views"]

_SMALL_BYTES = 1 << 20
# More files than this are linked where they lie, and not copied.
COPY_LIMIT_FILES = 50_000


@dataclass(frozen=True, slots=True)
class Defences:
    """One switch per channel through which a held-out label could be seen. All are on in every run;
    a test switches each one off to show that its leak is real.
    """

    names: bool = True
    times: bool = True
    order: bool = True
    links: bool = True
    side_tables: bool = True
    extra_files: bool = True


def build_views(
    spec: CompetitionSpec,
    split: SplitSpec,
    workspace: Path,
    names: Sequence[str] | None = None,
    defences: Defences | None = None,
    copy_limit: int = COPY_LIMIT_BYTES,
) -> tuple[list[View], SplitSpec]:
    """Builds `workspace/views/<name>` and `workspace/answers/<name>.npz` for each name, replacing
    what is there.

    names: None for the views that a run starts with; final views are built by name. The same
    arguments give the same contents. The split comes back with the files that were left out named
    in `why`. copy_limit: bytes of media above which files are linked where they lie. Raises
    SpecError (see core.task.views.source.load), ValueError for a name that the split does not have.
    """
    defences = defences or Defences()
    source = load_once(spec, neutral_ids=defences.names)
    contents = survey(source, split, defences.side_tables, defences.extra_files)
    copies = contents.bytes <= copy_limit and len(source.files) <= COPY_LIMIT_FILES
    builder = _Builder(source, split, contents, workspace.resolve(), defences, copies)
    if names is None:
        names = names_of_run(split)
    views = [builder.build(name) for name in names]
    return views, with_notes(split, *source.rows.notes, *contents.note())


class _Builder:
    def __init__(
        self,
        source: Source,
        split: SplitSpec,
        contents: Contents,
        workspace: Path,
        defences: Defences,
        copies: bool,
    ) -> None:
        self._source, self._split, self._contents = source, split, contents
        self._views, self._answers = workspace / "views", workspace / "answers"
        self._store = MediaStore(workspace / "media", source.root, defences.times)
        self._defences, self._copies = defences, copies

    def build(self, name: str) -> View:
        if name == "full":
            return self._full()
        cut = cut_for(self._source, self._split, name)
        again = (self._views / name).exists() or (self._answers / f"{name}.npz").exists()
        with _Swap(self._views / name) as folder:
            files = self._files(folder, self._copies, check=again)
            rows_train = self._write(folder, cut, files)
            seal(folder, self._defences.times)
        answers, held = None, 0
        if len(cut.held):
            answers = self._answers / f"{name}.npz"
            held = write_answers(self._source, cut, self._split, answers)
        return self._view(cut, answers, rows_train, held, files.readable())

    def _view(
        self,
        cut: Cut,
        answers: Path | None,
        rows_train: int,
        held: int,
        readable: tuple[str, ...],
    ) -> View:
        path = self._views / cut.name
        return View(
            name=cut.name,
            kind=cut.kind,
            fold=cut.fold,
            path=str(path),
            digest=view_digest(path),
            answers=None if answers is None else str(answers),
            sample=self._source.sample_file,
            rows_train=rows_train,
            rows_holdout=held,
            rows_test=int(cut.official.sum()),
            readable=readable,
            span=held_span(self._source, self._split, cut.part, held),
        )

    def _files(self, folder: Path, copies: bool, check: bool) -> ViewFiles:
        links = self._defences.links
        return ViewFiles(
            folder, self._store, self._source.roots, copies=copies, check=check, links=links
        )

    def _write(self, folder: Path, cut: Cut, files: ViewFiles) -> int:
        """Returns how many train rows the view has."""
        source, contents = self._source, self._contents
        write_all(folder, self._tables(cut))
        rows_train = int(cut.part.train.sum())
        if self._is_streamed(cut):
            rows_train = write_big_train(source, cut, self._split, folder)
        for side in contents.side_tables:
            write_all(folder, [(side.table, cut_table(source, cut, side))])
        # A place is taken once: by the file that stands there in the competition, if any.
        files_of_rows = place(source, cut, contents.row_files, self._defences.names)
        placed = {file.target: file for file in sorted(files_of_rows, key=_stays)}
        for file in sorted(placed.values(), key=lambda file: self._store.order(file.source)):
            files.link(file.source, file.target, file.telling)
        for other in contents.shown:
            if other.path in placed:
                continue
            if other.size < _SMALL_BYTES:
                files.copy(other.path)
            else:
                files.link(other.path, other.path, telling=False)
        return rows_train

    def _is_streamed(self, cut: Cut) -> bool:
        """A probe shows drawn rows only."""
        return self._source.big is not None and cut.kind != "probe"

    def _tables(self, cut: Cut) -> Iterator[tuple[TableFile, pd.DataFrame]]:
        spec = self._source.spec
        tables = tables_of(
            self._source, cut, self._split, self._is_streamed(cut), self._defences.order
        )
        if spec.tables.train is not None and tables.train is not None:
            yield spec.tables.train, tables.train
        if spec.tables.test is not None and tables.test is not None:
            yield spec.tables.test, tables.test
            if spec.tables.items is not None:
                yield spec.tables.items, items_of(self._source, spec.tables.items, tables.test)
        yield self._source.sample_file, tables.sample

    def _full(self) -> View:
        """The untouched folder; only a missing sample submission makes it a folder of links."""
        source = self._source
        folder = source.root
        if source.spec.tables.sample is None:
            folder = self._views / "full"
            with _Swap(folder) as new:
                files = self._files(new, copies=False, check=False)
                for file in source.files:
                    files.link(file.path, file.path, telling=False)
                write_table(source.sample, new / SYNTHETIC_SAMPLE.path)
                seal(new)
        readable = tuple(str(root) for root in source.roots if root != folder)
        counts = (source.rows_train, 0, len(source.sample))
        digest = view_digest(folder)
        span = asked_span(source, self._split)
        return View(
            "full",
            "full",
            -1,
            str(folder),
            digest,
            None,
            source.sample_file,
            *counts,
            readable,
            span=span,
        )


def _stays(file: PlacedFile) -> bool:
    return file.target == file.source


class _Swap:
    """A new folder that takes the place of the old one when it is complete."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._new = target.parent / f".{target.name}.new"

    def __enter__(self) -> Path:
        remove(self._new)
        self._new.mkdir(parents=True)
        return self._new

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            remove(self._new)
            return
        remove(self._target)
        self._new.rename(self._target)
