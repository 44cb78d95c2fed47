"""A cheap digest of a folder that changes when anything below it changes. Stdlib only: the agent
process uses it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def view_digest(path: str | Path) -> str:
    """Digest of relative path, size, mtime, ctime and inode of every file below `path`; contents
    are not read.

    Links count with their own facts (a link cannot be turned without a new inode) and those of what
    they point at, so that writing through a link is seen too. A missing folder has a digest of its
    own. A file that was changed and changed back differs.
    """
    digest = hashlib.sha256()
    for line in _lines(str(path), ""):
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()[:32]


def _lines(root: str, below: str) -> Iterator[str]:
    folder = os.path.join(root, below) if below else root  # noqa: PTH118
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield f"! {below!r} {type(error).__name__}"
        return
    for entry in found:
        relative = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield f"d {relative!r}"
            yield from _lines(root, relative)
        else:
            yield f"f {relative!r} {_facts(entry)}"


def _facts(entry: os.DirEntry[str]) -> str:
    try:
        own = entry.stat(follow_symlinks=False)
        if not stat.S_ISLNK(own.st_mode):
            return _numbers(own)
        return f"{_numbers(own)} -> {_numbers(entry.stat())}"
    except OSError as error:
        return type(error).__name__


def _numbers(facts: os.stat_result) -> str:
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_ino}"
