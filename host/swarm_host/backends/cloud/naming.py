"""Names, labels and times of a unit's sandbox. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping

from swarm_host.errors import SpecError
from swarm_host.records import Handle, RunConfig, UnitSpec

PROJECT = "swarm-evo"
STOPPED = "swarm-evo.stopped"
_UNIT, _ATTEMPT = f"{PROJECT}.unit", f"{PROJECT}.attempt"
# The rest of a unit's name that one label has no room for.
_REST = f"{PROJECT}.unit-rest"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# Modal takes 64 characters as a name, and services take few more as the value of a label.
_LONGEST = 60
# Data in, start of the image's own server.
BEFORE_S = 1800
# TERM, grace and KILL; the core allows 30 s, and may be late.
STOP_S = 600
# What the agent left comes back: gigabytes, and three tries.
COLLECT_S = 3600
# Inside the sandbox, when nobody stops the agent from outside.
LATE_S = 120


def unit_name(unit: UnitSpec, attempt: int) -> str:
    """The name of an attempt in handles, whatever the service makes of it."""
    return f"{unit.unit_id}-{attempt}"


def sandbox_name(unit: UnitSpec, attempt: int) -> str:
    """The same name at the service, where names are short. Raises SpecError for an odd unit id."""
    if not _NAME.fullmatch(unit.unit_id):
        raise SpecError(
            f"a unit cannot be called {unit.unit_id!r}: lower-case letters, digits, - only"
        )
    return shortened(unit_name(unit, attempt))


def shortened(name: str) -> str:
    """A handle's name as the service has it: always the same for the same name."""
    if len(name) <= _LONGEST:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST - 13].rstrip('-')}-{mark}"


def home_mark(home: str | None) -> str:
    """Tells the sandboxes of one runs folder from those of another, without its path."""
    return hashlib.sha256((home or "").encode()).hexdigest()[:16]


def labels(unit: UnitSpec, attempt: int, home: str | None) -> dict[str, str]:
    """By which a sandbox is found again by whoever looks."""
    found = {**searched(unit.group, home), _ATTEMPT: str(attempt)}
    found[_UNIT], rest = unit.unit_id[:_LONGEST], unit.unit_id[_LONGEST:]
    for number, start in enumerate(range(0, len(rest), _LONGEST)):
        found[f"{_REST}-{number}"] = rest[start : start + _LONGEST]
    return found


def searched(group: str | None, home: str | None) -> dict[str, str]:
    """Labels of all sandboxes of a group, or of every group of a runs folder, or of the project."""
    found = {f"{PROJECT}.project": PROJECT}
    if group is not None:
        found[f"{PROJECT}.group"] = shortened(group)
    if home is not None:
        found[f"{PROJECT}.home"] = home_mark(home)
    return found


def told(arguments: Mapping[str, object]) -> list[str]:
    """Arguments of a call as words for people."""
    found = []
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            value = ",".join(told(value))
        found.append(f"{name}={value}")
    return found


def handle_name(labels: Mapping[str, str]) -> str | None:
    """None for a sandbox that some other program made."""
    if labels.get(f"{PROJECT}.project") != PROJECT or _UNIT not in labels:
        return None
    unit = labels[_UNIT]
    number = 0
    while (rest := labels.get(f"{_REST}-{number}")) is not None:
        unit, number = unit + rest, number + 1
    return f"{unit}-{labels.get(_ATTEMPT, '1')}"


def handle(backend: str, id: str, labels: Mapping[str, str]) -> Handle | None:
    """None for a sandbox that some other program made."""
    name = handle_name(labels)
    return Handle(backend, name, id) if name is not None else None


def ttl_s(run: RunConfig) -> int:
    """How long the sandbox may be at most. The defaults of the services, 300 and 60 s, end runs."""
    return math.ceil(BEFORE_S + run.timeout + STOP_S + COLLECT_S)
