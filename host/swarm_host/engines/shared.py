"""Whether a machine of a cluster can lead units: it sees the folder of runs, and has the same code.

Nothing but plain values goes between machines: what an engine sends is made by `carried`, and what
comes back is a mapping, so that no machine needs the classes of the other one's libraries.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from swarm_host.errors import UsageError
from swarm_host.store.database import journal_for
from swarm_host.words.places import STATE_FOLDER

PACKAGE = Path(__file__).resolve().parents[1]
# Where swarm_host is found, and what it uses of the agent.
PATHS = (str(PACKAGE.parent), str(PACKAGE.parents[1]))
LOOK = "swarm_host.engines.shared:look"
MACHINE = "swarm_host.engines.shared:machine"
LEAD = "swarm_host.engines.placed:lead"
MAKER = "swarm_host.engines.placed:make_world"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# What an engine tells with each unit: `runs`, the folder; `token`, the name of a file in it; `code`
# and `journal`, as they are on its own machine; `boot`, which machine that is; `maker`, the function
# that makes the world of lives there.
Order = Mapping[str, str]


def carried(paths: Sequence[str] = PATHS) -> Callable[..., Any]:
    """A function that calls another one by its name, `module:name`, on machines that share the checkout.

    It is made inside another one on purpose: so it is sent as it stands and not by its own name, which
    a worker could not import before `paths` are known to it.
    """

    def call(function: str, *arguments: Any) -> Any:
        import importlib
        import sys

        sys.path += [path for path in paths if path not in sys.path]
        module, _, name = function.partition(":")
        return getattr(importlib.import_module(module), name)(*arguments)

    return call


def order(runs: Path, token: str, maker: str = MAKER) -> Order:
    """What this machine expects of the others."""
    return {
        "runs": str(runs.absolute()),
        "token": token,
        "code": code_digest(),
        "journal": journal_for(runs.absolute() / STATE_FOLDER),
        "boot": _boot(),
        "maker": maker,
    }


@functools.cache
def code_digest() -> str:
    """Of the sources of swarm_host."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def machine() -> str:
    """The name of this one, as it stands in the names of owners."""
    return socket.gethostname()


def look(wanted: Order) -> dict[str, str]:
    """What a worker answers before it gets a unit: {machine, wrote, unfit}. `wrote` is the name of a
    file that the machine of the engine must see in the state folder.
    """
    folder = Path(wanted["runs"]) / STATE_FOLDER
    answer = {"machine": machine(), "wrote": "", "unfit": unfit(wanted)}
    if answer["unfit"]:
        return answer
    name = f"{wanted['token']}-{machine()}-{os.getpid()}"
    try:
        (folder / name).touch()
    except OSError as error:
        return answer | {"unfit": f"cannot write to {folder}: {error.strerror}"}
    return answer | {"wrote": name}


def unfit(wanted: Order) -> str:
    """Why units cannot be led here; "" when they can."""
    folder = Path(wanted["runs"]) / STATE_FOLDER
    if not (folder / wanted["token"]).is_file():
        return (
            f"does not see the folder of runs, {wanted['runs']}: all machines must share it under "
            "one path"
        )
    if wanted["code"] != code_digest():
        return (
            f"has another version of this project in {PACKAGE}: use one checkout for all machines"
        )
    here = journal_for(folder)
    if wanted["journal"] != here:
        return (
            f"sees {wanted['runs']} on another kind of file system than the machine of the command: "
            "start the command on a machine that mounts the folder as the workers do"
        )
    if here == "wal" and wanted["boot"] != _boot():
        return (
            f"has {wanted['runs']} on a file system that is not known to be one of networks, where "
            "several machines would spoil the store: use NFS, Lustre or the like"
        )
    return ""


def _boot() -> str:
    """Which running machine this is, whatever containers on it are called."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return machine()


class Probe:
    """A file in the folder of runs that workers must see, and those that they leave beside it."""

    def __init__(
        self, runs: Path, maker: str = MAKER, late_s: float = 5.0, token: str | None = None
    ) -> None:
        """late_s: files of folders of networks are some seconds late. token: name of the file."""
        self._state = runs.absolute() / STATE_FOLDER
        self._late_s = late_s
        # It stays until the engine ends: workers come later as well.
        self.order = order(runs, token or f"probe-{uuid.uuid4().hex[:12]}", maker)
        (self._state / self.order["token"]).touch()

    def check(self, answers: Mapping[str, Mapping[str, str]]) -> None:
        """Raises UsageError unless each worker is fit and wrote where we look. answers: of `look`, by
        the address of a worker.
        """
        for address, answer in answers.items():
            if answer["unfit"]:
                raise UsageError(f"the worker {address} on {answer['machine']} {answer['unfit']}")
        until = time.monotonic() + self._late_s
        while missing := self._not_seen(answers):
            if time.monotonic() > until:
                raise UsageError(
                    f"the worker {missing[0]} on {answers[missing[0]]['machine']} has a folder "
                    f"{self.order['runs']} of its own: all machines must share it"
                )
            threading.Event().wait(0.2)

    def _not_seen(self, answers: Mapping[str, Mapping[str, str]]) -> list[str]:
        # A listing asks the server anew, where the look for one name might not.
        seen = {path.name for path in self._state.iterdir()}
        return [address for address, answer in answers.items() if answer["wrote"] not in seen]

    def close(self) -> None:
        for path in self._state.glob(f"{self.order['token']}*"):
            path.unlink(missing_ok=True)


def cannot_import(worker: str, error: BaseException) -> str:
    """What is said of a worker that could not even answer."""
    return (
        f"{worker} cannot use this project ({type(error).__name__}: {error}): the checkout must lie at "
        f"{PATHS[1]} there too, or on its PYTHONPATH, and its Python have host/requirements.txt"
    )
