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
from core.task.look.media import media_lines
from core.task.look.sample import SampledRows, sample_table
from core.task.look.table import few_names, layout, sample_lines, table_facts, target_lines
from core.task.preview import Preview, TableFacts
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
    files = _seen(spec, list_files(root))
    train = _sampled(root, spec.tables.train)
    facts, target = _of_train(root, spec, train)
    sample = head(root, spec.tables.sample, 2) if spec.tables.sample is not None else None
    return Preview(
        tree=tree_lines(root, files),
        train=facts,
        target=target,
        sample=sample_lines(sample) if sample is not None else (),
        others=tuple(
            _others(root, spec, files)
            if spec.tables.train is not None
            else first_lines(root, files)
        ),
        media=media_lines(root, spec.files.by_id, files) if spec.files.by_id is not None else (),
        text_words=_words(spec, train),
    )


def _seen(spec: CompetitionSpec, files: Sequence[FoundFile]) -> Sequence[FoundFile]:
    """What programs see of a folder whose tables were written: these, and what belongs to rows."""
    if not spec.split_program:
        return files
    folders = (
        (*spec.files.by_id.train_dirs, *spec.files.by_id.test_dirs)
        if spec.files.by_id is not None
        else ()
    )
    hidden = set(spec.files.labels)
    return [file for file in files if file.path not in hidden or file.folder in folders]


def _of_train(
    root: Path, spec: CompetitionSpec, train: SampledRows | None
) -> tuple[TableFacts | None, tuple[str, ...]]:
    if train is None:
        return None, ()
    return table_facts(spec, train, _sampled(root, spec.tables.test)), target_lines(
        spec, train.frame
    )


def _words(spec: CompetitionSpec, train: SampledRows | None) -> int:
    """95 % quantile over the cells of all text columns together."""
    names = [
        name for name in spec.features.texts if train is not None and name in train.frame.columns
    ]
    if train is None or not names or not len(train.frame):
        return 0
    texts = pd.concat([train.frame[name].astype(str) for name in names])
    return int((texts.str.count(r"\s+") + 1).quantile(0.95))


def _sampled(root: Path, table: TableFile | None) -> SampledRows | None:
    if table is None:
        return None
    return sample_table(root, table, len(head(root, table, 1).columns))


def _others(root: Path, spec: CompetitionSpec, files: Sequence[FoundFile]) -> Iterator[str]:
    """Side tables near the top of the folder: their columns, and the test table's place."""
    if spec.tables.test is not None:
        yield f"{layout(spec.tables.test)}, {spec.tables.rows_test:,} rows to predict"
    known = {
        table.path
        for table in (spec.tables.train, spec.tables.test, spec.tables.sample)
        if table is not None
    }
    tables = [
        file
        for file in files
        if file.suffix in _TABLES and file.depth <= 1 and file.path not in known
    ]
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
    return "; e.g. " + one_line(
        ", ".join(one_line(str(cell), 30) for cell in first.iloc[0].head(12)), 120
    )
