"""An image that many units share is built once per process, also when their lives are side by side."""

from __future__ import annotations

import threading

from swarm_host.errors import BuildFailed
from swarm_host.protocols import Backend, Sink
from swarm_host.records import BuildConfig
from swarm_host.words import jsonio


class _Image:
    """One image: who holds the lock builds it, the others see what became of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.built = False
        self.failure: BuildFailed | None = None


class Builds:
    """Remembers what was built for a scope: units that began together. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._images: dict[tuple[str, ...], _Image] = {}

    def build(self, backend: Backend, build: BuildConfig, tag: str, sink: Sink, scope: str) -> None:
        """Raises BuildFailed, also for an image that failed for another unit of the scope; Transient
        errors.
        """
        key = (scope, backend.name, tag, jsonio.dumps(build))
        with self._lock:
            image = self._images.setdefault(key, _Image())
        with image.lock:
            if image.failure is not None:
                raise BuildFailed(str(image.failure), image.failure.exit_code)
            if image.built:
                sink.write("build", f"{tag} was built for another unit of this run\n".encode())
                return
            try:
                backend.build(build, tag, sink)
            except BuildFailed as error:
                image.failure = error
                raise
            image.built = True
