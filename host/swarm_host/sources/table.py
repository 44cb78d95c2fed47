"""The sources by name, each made once for each folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from swarm_host.errors import UsageError
from swarm_host.protocols import Graders, Source
from swarm_host.sources.folder import FolderSource
from swarm_host.sources.mlebench import MleBenchSource
from swarm_host.sources.pack import PackSource
from swarm_host.words import places
from swarm_host.words.mle_bench import CHECKOUT, PYTHON
from swarm_host.words.names import known_name

NAMES = ("pack", "mlebench", "folder")


class Sources:
    """A source by its name and its folder; None as the folder is the usual place.

    environ: the host's variables. SWARM_HOST_MLE_BENCH names a checkout of mle-bench,
    SWARM_HOST_MLE_BENCH_PYTHON the interpreter with its libraries, SWARM_HOST_DATA where competitions
    of the pack are prepared.
    """

    def __init__(self, graders: Graders, environ: Mapping[str, str]) -> None:
        self._graders = graders
        self._environ = environ
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str | None], Source] = {}

    def __call__(self, name: str | None, root: str | None = None) -> Source:
        """Raises UnknownName, UsageError."""
        kind = known_name(name or "", NAMES, "source of competitions")
        with self._lock:
            if (kind, root) not in self._made:
                self._made[kind, root] = self._make(kind, root)
            return self._made[kind, root]

    def root(self, name: str) -> Path:
        """The usual folder of a source. Raises UsageError for one that has none."""
        if name == "pack":
            return places.pack_data(self._environ)
        if name == "mlebench":
            return places.mle_bench_data(self._environ)
        raise UsageError(
            f"the source {name} needs a folder: --source-root DIR, in a file matrix.source_root"
        )

    def _make(self, kind: str, root: str | None) -> Source:
        folder = Path(root).expanduser() if root is not None else self.root(kind)
        if kind == "pack":
            return PackSource(folder, self._graders)
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder} with competitions")
        if kind == "folder":
            return FolderSource(folder, self._graders)
        checkout = self._environ.get(CHECKOUT)
        return MleBenchSource(
            folder,
            self._graders,
            Path(checkout) if checkout else None,
            self._environ.get(PYTHON) or sys.executable,
        )
