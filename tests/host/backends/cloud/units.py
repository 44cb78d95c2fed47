"""Units and sinks for tests of sandboxes. Their files lie where a test says, since the sandboxes of
these tests are folders of this machine.
"""

from __future__ import annotations

import shlex
import threading
from pathlib import Path
from typing import Any

from swarm_host.records import Mount, Outputs, RunConfig, Stream, UnitSpec

LIMIT_S = 30.0


def a_unit(place: Path, script: str, name: str = "g1-u1", **run: Any) -> UnitSpec:
    """A unit whose agent is a shell script. `place`: where its outputs lie in the sandbox."""
    fields: dict[str, Any] = {
        "agent_image": "registry.example/agent:1",
        "command": ("sh", "-c", script),
        "workspace": str(place / "workspace"),
        "backend": "cloud",
        "mle_bench": False,
        "timeout": 120.0,
        "outputs": Outputs(str(place / "submission"), str(place / "code"), str(place / "logs")),
    }
    return UnitSpec(
        unit_id=name,
        group="g1",
        agent="dummy",
        competition="toy",
        seed=1,
        folder=str(place / "unit"),
        run=RunConfig(**{**fields, **run}),
    )


def leaves(place: Path, score: str = "0.5") -> str:
    """A script that leaves a submission and says something on both streams."""
    folder = shlex.quote(str(place / "submission"))
    return f"mkdir -p {folder}; echo {score} >{folder}/submission.csv; echo out; echo err >&2"


def a_mount(source: Path, target: Path, **fields: Any) -> Mount:
    return Mount(str(source), str(target), **fields)


class KeptSink:
    """Keeps what it is given, and its marks; it may be handed to a second follower. `came` is set by
    every write.
    """

    def __init__(self) -> None:
        self.data: dict[Stream, bytes] = {}
        self.marks: dict[Stream, str] = {}
        self.came = threading.Event()

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        self.data[stream] = self.data.get(stream, b"") + data
        if mark is not None:
            self.marks[stream] = mark
        self.came.set()

    def mark(self, stream: Stream) -> str | None:
        return self.marks.get(stream)


class AStop:
    """A stop that is asked for after so many questions: a follower that is ended in the middle."""

    def __init__(self, after: int) -> None:
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()
