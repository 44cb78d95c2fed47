"""Rule P9: images and their annotations in one JSON, as COCO has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.task.folder.inventory import FoundFile
from core.task.folder.names import among, without
from core.task.recognise.evidence import Evidence, LabelTable
from core.task.recognise.new_ids import carries_label

_MAX_BYTES = 1 << 30
_IDS = ("id", "image_id")
_CLASSES = ("category_id", "category", "label", "class_id")
_MATCH_SHARE = 0.9
Record = Mapping[str, Any]


def labels_in_annotations(evidence: Evidence) -> LabelTable | None:
    """One row per annotated image; the sample's ids are those of images of another JSON, or names
    of files.
    """
    submission = evidence.submission
    if evidence.sample is None or len(submission.ids) != 1 or len(submission.targets) != 1:
        return None
    images: dict[str, dict[str, Record]] = {}
    classes: dict[str, dict[str, list[str]]] = {}
    for file in evidence.files:
        content = _read(evidence, file)
        if of_file := _images(content):
            images[file.path], classes[file.path] = of_file, _classes(content)
    path = max(images, key=lambda each: len(classes[each]), default=None)
    if path is None or not classes[path]:
        return None
    ids = set(evidence.sample[submission.ids[0]])
    official: dict[str, Record] = {}
    for other, of_file in images.items():
        if other != path and len(ids & of_file.keys()) >= _MATCH_SHARE * len(ids):
            official = of_file
            break
    return _label_table(evidence, path, images[path], classes[path], official)


def _read(evidence: Evidence, file: FoundFile) -> Any:
    """None for what is no JSON."""
    if file.suffix != ".json" or not 0 < file.size <= _MAX_BYTES:
        return None
    try:
        return json.loads((evidence.root / file.path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None


def _images(content: Any) -> dict[str, Record]:
    """Image by id, as text, of a mapping with images or a bare list of them; {} of anything else."""
    records = content.get("images") if isinstance(content, dict) else content
    key = _key_of(records, _IDS)
    if records is None or key is None or "file_name" not in records[0]:
        return {}
    images: dict[str, Record] = {}
    for record in records:
        if isinstance(record, dict) and key in record:
            images[str(record[key])] = record
    return images


def _classes(content: Any) -> dict[str, list[str]]:
    """Classes of each annotated image, in their order, without repetition."""
    records = content.get("annotations") if isinstance(content, dict) else None
    name = _key_of(records, _CLASSES)
    if records is None or name is None or "image_id" not in records[0]:
        return {}
    classes: dict[str, list[str]] = {}
    for record in records:
        mine = classes.setdefault(str(record["image_id"]), [])
        if str(record[name]) not in mine:
            mine.append(str(record[name]))
    return classes


def _key_of(records: Any, names: Sequence[str]) -> str | None:
    """The first of the names that is a key of the first record; None where they are no records."""
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return None
    return next(iter(among(names, records[0])), None)


def _label_table(
    evidence: Evidence,
    path: str,
    images: Mapping[str, Record],
    classes: Mapping[str, list[str]],
    official: Mapping[str, Record],
) -> LabelTable | None:
    assert evidence.sample is not None
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    ids, rows = among(images, classes), list(evidence.sample[key])
    frame = pd.DataFrame({key: ids, target: [classes[each][0] for each in ids]}, dtype=object)
    if evidence.sample[target].str.contains(" ", regex=False).any():
        frame[target] = [" ".join(classes[each]) for each in ids]
    test = None
    if official:
        ours = [images[each] for each in ids]
        theirs = [official.get(each, {}) for each in rows]
        columns = _shared_columns(ours, theirs, frame, target)
        if columns:
            test = pd.DataFrame({key: rows}, dtype=object)
            for name, (mine, other) in columns.items():
                frame[name], test[name] = mine, other
    elif not {file.stem for file in evidence.files} & set(rows):
        return None
    how = f"labels: P9, annotations of {len(ids)} images in {path}"
    return LabelTable(how, frame, (path,), test)


def _shared_columns(
    ours: Sequence[Record], theirs: Sequence[Record], frame: pd.DataFrame, target: str
) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Columns of train and of test by the key that images of both have, but for those that tell the
    label. theirs: {} where nothing is known of an image.
    """
    known = list(filter(None, theirs))
    columns = {}
    for name in _plain_keys(ours[:50], known[:50]):
        mine, other = _column(ours, name), _column(theirs, name)
        if name not in frame.columns and not carries_label(mine, frame[[target]], other):
            columns[name] = mine, other
    return columns


def _column(records: Sequence[Record], name: str) -> pd.Series:
    return pd.Series([str(record.get(name, "")) for record in records], dtype=object)


def _plain_keys(train: Sequence[Record], test: Sequence[Record]) -> list[str]:
    """Keys that images of both parts have, with numbers or texts as values; paths may say more than
    they should.
    """
    if not train or not test:
        return []
    keys = []
    for name in without(train[0], {*_IDS, "file_name"}):
        plain = isinstance(train[0][name], int | float | str)
        if plain and all(name in record for record in test):
            keys.append(name)
    return keys
