"""Backends and engines by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.backend_table import MAKERS, Backends
from swarm_host.engine_table import LIBRARIES, engine_of, engine_problems
from swarm_host.engine_table import MAKERS as ENGINE_MAKERS
from swarm_host.errors import UnknownName
from swarm_host.spec.matrix_keys import ENGINES, Placement
from swarm_host.spec.run_keys import BACKENDS


def test_each_backend_of_a_specification_is_made_once_and_knows_its_name(tmp_path: Path) -> None:
    """Without the libraries of the cloud: they are imported when a run needs them."""
    backends = Backends(tmp_path, {"PATH": "/bin", "HOME": str(tmp_path)})
    assert set(MAKERS) == BACKENDS
    for name in MAKERS:
        assert backends(name).name == name
        assert backends(name) is backends(name)


def test_an_unknown_backend_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'dokcer'; nearest: docker; there are: docker, local"):
        Backends(tmp_path, {})("dokcer")


def test_an_engine_that_is_not_here_is_refused_and_not_left_out() -> None:
    with pytest.raises(UnknownName, match="the engine nomad is not part of this version"):
        engine_of(Placement(engine="nomad"))
    assert engine_of(Placement())(None, None, print) is None  # type: ignore[arg-type]


def test_each_engine_of_a_specification_has_a_maker() -> None:
    assert set(ENGINE_MAKERS) == ENGINES
    assert {*LIBRARIES, "local"} == ENGINES


def test_an_engine_without_its_library_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "dask", ("no_such_library", "host/requirements_engines.txt"))
    (problem,) = engine_problems(Placement(engine="dask"))
    assert (problem.not_here, problem.refuses) == (True, True)
    assert problem.cure == "pip install -r host/requirements_engines.txt"
    assert engine_problems(Placement()) == ()
