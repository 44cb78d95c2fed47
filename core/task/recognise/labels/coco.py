"""Rule P9: images and their annotations in one JSON, as COCO has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from core.task.folder.inventory import FoundFile
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
    if (
        evidence.sample is None
        or len(evidence.submission.ids) != 1
        or len(evidence.submission.targets) != 1
    ):
        return None
    read = {
        file.path: found for file in evidence.files if (found := _read(evidence, file)) is not None
    }
    annotated = {path: found for path, found in read.items() if _classes(found)}
    if not annotated:
        return None
    path = max(annotated, key=lambda each: len(_classes(annotated[each])))
    asked = set(evidence.sample[evidence.submission.ids[0]])
    tests = (_images(found) for other, found in read.items() if other != path)
    official = next(
        (images for images in tests if len(asked & images.keys()) >= _MATCH_SHARE * len(asked)), {}
    )
    return _label_table(evidence, path, annotated[path], official)


def _read(evidence: Evidence, file: FoundFile) -> Any:
    """A mapping with images, or a bare list of them; None for anything else."""
    if file.suffix != ".json" or not 0 < file.size <= _MAX_BYTES:
        return None
    try:
        found = json.loads((evidence.root / file.path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    return found if _images(found) else None


def _images(found: Any) -> dict[str, Record]:
    """Image by id, as text."""
    records = found.get("images") if isinstance(found, dict) else found
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return {}
    key = next((name for name in _IDS if name in records[0]), None)
    if key is None or "file_name" not in records[0]:
        return {}
    return {
        str(record[key]): record for record in records if isinstance(record, dict) and key in record
    }


def _classes(found: Any) -> dict[str, list[str]]:
    """Classes of each annotated image, in their order, without repetition."""
    records = found.get("annotations") if isinstance(found, dict) else None
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return {}
    name = next((each for each in _CLASSES if each in records[0]), None)
    if name is None or "image_id" not in records[0]:
        return {}
    classes: dict[str, list[str]] = {}
    for record in records:
        mine = classes.setdefault(str(record["image_id"]), [])
        if str(record[name]) not in mine:
            mine.append(str(record[name]))
    return classes


def _label_table(
    evidence: Evidence, path: str, found: Any, official: Mapping[str, Record]
) -> LabelTable | None:
    assert evidence.sample is not None
    key, target = evidence.submission.ids[0], evidence.submission.targets[0]
    classes, images = _classes(found), _images(found)
    ids = [each for each in images if each in classes]
    lists = bool(evidence.sample[target].str.contains(" ", regex=False).any())
    cells = [" ".join(classes[each]) if lists else classes[each][0] for each in ids]
    frame = pd.DataFrame({key: ids, target: cells}, dtype=object)
    rows = list(evidence.sample[key])
    test = None
    if official:
        shared = _plain_keys(
            [images[each] for each in ids[:50]],
            [official[each] for each in rows if each in official],
        )
        for name in shared:
            column = pd.Series([str(images[each].get(name, "")) for each in ids], dtype=object)
            theirs = pd.Series(
                [str(official.get(each, {}).get(name, "")) for each in rows], dtype=object
            )
            if name not in frame.columns and not carries_label(column, frame[[target]], theirs):
                frame[name] = column
                test = (pd.DataFrame({key: rows}, dtype=object) if test is None else test).assign(
                    **{name: theirs}
                )
    elif not {PurePosixPath(file.path).stem for file in evidence.files} & set(rows):
        return None
    how = f"labels: P9, annotations of {len(ids)} images in {path}"
    return LabelTable(how, frame, (path,), test)


def _plain_keys(train: Sequence[Record], test: Sequence[Record]) -> list[str]:
    """Keys that images of both parts have, with numbers or texts as values; paths may say more than
    they should.
    """
    first = [
        name
        for name, value in (train[0] if train else {}).items()
        if isinstance(value, int | float | str)
    ]
    ids = {*_IDS, "file_name"}
    return [
        name
        for name in first
        if name not in ids and test and all(name in record for record in test[:50])
    ]
