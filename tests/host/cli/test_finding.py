"""Names that users type."""

from __future__ import annotations

import pytest
from swarm_host.cli.finding import find_groups, find_unit, find_units
from swarm_host.errors import UnknownName

from tests.host.cli.conftest import Commands


def ids(history: Commands, *names: str) -> list[str]:
    store = history.store()
    try:
        return [row.spec.unit_id for row in find_units(store, names)]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), ["old-u1", "g1-u1", "g1-u2", "g2-u1", "g2-u2"]),
        (("g1-u2",), ["g1-u2"]),
        (("g2",), ["g2-u1", "g2-u2"]),
        (("sweep-1",), ["g1-u1", "g1-u2", "g2-u1", "g2-u2"]),
        (("last",), ["g1-u1", "g1-u2", "g2-u1", "g2-u2"]),
        (("swe",), ["g1-u1", "g1-u2", "g2-u1", "g2-u2"]),
        (("g2", "g1-u2"), ["g1-u2", "g2-u1", "g2-u2"]),
    ],
)
def test_units_by_name(history: Commands, names: tuple[str, ...], expected: list[str]) -> None:
    assert ids(history, *names) == expected


def test_a_beginning_of_several_names_is_told(history: Commands) -> None:
    with pytest.raises(UnknownName, match="beginning of 2 names: old, old-u1"):
        ids(history, "ol")


def test_folders_are_names(history: Commands) -> None:
    assert ids(history, str(history.runs / "g1_run-group_dummy")) == ["g1-u1", "g1-u2"]
    assert ids(history, str(history.runs / "g1_run-group_dummy" / "toy_0002")) == ["g1-u2"]


@pytest.mark.parametrize("name", ["g3-u1", "", "\x00", "../../etc", "%", "g1-u'; DROP TABLE units"])
def test_an_unknown_name_is_told(history: Commands, name: str) -> None:
    with pytest.raises(UnknownName, match="no unit, group or sweep"):
        ids(history, name)


def test_the_nearest_name_is_told(history: Commands) -> None:
    with pytest.raises(UnknownName, match="nearest: g2-u1"):
        ids(history, "g2_u1")


def test_one_unit_is_wanted(history: Commands) -> None:
    store = history.store()
    with pytest.raises(UnknownName, match="'g1' are 2 units: g1-u1, g1-u2"):
        find_unit(store, "g1")
    assert find_unit(store, "g1-u1").spec.seed == 1
    assert [group.group_id for group in find_groups(store, ["g2-u1"])] == ["g2"]
    store.close()
