"""Names that users give."""

from __future__ import annotations

import pytest
from swarm_host.errors import UnknownName
from swarm_host.words.names import known_name, nearest


def test_nearest_says_nothing_when_nothing_is_near() -> None:
    assert nearest("zzz", ["alpha"]) == ""
    assert nearest("alhpa", ["alpha", "beta"]) == "; nearest: alpha"


def test_an_unknown_name_is_told_with_all_that_there_are() -> None:
    assert known_name("docker", ["local", "docker"], "backend") == "docker"
    with pytest.raises(UnknownName, match=r"unknown set 'b'; there are: a1, a2$"):
        known_name("b", ["a2", "a1"], "set")
    with pytest.raises(UnknownName, match=r"there are: none$"):
        known_name("b", [], "set")
    with pytest.raises(UnknownName) as told:
        known_name("b", [f"a{number:03}" for number in range(500)], "set")
    assert str(told.value).endswith(", a098, a099")
