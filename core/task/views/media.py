"""Files that views share: one neutral copy per run, and a link per file and view."""

# Plain text for paths: views may have hundreds of thousands of links.
# ruff: noqa: PTH101, PTH103, PTH108, PTH113, PTH115, PTH116, PTH117, PTH123, PTH211

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


class MediaStore:
    """Neutral copies in one folder; an instance makes, or compares, each of them once."""

    def __init__(self, folder: Path, root: Path, neutral_times: bool = True) -> None:
        """neutral_times: off only to show in a test what the originals' times tell."""
        self.folder, self.root = str(folder), str(root)
        self._neutral_times = neutral_times
        self._shares_blocks = True
        self._sure: dict[str, str] = {}

    def stored(self, relative: str, check: bool) -> str:
        """The copy of a file. check: one that is there already is compared with the original."""
        if relative in self._sure:
            return self._sure[relative]
        source, copy = f"{self.root}/{relative}", f"{self.folder}/{self._name(relative)}"
        there = os.path.isfile(copy) and (not check or filecmp.cmp(source, copy, shallow=False))
        if not there:
            os.makedirs(copy.rpartition("/")[0], exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(copy)
            self.clone(source, copy)
        if check or not there:
            self._sure[relative] = copy
        return copy

    def clone(self, source: str, target: str) -> None:
        """An own, read-only copy with a neutral time, in a folder that is there."""
        # A file system that cannot share blocks is not asked again for every file.
        self._shares_blocks = self._shares_blocks and reflink(source, target)
        if not self._shares_blocks:
            shutil.copyfile(source, target)
        stamp = NEUTRAL_NS if self._neutral_times else os.stat(source).st_mtime_ns
        os.utime(target, ns=(stamp, stamp))
        os.chmod(target, 0o444)

    def order(self, relative: str) -> str:
        """A sort key that says nothing: files are made in this order, because inodes and ctimes
        follow it.
        """
        return hashlib.blake2b(
            relative.encode("utf-8", "surrogateescape"), digest_size=12
        ).hexdigest()

    def _name(self, relative: str) -> str:
        """Says nothing about the path; two levels, because some file systems are slow with very
        full folders.
        """
        name = self.order(relative)
        return f"{name[:2]}/{name}{Path(relative).suffix}"


class ViewFiles:
    """Puts files into one view. Links, and not hard links: a hard link changes the inode's ctime,
    by which a damaged view is recognised.

    copies: link to a copy (or reflink) of everything; else only to copies of files whose path tells
    something, and to the others where they lie. check: compare copies that are there already with
    their originals. roots: the competition's folders. links: off only to show in a test what the
    originals' paths tell.
    """

    def __init__(
        self,
        view: Path,
        store: MediaStore,
        roots: Sequence[Path],
        *,
        copies: bool,
        check: bool,
        links: bool = True,
    ) -> None:
        self._view, self._store, self._roots = str(view), store, roots
        self._copies, self._check, self._links = copies, check, links
        self._tops = {str(root) for root in roots}
        self._folders_there: set[str] = set()
        self._outside: set[str] = set()
        self._stored = False

    def link(self, relative: str, inside: str, telling: bool) -> None:
        """Links `inside` to the file. telling: its own name or path may say what the view hides."""
        if self._links and (self._copies or telling):
            target, self._stored = self._store.stored(relative, self._check), True
        else:
            target = resolved(f"{self._store.root}/{relative}")
            folder = target.rpartition("/")[0]
            self._outside.add(target if folder in self._tops else folder)
        os.symlink(target, self._place(inside))

    def copy(self, relative: str) -> None:
        """An own copy at the same place."""
        self._store.clone(f"{self._store.root}/{relative}", self._place(relative))

    def readable(self) -> tuple[str, ...]:
        """Folders (or files) outside of the view that its links point into: the store, or parts of
        the competition's folders; never one of these themselves, which hold the answers.
        """
        folders = set(self._outside)
        if len(folders) > _MAX_ROOTS:
            folders = {str(_top(Path(folder), self._roots)) for folder in self._outside}
        if self._stored:
            folders.add(self._store.folder)
        return tuple(sorted(folders))

    def _place(self, inside: str) -> str:
        """The path, whose folder is there."""
        path = f"{self._view}/{inside}"
        parent = path.rpartition("/")[0]
        if parent not in self._folders_there:
            os.makedirs(parent, exist_ok=True)
            self._folders_there.add(parent)
        return path


def reflink(source: str, target: str) -> bool:
    """Makes `target` share the blocks of `source`; False (and no file) where the file system
    cannot.
    """
    try:
        with open(source, "rb") as old, open(target, "xb") as new:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
    except OSError:
        Path(target).unlink(missing_ok=True)
        return False
    return True


def resolved(path: str) -> str:
    """What a link of a prepared folder points to, which is absolute; any other path as it is."""
    try:
        target = os.readlink(path)
    except OSError:
        return path
    return target if os.path.isabs(target) else path


def _top(target: Path, roots: Sequence[Path]) -> Path:
    """The entry of its root below which the target lies; a link of the competition itself may lead
    anywhere.
    """
    for root in roots:
        if target.is_relative_to(root):
            return root / target.relative_to(root).parts[0]
    return target


def seal(view: str | Path, neutral_times: bool = True) -> None:
    """Files 444, folders 555, one time for all."""
    with os.scandir(view) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                seal(entry.path, neutral_times)
                continue
            if neutral_times:
                os.utime(entry.path, ns=(NEUTRAL_NS, NEUTRAL_NS), follow_symlinks=False)
            if not entry.is_symlink():
                os.chmod(entry.path, 0o444)
    os.utime(view, ns=(NEUTRAL_NS, NEUTRAL_NS))
    os.chmod(view, 0o555)
