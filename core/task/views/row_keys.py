"""What files are named by: ids of rows, or what several rows share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.records import FilesById
from core.task.folder.cells import text_of
from core.task.folder.files_by_id import FileIndex, IdMatch, named_places
from core.task.folder.files_by_id import place as place_of
from core.task.folder.inventory import FoundFile
from core.task.views.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """What files are named by. train: of each train row, and under which name (`shown`) its
    held-out file stands; official: of each row of the sample; a key that several rows have stands
    for all of them. answers: paths of files that answer rows.
    """

    train: Sequence[str]
    shown: Sequence[str]
    official: Sequence[str]
    ambiguous: bool
    places: FilesById
    answers: frozenset[str] = frozenset()


def id_keys(source: Source) -> Keys | None:
    """Ids name files; those of several columns do not."""
    if len(source.spec.ids.columns) > 1 or source.rows.ids.eq("").all():
        return None
    shown = source.rows.shown[source.spec.ids.columns[0]].tolist()
    places = source.spec.files.by_id or FilesById((), (), "")
    ids, official = source.rows.ids.tolist(), source.official.tolist()
    return Keys(ids, shown, official, source.rows.ambiguous, places, _answers(source))


def group_keys(source: Source, column: str, files: Sequence[FoundFile]) -> Keys | None:
    """Rule P10: files that the rows of a group share; a group is held out as a whole. None where no
    files are.
    """
    if column in source.spec.ids.columns:
        return None
    train = text_of(source.train[column]).tolist()
    official = source.official_cells(column)
    if set(train) & set(official):
        return None
    places = _group_places(files, train, official)
    if places is None:
        return None
    return Keys(train, train, official, False, places, _answers(source))


def _group_places(
    files: Sequence[FoundFile], train: Sequence[str], official: Sequence[str]
) -> FilesById | None:
    """Where the files are that these names of groups name."""
    index = FileIndex(files)
    ours = _matches(index, train)
    if ours is None:
        return named_places(files)
    return place_of(ours, _matches(index, official))


def _matches(index: FileIndex, names: Sequence[str]) -> IdMatch | None:
    if not names:
        return None
    return index.match(list(dict.fromkeys(names)))


def _answers(source: Source) -> frozenset[str]:
    """Files of which the labels were made, and images that are the labels. A written program may
    read every file.
    """
    if source.spec.split_program:
        return frozenset()
    answers = set(source.spec.files.labels)
    pixels = source.spec.files.pixels
    if pixels is not None:
        answers |= {file.path for file in source.files if file.folder == pixels.truth_dir}
    return frozenset(answers)
