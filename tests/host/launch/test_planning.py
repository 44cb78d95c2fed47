"""Plans are made without an act."""

from __future__ import annotations

import pytest
from swarm_host.errors import UnknownName
from swarm_host.launch import planning
from swarm_host.launch.bench import Bench
from swarm_host.spec.loading import Spec, parse
from swarm_host.words.expand import Scope


def matrix(**changes: str) -> Spec:
    keys = {"agents": "[dummy]", "competitions": "[toy]", "source": "pack"} | changes
    text = ", ".join(f"{key}: {value}" for key, value in keys.items())
    scope = Scope({"run_id": "r"}, {}, "/home", "/here")
    return parse(f"backend: local\nmatrix: {{{text}}}".encode(), "x.yaml", (), scope)


def test_a_plan_that_is_only_looked_at_prepares_nothing(work: Bench) -> None:
    (group,) = planning.plan(matrix(), "r", work, prepare=False)
    (unit,) = group.units
    assert work.sources.prepared == []  # type: ignore[attr-defined]
    assert not work.runs.exists()
    # A later process grades it by the same data.
    assert (unit.competition, unit.source, unit.source_root) == ("toy", "pack", "/data/pack")


def test_an_agent_is_looked_up_before_a_competition_is_prepared(work: Bench) -> None:
    with pytest.raises(UnknownName, match="unknown agent 'dummi'; nearest: dummy"):
        planning.plan(matrix(agents="[dummi]"), "r", work)
    assert work.sources.prepared == []  # type: ignore[attr-defined]
    planning.plan(matrix(), "r", work)
    assert work.sources.prepared == ["toy"]  # type: ignore[attr-defined]


def test_a_competition_of_the_pack_is_known_before_it_is_prepared(work: Bench) -> None:
    with pytest.raises(UnknownName, match="'toyy'"):
        planning.plan(matrix(competitions="[toyy]"), "r", work, prepare=False)
