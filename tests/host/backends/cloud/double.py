"""A service of sandboxes made of local processes: what words.Provider promises, in little code."""

from __future__ import annotations

import io
import subprocess
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from swarm_host.backends.cloud.inside import NOTHING
from swarm_host.backends.cloud.words import (
    Answer,
    Ended,
    NameTaken,
    Order,
    Placed,
    Staged,
    Variables,
)
from swarm_host.disk.tar import Readable
from swarm_host.errors import Lost, Transfer
from swarm_host.protocols import Sink, Stop
from swarm_host.records import BuildConfig, Mount, Problem, RunConfig


@dataclass
class Sandbox:
    order: Order
    env: dict[str, str]
    ended: Ended | None = None
    labels: dict[str, str] = field(default_factory=dict)


class DoubleProvider:
    """`faults[act]` holds errors that the next calls raise, None for a call that is well; `after` those
    that are raised after the act was done.
    """

    name = "double"

    def __init__(self) -> None:
        self.sandboxes: dict[str, Sandbox] = {}
        self.faults: dict[str, deque[Exception | None]] = {}
        self.after: dict[str, deque[Exception | None]] = {}
        self.kept: dict[Mount, str] = {}
        self.calls: list[str] = []
        # Breaks the output after so many lines, once for each number.
        self.breaks: deque[int] = deque()

    def problems(self, run: RunConfig) -> Sequence[Problem]:
        return []

    def keeps(self, mount: Mount) -> str | None:
        return self.kept.get(mount)

    def plan(self, order: Order, secret: Sequence[str]) -> Sequence[Sequence[str]]:
        return [["create", order.name, *secret]]

    def build(self, config: BuildConfig, staged: Staged, sink: Sink) -> None:
        sink.write("build", staged.dockerfile.read_bytes())

    def create(self, order: Order, variables: Variables) -> Placed:
        self.raises("create", self.faults)
        if self.look_up(order.name) is not None:
            raise NameTaken(order.name)
        made = uuid.uuid4().hex
        env = {"PATH": "/usr/bin:/bin", **variables.plain, **variables.secret}
        self.sandboxes[made] = Sandbox(order, env, labels=dict(order.labels))
        self.raises("create", self.after)
        return Placed(made, order.labels)

    def look_up(self, name: str) -> Placed | None:
        for key, one in self.sandboxes.items():
            if one.order.name == name and one.ended is None:
                return Placed(key, one.labels)
        return None

    def listed(self, labels: Mapping[str, str]) -> Sequence[Placed]:
        found = []
        for key, one in self.sandboxes.items():
            if one.ended is None and labels.items() <= one.labels.items():
                found.append(Placed(key, one.labels))
        return found

    def box(self, id: str) -> DoubleBox:
        self.raises("box", self.faults)
        if id not in self.sandboxes or self.sandboxes[id].ended is not None:
            raise Lost(f"no sandbox {id}")
        return DoubleBox(self, self.sandboxes[id])

    def ended(self, id: str) -> Ended | None:
        return self.sandboxes[id].ended if id in self.sandboxes else None

    def note_stopped(self, id: str) -> None:
        self.sandboxes[id].labels["stopped"] = "1"

    def remove(self, id: str) -> None:
        self.calls.append("remove")
        if id in self.sandboxes:
            stopped = "stopped" in self.sandboxes[id].labels
            self.sandboxes[id].ended = Ended(overdue=False, stopped=stopped)

    def raises(self, act: str, table: Mapping[str, deque[Exception | None]]) -> None:
        waiting = table.get(act)
        error = waiting.popleft() if waiting else None
        if error is not None:
            raise error


class DoubleBox:
    def __init__(self, provider: DoubleProvider, sandbox: Sandbox) -> None:
        self._provider = provider
        self._env = sandbox.env

    def call(self, words: Sequence[str], seconds: float) -> Answer:
        self._provider.calls.append(words[2] if words[1].endswith("/tool") else words[0])
        self._provider.raises("call", self._provider.faults)
        done = subprocess.run(words, capture_output=True, env=self._env, timeout=seconds)
        return Answer(done.returncode, done.stdout, done.stderr)

    def feed(self, words: Sequence[str], source: BinaryIO, seconds: float) -> Answer:
        self._provider.raises("feed", self._provider.faults)
        done = subprocess.run(
            words, input=source.read(), capture_output=True, env=self._env, timeout=seconds
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def lines(self, words: Sequence[str], stop: Stop) -> Generator[bytes, None, None]:
        left = self._provider.breaks.popleft() if self._provider.breaks else None
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=self._env) as process:
            assert process.stdout is not None
            try:
                for number, line in enumerate(process.stdout):
                    if number == left:
                        yield line[: len(line) // 2]
                        raise Transfer("the stream broke off")
                    yield line
                    if stop.is_set():
                        return
            finally:
                process.kill()

    @contextmanager
    def archive(self, words: Sequence[str], seconds: float) -> Iterator[Readable | None]:
        self._provider.raises("archive", self._provider.faults)
        done = subprocess.run(words, capture_output=True, env=self._env, timeout=seconds)
        if done.returncode == NOTHING:
            yield None
            return
        yield io.BytesIO(done.stdout)
