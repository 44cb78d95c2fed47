"""Units for tests of the docker backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swarm_host.records import RunConfig, Stream, UnitSpec


def unit(name: str = "churn-1", *, folder: str = "/runs/g/churn_1", **run: Any) -> UnitSpec:
    """A unit without a network; `run` are fields of its RunConfig."""
    fields = {"agent_image": "agent:1", "command": ("bash", "start.sh"), "network": "none"}
    config = RunConfig(**{"workspace": "/ws", "mle_bench": True, **fields, **run})
    return UnitSpec(name, "group", "dummy", "churn", 1, folder, config)


class KeptSink:
    """A sink that keeps what it is given, and its marks; it may be handed to a second follower."""

    def __init__(self) -> None:
        self.data: dict[Stream, bytes] = {}
        self.marks: dict[Stream, str] = {}

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        self.data[stream] = self.data.get(stream, b"") + data
        if mark is not None:
            self.marks[stream] = mark

    def mark(self, stream: Stream) -> str | None:
        return self.marks.get(stream)

    def text(self, stream: Stream) -> str:
        return self.data.get(stream, b"").decode()


def script(path: Path, text: str) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
