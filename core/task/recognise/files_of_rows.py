"""Which files belong to the rows of a competition."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.records import FilesById, PixelRows
from core.task.folder.files_by_id import FileIndex, IdMatch, place
from core.task.folder.names import among, without
from core.task.folder.pixel_rows import item_of
from core.task.recognise.recognition import Recognition
from core.task.recognise.tables import LoadedTables


@dataclass(frozen=True, slots=True)
class RowFiles:
    """Files that belong to rows. sources: id columns of the train table: the sample's, or the one
    that names files. suffix: of the files; None where there are none.
    """

    sources: tuple[str, ...]
    suffix: str | None = None
    places: FilesById | None = None


def files_of_rows(tables: LoadedTables, found: Recognition) -> RowFiles:
    """The files that ids name, in both parts or one; else those that another column names."""
    sources, train = tables.submission.sources, tables.train
    if len(sources) != 1:
        return RowFiles(sources)
    pixels = found.label_table.pixels if found.label_table else None
    test = found.index.match(_items_to_answer(tables, pixels))
    names = among(sources, train.columns)
    if test is not None:
        names += list(train.columns)
    for name in names:
        match = found.index.match(list(train[name]))
        if match is not None:
            match = _inputs(match, pixels)
            return RowFiles((name,), (test or match).suffix, place(match, test))
    if test is not None:
        return RowFiles(sources, test.suffix, place(None, test))
    return _files_by_column(tables, found.index) or RowFiles(sources)


def _items_to_answer(tables: LoadedTables, pixels: PixelRows | None) -> list[str]:
    """Ids of the rows to answer; the images, where a row is one of their pixels."""
    ids = tables.official[tables.submission.ids[0]]
    if pixels is not None:
        ids = item_of(ids, pixels).drop_duplicates()
    return list(ids)


def _inputs(match: IdMatch, pixels: PixelRows | None) -> IdMatch:
    """Without the folder of images that are answers."""
    if pixels is None:
        return match
    folders = without(match.folders, {pixels.truth_dir})
    return replace(match, folders=tuple(folders) or match.folders)


def _files_by_column(tables: LoadedTables, index: FileIndex) -> RowFiles | None:
    """Where a column of both tables names files, and the ids do not."""
    if tables.test is None:
        return None
    both = among(tables.train.columns, tables.test.columns)
    for name in without(both, tables.labels.columns):
        test = index.match(list(tables.test[name].unique()))
        if test is None:
            continue
        train = index.match(list(tables.train[name].unique()))
        places = place(train, test)
        if train is not None and places is not None:
            places = replace(places, column=name)
            return RowFiles(tables.submission.sources, test.suffix, places)
    return None
