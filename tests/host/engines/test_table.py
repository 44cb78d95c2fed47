"""Engines by name."""

from __future__ import annotations

import functools

import pytest
from swarm_host.engines.table import LIBRARIES, engine_of, engine_problems
from swarm_host.errors import UnknownName
from swarm_host.spec.matrix_keys import ENGINES, Placement
from swarm_host.words.places import HOST


def test_an_engine_that_is_not_here_is_refused_and_not_left_out() -> None:
    with pytest.raises(UnknownName, match="unknown engine 'nomad'; there are: dask, local"):
        engine_of(Placement(engine="nomad"))
    assert engine_of(Placement())(None, print) is None  # type: ignore[arg-type]


def test_each_engine_but_this_machine_is_made_by_its_own_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {*LIBRARIES, "local"} == ENGINES
    for name in LIBRARIES:
        made = functools.partial(lambda *arguments: arguments, name)
        monkeypatch.setattr(f"swarm_host.engines.{name}.{name.capitalize()}Engine", made)
        found = engine_of(Placement(name, "there", 3))("store", print)  # type: ignore[arg-type]
        width = () if name == "slurm" else (3,)
        assert found == (name, "store", "there", *width, print)


def test_an_engine_without_its_library_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "dask", ("no_such_library", "requirements_engines.txt"))
    monkeypatch.chdir(HOST)
    (problem,) = engine_problems(Placement(engine="dask"))
    assert (problem.not_here, problem.refuses) == (True, True)
    assert problem.cure == "pip install -r requirements_engines.txt"
    assert engine_problems(Placement()) == ()
