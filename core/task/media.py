"""Files that views share: one neutral copy per run, and a link per file and view. Runs in a worker process."""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

# Every file and folder of a view has this time: when a file was made must say nothing about it.
NEUTRAL_NS = 946_684_800 * 10**9
COPY_LIMIT_BYTES = 2 << 30
_FICLONE = 0x40049409
_MAX_ROOTS = 64


def reflink(source: Path, target: Path) -> bool:
    """Makes `target` share the blocks of `source`; False (and no file) where the file system cannot."""
    try:
        with source.open("rb") as old, target.open("xb") as new:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True


def clone(source: Path, target: Path, keep_time: bool = False) -> None:
    """An own, read-only copy with a neutral time (keep_time: with the original's, to show what that tells)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not reflink(source, target):
        shutil.copyfile(source, target)
    stamp = source.stat().st_mtime_ns if keep_time else NEUTRAL_NS
    os.utime(target, ns=(stamp, stamp))
    target.chmod(0o444)


class MediaStore:
    """Neutral copies in one folder. Links, and not hard links: a hard link changes the inode's ctime, by which a
    damaged view is recognised.

    copies: copy (or reflink) everything; else only files whose path tells something are copied, and the others
    are linked where they lie. check: compare copies that are there already with their originals.
    """

    def __init__(
        self, folder: Path, root: Path, *, copies: bool, check: bool, neutral_times: bool = True, links: bool = True
    ) -> None:
        self._folder, self._root = folder, root
        self._copies, self._check = copies, check
        self._neutral_times, self._links = neutral_times, links
        self._made: set[str] = set()

    def link(self, relative: str, folder: Path, inside: str, telling: bool) -> None:
        """Links `folder/inside` to the file. telling: its own name or path may say what the view hides.

        Plain text for paths here and below: views may have hundreds of thousands of links.
        """
        target = f"{folder}/{inside}"
        parent = target.rpartition("/")[0]
        if parent not in self._made:
            os.makedirs(parent, exist_ok=True)  # noqa: PTH103
            self._made.add(parent)
        own = self._links and (self._copies or telling)
        os.symlink(self._stored(relative) if own else resolved(f"{self._root}/{relative}"), target)  # noqa: PTH211

    def _stored(self, relative: str) -> Path:
        source = self._root / relative
        copy = self._folder / self._name(relative)
        if copy.is_file() and (not self._check or filecmp.cmp(source, copy, shallow=False)):
            return copy
        with contextlib.suppress(FileNotFoundError):
            copy.unlink()
        clone(source, copy, keep_time=not self._neutral_times)
        return copy

    def order(self, relative: str) -> str:
        """A sort key that says nothing: files are made in this order, because inodes and ctimes follow it."""
        return hashlib.blake2b(relative.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()

    def _name(self, relative: str) -> str:
        """Says nothing about the path; two levels, because some file systems are slow with very full folders."""
        name = self.order(relative)
        return f"{name[:2]}/{name}{Path(relative).suffix}"


def resolved(path: str) -> str:
    """What a link of a prepared folder points to; any other path as it is."""
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError:
        return path


def link_roots(view: Path, store: Path, roots: Sequence[Path]) -> tuple[str, ...]:
    """Folders (or files) outside of the view that its links point into: the store, or parts of the original folders.

    The original folders themselves are never among them: they hold the answers.
    """
    paths = (f"{folder}/{name}" for folder, _, names in os.walk(view) for name in names)
    targets = {target for path in paths if (target := resolved(path)) != path}
    outside = {target for target in targets if not target.startswith(f"{store}/")}
    tops = {str(root) for root in roots}
    folders = {target if (parent := target.rpartition("/")[0]) in tops else parent for target in outside}
    if len(folders) > _MAX_ROOTS:
        folders = {str(_top(Path(folder), roots)) for folder in folders}
    stored = {str(store)} if len(outside) < len(targets) else set()
    return tuple(sorted(folders | stored))


def _top(target: Path, roots: Sequence[Path]) -> Path:
    """The entry of its root below which the target lies; a link of the competition itself may lead anywhere."""
    root = next((each for each in roots if target.is_relative_to(each)), None)
    return target if root is None else root / target.relative_to(root).parts[0]


def seal(view: Path, neutral_times: bool = True) -> None:
    """Files 444, folders 555, one time for all."""
    for folder, _, names in os.walk(view, topdown=False):
        for name in names:
            path = f"{folder}/{name}"
            if neutral_times:
                os.utime(path, ns=(NEUTRAL_NS, NEUTRAL_NS), follow_symlinks=False)
            if not os.path.islink(path):  # noqa: PTH114
                Path(path).chmod(0o444)
        os.utime(folder, ns=(NEUTRAL_NS, NEUTRAL_NS))
        Path(folder).chmod(0o555)


def remove(folder: Path) -> None:
    """Deletes a sealed folder, or whatever a program put in its place."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    if folder.exists():
        shutil.rmtree(folder)
