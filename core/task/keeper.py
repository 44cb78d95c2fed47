"""The run's views as the agent sees them: looked up by name, checked by digest, rebuilt when a
program damaged one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from core.records import View, ViewKind
from core.task.view_digest import view_digest


class ViewKeeper:
    """Implements core.protocols.Views; safe to use from several threads.

    rebuild: builds the named view again from the original data and returns it with its new digest.
    """

    def __init__(self, views: Iterable[View], rebuild: Callable[[str], View]) -> None:
        self._views = {view.name: view for view in views}
        self._rebuild = rebuild
        self._lock = threading.Lock()

    def get(self, name: str) -> View:
        """The view as it stands now. Raises KeyError for an unknown name."""
        with self._lock:
            return self._views[name]

    def search(self) -> Sequence[View]:
        """The views that programs are tried on: the full one alone where nothing is held out."""
        views = self._of_kind("search") or self._of_kind("full")
        return sorted(views, key=lambda view: view.fold)

    def add(self, views: Iterable[View]) -> None:
        """Takes views that were built later (the final ones) into care."""
        with self._lock:
            self._views |= {view.name: view for view in views}

    def intact(self, view: View) -> bool:
        """True when the folder is still the one that `view` describes.

        A damaged folder is rebuilt before this returns; a job that started on an older digest is
        told False as well, because its input may have been damaged while it ran.
        """
        with self._lock:
            current = self._views[view.name]
            if not _whole(current):
                self._views[view.name] = self._rebuild(view.name)
                return False
            return view.digest == current.digest

    def repair(self) -> list[str]:
        """Rebuilds every view that is missing or damaged, for a resumed run; returns their names."""
        with self._lock:
            broken = [name for name, view in self._views.items() if not _whole(view)]
            for name in broken:
                self._views[name] = self._rebuild(name)
        return broken

    def _of_kind(self, kind: ViewKind) -> list[View]:
        with self._lock:
            return [view for view in self._views.values() if view.kind == kind]


def _whole(view: View) -> bool:
    """The digest holds, and the answers that belong to the view are still there."""
    if view.answers is not None and not Path(view.answers).is_file():
        return False
    return view_digest(view.path) == view.digest
