"""Runs a short program of the harness in the same box as candidates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from core.execution import program_output
from core.execution.box import Box, BoxCommand, BoxLimits
from core.execution.environment import box_environment
from core.execution.supervised import BoxResult

REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class TrialBox:
    """A box, and what each short program may use: MiB of memory and wall seconds."""

    box: Box
    memory_mb: int = 8192
    limit_s: float = 180.0

    def folder(self, name: str) -> AbstractContextManager[Path]:
        """A folder for one program, as Box.folder makes it."""
        return self.box.folder(name)

    def within(self, limit_s: float) -> TrialBox:
        """The same for programs that take longer or shorter."""
        return dataclasses.replace(self, limit_s=limit_s)

    def run(
        self,
        folder: Path,
        program: str,
        limits: BoxLimits,
        readable: tuple[Path, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> BoxResult:
        """Runs the file `program` of `folder` on one CPU and without devices.

        limits: but for memory. readable: what it may open besides its folder and the interpreter.
        variables: added to its environment. Raises WorkerError when the box itself does not work.
        """
        environ = box_environment(self.box.environ, folder, 1) | dict(variables or {})
        limits = dataclasses.replace(limits, memory_mb=self.memory_mb)
        command = BoxCommand(folder, (program,), environ, self.limit_s, limits, readable)
        return self.box.run(command)


def failure_of(result: BoxResult) -> str:
    """How a run went wrong, in at most REASON_CHARS characters; "" when it did not."""
    if result.killed_for == "supervisor_lost":
        return "its supervisor was lost"
    if result.problem:
        return result.problem[:REASON_CHARS]
    error = program_output.classify(result.text, result.exit_code, result.signal, result.killed_for)
    if error is None:
        return ""
    return f"{error.type}: {error.message}"[:REASON_CHARS]
