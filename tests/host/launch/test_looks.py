"""Looks into containers reach the backends that can look, where a display shows what they find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from swarm_host.errors import UnknownName
from swarm_host.launch import leading
from swarm_host.launch.bench import Bench
from swarm_host.records import Handle
from swarm_host.show.scores import LARGEST_REPORT


class Glass:
    """A backend that can be looked into."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, str, int]] = []

    def peek(self, handle: Handle, path: str, most: int) -> bytes | None:
        self.looks.append((handle.name, path, most))
        return b"{}"


def test_looks_reach_the_backends_that_can_look() -> None:
    glass = Glass()
    backends: Mapping[str, Any] = {"docker": glass, "modal": object()}

    def find(name: str) -> Any:
        if name not in backends:
            raise UnknownName(name)
        return backends[name]

    peek = leading._peek(find)
    assert peek(Handle("docker", "u-1", "7"), "/home/logs/run.json") == b"{}"
    assert glass.looks == [("u-1", "/home/logs/run.json", LARGEST_REPORT)]
    for name in ("modal", "gone"):
        assert peek(Handle(name, "u-1", "7"), "/home/logs/run.json") is None


class Shows:
    """As much of a display as decides whether scores are looked for."""

    def __init__(self, shows_scores: bool) -> None:
        self.shows_scores = shows_scores


class Managed:
    """A manager that has nothing to do."""

    store: Any = None

    def run(self, groups: object, stay: bool) -> str:
        return "ended"


@pytest.mark.parametrize("shows", [True, False])
def test_only_a_display_that_shows_scores_looks_for_them(
    monkeypatch: pytest.MonkeyPatch, shows: bool
) -> None:
    given: list[Any] = []

    class Kept:
        def __init__(self, *arguments: Any) -> None:
            given.append(arguments[2])

        def lines(self, rows: object) -> list[Any]:
            return []

    monkeypatch.setattr(leading, "Watch", Kept)
    monkeypatch.setattr(leading, "watch", lambda *arguments: None)
    work = Bench(runs=None, environ={}, backends=None, sources=None, new_hex=None)  # type: ignore[arg-type]
    assert leading._run(Managed(), None, work, Shows(shows)) == "ended"  # type: ignore[arg-type,comparison-overlap]
    assert (given[0] is not None) is shows
