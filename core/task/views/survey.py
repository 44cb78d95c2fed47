"""What a competition folder holds besides train, test and sample, and what of it views may show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.records import SplitSpec
from core.task.folder.inventory import FoundFile
from core.task.folder.sniff import FoundTable, find_tables
from core.task.views.id_mentions import Mentions, mentions_of
from core.task.views.other_files import MEDIA, OtherFiles
from core.task.views.row_files import RowFile, split_files
from core.task.views.row_keys import group_keys, id_keys
from core.task.views.side_tables import SAME_COLUMNS, SideTable, judge
from core.task.views.source import Source

_NAMED_IN_NOTE = 5


@dataclass(slots=True, eq=False)
class Contents:
    """The files of a folder by what becomes of them; `bytes` is the size of all."""

    bytes: int
    # They come and go with the rows that they belong to.
    row_files: list[RowFile]
    # They lose records with the rows that these are about.
    side_tables: list[SideTable] = field(default_factory=list)
    # Copied as they are.
    shown: list[FoundFile] = field(default_factory=list)
    # They may carry answers.
    left_out: list[FoundFile] = field(default_factory=list)
    # Paths of those left out that have the columns of the train table.
    repeats: set[str] = field(default_factory=set)

    def note(self) -> list[str]:
        """What was left out, in a sentence; [] when nothing was."""
        if not self.left_out:
            return []
        repeats, others = [], []
        for file in self.left_out:
            if file.path in self.repeats:
                repeats.append(f"{file.path} ({SAME_COLUMNS})")
            else:
                others.append(file.path)
        paths = repeats + others
        names = ", ".join(paths[:_NAMED_IN_NOTE])
        if len(paths) > _NAMED_IN_NOTE:
            names += f" and {len(paths) - _NAMED_IN_NOTE} more"
        return [f"left out because they may carry answers: {names}"]


def survey(
    source: Source, split: SplitSpec, side_tables: bool = True, extra_files: bool = True
) -> Contents:
    """side_tables, extra_files: off only to show in a test what they would tell."""
    files = _beside_the_tables(source)
    size = sum(file.size for file in files)
    row_files, rest = _of_rows(source, split, files)
    if source.spec.split_program:
        return _media_only(files, row_files, size)
    things = source.things(split.group_column)
    mentions = mentions_of(source, things)
    contents = Contents(size, row_files)
    tables = find_tables(source.root, rest)
    hidden: set[str] = set()
    if side_tables:
        hidden = _judge_tables(contents, source, mentions, tables, things)
    if extra_files:
        known = {table.table.path for table in tables}
        others = OtherFiles(mentions)
        for file in rest:
            if file.path not in known and others.reason_to_hide(source.root, file) is not None:
                hidden.add(file.path)
    cut = {side.table.path for side in contents.side_tables}
    hidden |= set(source.spec.files.labels) - cut
    contents.side_tables = [side for side in contents.side_tables if side.table.path not in hidden]
    for file in rest:
        if file.path in hidden:
            contents.left_out.append(file)
        elif file.path not in cut:
            contents.shown.append(file)
    return contents


def _beside_the_tables(source: Source) -> list[FoundFile]:
    """The files that are none of the competition's own tables."""
    tables = source.spec.tables
    own = (tables.train, tables.test, tables.sample, tables.items)
    paths = {table.path for table in own if table is not None}
    return [file for file in source.files if file.path not in paths]


def _of_rows(
    source: Source, split: SplitSpec, files: list[FoundFile]
) -> tuple[list[RowFile], list[FoundFile]]:
    """Files named by ids, then those named by what several rows share; and the others."""
    found: list[RowFile] = []
    by_id = id_keys(source)
    if by_id is not None:
        found, files = split_files(by_id, files)
    for column in source.things(split.group_column):
        keys = group_keys(source, column, files)
        if keys is not None:
            more, files = split_files(keys, files)
            found += more
    return found, files


def _media_only(files: list[FoundFile], row_files: list[RowFile], size: int) -> Contents:
    """Only media are known to hold no words: the written program's tables stand for the rest."""
    media = [file for file in row_files if PurePosixPath(file.path).suffix.lower() in MEDIA]
    paths = {file.path for file in media}
    left_out = [file for file in files if file.path not in paths]
    return Contents(size, media, left_out=left_out)


def _judge_tables(
    contents: Contents,
    source: Source,
    mentions: Mentions,
    tables: Sequence[FoundTable],
    things: Sequence[str],
) -> set[str]:
    """Adds the tables that are cut by row; returns the paths of those that are left out."""
    hidden: set[str] = set()
    for table in tables:
        fate = judge(source, mentions, table, things)
        if fate.side is not None:
            contents.side_tables.append(fate.side)
        if fate.reason is not None:
            hidden.add(table.table.path)
        if fate.reason == SAME_COLUMNS:
            contents.repeats.add(table.table.path)
    return hidden
