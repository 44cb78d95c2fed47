"""The competition as programs see it where its own folder is not enough: links to all of its files,
archives unpacked beside them, labels made a table. Made once per run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from core.records import TableFile
from core.task.folder.archives import Archive, ArchiveError, to_unpack, unpack
from core.task.folder.inventory import FoundFile, list_files
from utils.files import remove, write_atomic
from utils.tables import write_table

_FOLDER = "prepared"
_MANIFEST = "prepared.json"


class Preparation:
    """`root` is the competition's folder until something must be added, then (`changed`)
    `workspace/prepared`.

    workspace: None where nothing can be added.
    """

    def __init__(self, data_dir: Path, files: Sequence[FoundFile], workspace: Path | None) -> None:
        self._original, self._files, self._workspace = data_dir.resolve(), files, workspace
        self.root, self.changed = data_dir, False
        self.notes: list[str] = []
        self._added: list[str] = []

    @property
    def possible(self) -> bool:
        return self._workspace is not None

    def files(self) -> tuple[FoundFile, ...]:
        """All files of `root`, without tables that an earlier run added."""
        if not self.changed:
            return tuple(self._files)
        old = set(self._known().get("added", ())) - set(self._added)
        return tuple(file for file in list_files(self.root) if file.path not in old)

    def unpack(self, archives: Sequence[Archive]) -> None:
        """Adds what the archives hold; one that cannot be unpacked is noted."""
        if self._workspace is None:
            for archive in archives:
                self.notes.append(f"{archive.path} is not unpacked: there is no workspace")
        elif archives:
            self._unpack(archives)

    def _unpack(self, archives: Sequence[Archive]) -> None:
        wanted = [archive.path for archive in archives]
        failed = set[str]()
        if not self._reuse(wanted):
            failed = self._add(self._original, archives)
            # What an archive holds may be archives again (one per part, say); no deeper.
            before = {file.path for file in self._files}
            fresh = [file for file in list_files(self._folder) if file.path not in before]
            inner, unread = to_unpack(self._folder, fresh)
            self._add(self._folder, inner)
            self.notes += unread
            self._note(self._facts(wanted))
        for archive in archives:
            target = archive.targets[0]
            if archive.path not in failed and (self._folder / target).is_file():
                files = f"{len(archive.members)} files, {target} and so on"
                self.notes.append(f"{archive.path} is unpacked: {files}")

    def _add(self, root: Path, archives: Sequence[Archive]) -> set[str]:
        """Paths of those that cannot be unpacked, or only in part; they are noted."""
        failed = set()
        for archive in archives:
            try:
                unpack(root, archive, self._folder)
            except ArchiveError as error:
                self.notes.append(str(error))
                failed.add(archive.path)
        return failed

    def add_table(self, name: str, frame: pd.DataFrame) -> TableFile:
        """Writes a csv of this name, or of another where the competition has such a file. Same
        content, same file.
        """
        if not self.changed and not self._reuse([]):
            self._note(self._facts([]))
        free = self._free_name(name)
        target, fresh = self._folder / free, self._folder / f".{free}"
        write_table(frame, fresh)
        if target.is_file() and _digest(target) == _digest(fresh):
            fresh.unlink()
        else:
            fresh.replace(target)
        self._added.append(free)
        self._note(self._known() | {"added": self._added})
        return TableFile(free)

    def _free_name(self, name: str) -> str:
        """Of a csv that the competition does not have."""
        taken = {file.path for file in self._files}
        free = f"{name}.csv"
        for number in count(2):
            if free not in taken:
                break
            free = f"{name}_{number}.csv"
        return free

    @property
    def _folder(self) -> Path:
        assert self._workspace is not None
        return self._workspace.resolve() / _FOLDER

    @property
    def _manifest(self) -> Path:
        return self._folder.parent / _MANIFEST

    def _facts(self, unpacked: Sequence[str]) -> dict[str, object]:
        listing = "\n".join(f"{file.path} {file.size}" for file in self._files)
        digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
        return {"original": str(self._original), "files": digest, "unpacked": list(unpacked)}

    def _known(self) -> dict[str, Any]:
        """What the manifest says; {} without one."""
        try:
            return dict(json.loads(self._manifest.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def _note(self, facts: Mapping[str, object]) -> None:
        write_atomic(self._manifest, json.dumps(facts))

    def _reuse(self, unpacked: Sequence[str]) -> bool:
        """True when the folder of an earlier run serves; else a new one has been started."""
        known = self._known()
        known.pop("added", None)
        serves = known == self._facts(unpacked) and self._folder.is_dir()
        if not serves:
            self._start()
        self.root, self.changed = self._folder, True
        return serves

    def _start(self) -> None:
        """A new folder with a link to each original file."""
        self._manifest.unlink(missing_ok=True)
        remove(self._folder)
        for folder in {file.folder for file in self._files}:
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
        for file in self._files:
            (self._folder / file.path).symlink_to(self._original / file.path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
