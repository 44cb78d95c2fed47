"""Makes the Preview of a competition: one bounded look at its tables and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from core.records import CompetitionSpec, TableFile
from core.task.folder.inventory import FoundFile, list_files
from core.task.folder.loading import head
from core.task.folder.sniff import sniff
from core.task.look.files import tree_lines
from core.task.look.first_lines import first_lines
from core.task.look.groups import group_lines
from core.task.look.media import media_lines
from core.task.look.sample import SampledRows, sample_table
from core.task.look.seasons import calendar_lines
from core.task.look.series import series_lines, time_column
from core.task.look.table import few_names, layout, sample_lines, table_facts
from core.task.look.targets import target_lines
from core.task.look.texts import text_examples, text_lines
from core.task.preview import Preview
from core.task.recognise.roles import is_sample_name
from utils.errors import SpecError
from utils.text import human_bytes
from utils.untrusted import one_line

_OTHERS = 5
_CANDIDATES = 30
_TABLES = (".csv", ".tsv", ".parquet")


def look(spec: CompetitionSpec) -> Preview:
    """Raises DataError or SpecError when the folder or one of the spec's tables cannot be read any
    more.
    """
    root = Path(spec.data_dir)
    files = _visible(spec, list_files(root))
    sample: tuple[str, ...] = ()
    if spec.tables.sample is not None:
        sample = sample_lines(head(root, spec.tables.sample, 2))
    media: tuple[str, ...] = ()
    if spec.files.by_id is not None:
        media = media_lines(root, spec.files.by_id, files)
    train, test = _sampled(root, spec.tables.train), _sampled(root, spec.tables.test)
    if train is None:
        return Preview(
            tree=tree_lines(root, files),
            train=None,
            target=(),
            sample=sample,
            others=tuple(first_lines(root, files)),
            media=media,
        )
    time = time_column(spec, train.frame, None if test is None else test.frame)
    series = _in_time(spec, root, train, test, time)
    return Preview(
        tree=tree_lines(root, files),
        train=table_facts(spec, train, test, time if series else None),
        target=target_lines(spec, train.frame),
        sample=sample,
        others=tuple(_others(root, spec, files)),
        media=media,
        text_words=_words(spec, train.frame),
        series=series,
        groups=group_lines(spec, root, train, test),
        texts=(*text_lines(spec, train.frame), *text_examples(spec, train.frame)),
    )


def _in_time(
    spec: CompetitionSpec,
    root: Path,
    train: SampledRows,
    test: SampledRows | None,
    time: str | None,
) -> tuple[str, ...]:
    """The order of rows, and calendar columns that say something else."""
    lines = list(series_lines(spec, root, train, test, time))
    said = {line.rpartition(": ")[2] for line in lines}
    for line in calendar_lines(spec, train.frame):
        if line.rpartition(": ")[2] not in said:
            lines.append(line)
    return tuple(lines)


def _visible(spec: CompetitionSpec, files: Sequence[FoundFile]) -> Sequence[FoundFile]:
    """What programs see of a folder whose tables were written: these, and what belongs to rows."""
    if not spec.split_program:
        return files
    folders: tuple[str, ...] = ()
    if spec.files.by_id is not None:
        folders = (*spec.files.by_id.train_dirs, *spec.files.by_id.test_dirs)
    hidden = set(spec.files.labels)
    return [file for file in files if file.path not in hidden or file.folder in folders]


def _words(spec: CompetitionSpec, train: pd.DataFrame) -> int:
    """95 % quantile over the cells of all text columns together."""
    columns = [train[name].astype(str) for name in spec.features.texts if name in train.columns]
    if not columns or not len(train):
        return 0
    words = pd.concat(columns).str.count(r"\s+") + 1
    return int(words.quantile(0.95))


def _sampled(root: Path, table: TableFile | None) -> SampledRows | None:
    if table is None:
        return None
    return sample_table(root, table, len(head(root, table, 1).columns))


def _others(root: Path, spec: CompetitionSpec, files: Sequence[FoundFile]) -> Iterator[str]:
    """Side tables near the top of the folder: their columns, and the test table's place."""
    if spec.tables.test is not None:
        yield f"{layout(spec.tables.test)}, {spec.tables.rows_test:,} rows to predict"
    own = (spec.tables.train, spec.tables.test, spec.tables.sample)
    known = {table.path for table in own if table is not None}
    near = [file for file in files if file.suffix in _TABLES and file.depth <= 1]
    tables = [file for file in near if file.path not in known]
    count = 0
    for file in sorted(tables, key=lambda file: (file.depth, file.path))[:_CANDIDATES]:
        found = sniff(root, file)
        if found is None or is_sample_name(found):
            continue
        count += 1
        if count > _OTHERS:
            yield "and further tables"
            return
        what = f"{layout(found.table)}, {human_bytes(file.size)}"
        yield f"{what}: {', '.join(few_names(found.columns))}{_row(root, found.table)}"


def _row(root: Path, table: TableFile) -> str:
    """The first row of a side table, for its form."""
    try:
        first = head(root, table, 1)
    except SpecError:
        return ""
    if not len(first):
        return ""
    cells = ", ".join(one_line(str(cell), 30) for cell in first.iloc[0].head(12))
    return f"; e.g. {one_line(cells, 120)}"
