"""The parts of this checkout that a published solution.py needs: they rebuild views and combine
predictions.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from utils.files import write_atomic

CHECKOUT = Path(__file__).resolve().parents[2]
# Whole folders, and single files of others. A test compares them with what is really imported.
FOLDERS = (
    "core/judging",
    "core/task/folder",
    "core/task/look",
    "core/task/metric",
    "core/task/recognise",
    "core/task/views",
)
FILES = (
    "core/__init__.py",
    "core/blending.py",
    "core/events.py",
    "core/metric_names.py",
    "core/persona.py",
    "core/protocols.py",
    "core/records.py",
    "core/score.py",
    "core/skill.py",
    "core/task/__init__.py",
    "core/task/hints.py",
    "core/task/preview.py",
    "core/task/service.py",
    "core/task/view_digest.py",
    "core/task/worker.py",
    "utils/__init__.py",
    "utils/big_csv.py",
    "utils/config_schema.py",
    "utils/errors.py",
    "utils/files.py",
    "utils/json_records.py",
    "utils/process.py",
    "utils/rhythm.py",
    "utils/tables.py",
    "utils/text.py",
    "utils/markup.py",
    "utils/untrusted.py",
)
SOLUTION = "core/publishing/rebuild.py"
_DIGEST = "digest.txt"


def harness_files() -> Iterator[str]:
    """Paths relative to the checkout, in a fixed order."""
    yield from FILES
    for folder in FOLDERS:
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            yield str(path.relative_to(CHECKOUT))


def copy_harness(target: Path) -> None:
    """Puts the harness of this version in place; one that is there already is left alone.

    Raises OSError.
    """
    names = list(harness_files())
    digest = _digest(names)
    if _is_current(target, digest):
        return
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in names:
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, fresh / name)
    write_atomic(fresh / _DIGEST, digest)
    if target.exists():
        # Of another version, which a resumed run cannot use beside a new solution.py.
        shutil.rmtree(target)
    fresh.rename(target)


def _digest(names: list[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + (CHECKOUT / name).read_bytes())
    return digest.hexdigest()


def _is_current(target: Path, digest: str) -> bool:
    try:
        return (target / _DIGEST).read_text() == digest
    except OSError:
        return False
