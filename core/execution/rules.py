"""Which paths a candidate may open, as rules for Landlock.

Landlock can only allow. Everything but the protected folders is therefore the siblings of every
folder on the way from / to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

_DEVICES = (Path("/dev"), Path("/proc"))
_SHARED_MEMORY = Path("/dev/shm")
_TOP = Path("/")
# Of the file hierarchy standard, for a place where / cannot be listed: a box around this one.
_STANDARD = (
    "bin", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "nix", "opt", "run", "sbin", "srv", "sys",
    "usr", "var",
)  # fmt: skip


def landlock_rules(
    protected: Iterable[Path], readable: Iterable[Path], own: Path
) -> dict[str, list[str]]:
    """Paths by right: read (and execute), device (read and write to what exists), write
    (everything).

    protected: folders that are closed, with all that they hold. readable: what is open again inside
    them. own: the candidate's folder. Paths are resolved; ones that do not exist are left out.
    """
    closed = _outermost(_resolved(protected))
    passed = set(chain.from_iterable(path.parents for path in closed))
    # What is open again inside a closed folder, or stands in one that may be passed but not listed; all
    # else that is not closed is open anyway. A folder around a closed one would open that, too.
    inside = [path for path in _resolved(readable) if path not in passed]
    write = [own.resolve()]
    if _whole(_SHARED_MEMORY, passed, closed):
        write.append(_SHARED_MEMORY)
    return {
        "read": list(dict.fromkeys(map(str, (*_siblings(passed, closed), *inside)))),
        "device": [str(path) for path in _DEVICES if _whole(path, passed, closed)],
        "write": list(map(str, write)),
    }


def _resolved(paths: Iterable[Path]) -> list[Path]:
    return [path.resolve() for path in paths if path.exists()]


def _outermost(paths: Iterable[Path]) -> set[Path]:
    every = set(paths)
    return {path for path in every if every.isdisjoint(path.parents)}


def _siblings(passed: set[Path], closed: set[Path]) -> Iterator[Path]:
    if not closed:
        yield Path("/")
    for folder in sorted(passed):
        for entry in _entries(folder):
            # Rights count where a link points to, so a link needs none, and a rule would open its
            # target.
            if not entry.is_symlink() and entry not in passed | closed:
                yield entry


def _entries(folder: Path) -> list[Path]:
    """Where the folder may be passed but not listed its other children stay closed, but for those of /
    that programs cannot do without.
    """
    try:
        return sorted(folder.iterdir())
    except OSError:
        if folder != _TOP:
            return []
        return [path for name in _STANDARD if (path := folder / name).is_dir()]


def _whole(path: Path, passed: set[Path], closed: set[Path]) -> bool:
    """True when nothing below `path`, nor a folder around it, is closed."""
    return path.exists() and path not in passed | closed and closed.isdisjoint(path.parents)
