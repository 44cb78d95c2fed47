"""Backends by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.backends.table import MAKERS, Backends
from swarm_host.errors import UnknownName
from swarm_host.spec.run_keys import BACKENDS


def test_each_backend_of_a_specification_is_made_once_and_knows_its_name(tmp_path: Path) -> None:
    """Without the libraries of the cloud: they are imported when a run needs them."""
    backends = Backends(tmp_path, {"PATH": "/bin", "HOME": str(tmp_path)})
    assert set(MAKERS) == BACKENDS
    for name in MAKERS:
        assert backends(name).name == name
        assert backends(name) is backends(name)


def test_an_unknown_backend_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'dokcer'; nearest: docker; there are: daytona, docker"):
        Backends(tmp_path, {})("dokcer")
