"""Sources by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.errors import UnknownName, UsageError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.sources.mlebench import MleBenchSource
from swarm_host.sources.pack import PackSource
from swarm_host.sources.table import Sources


def test_a_source_is_made_once_for_each_folder(graders: GradingWorkers, tmp_path: Path) -> None:
    sources = Sources(graders, {"HOME": str(tmp_path)})
    one = sources("pack", str(tmp_path))
    assert isinstance(one, PackSource)
    assert sources("pack", str(tmp_path)) is one
    assert sources("pack") is not one
    assert sources.root("pack") == tmp_path / ".cache" / "swarm-evo" / "competitions"
    (tmp_path / "own" / "public").mkdir(parents=True)
    assert sources("folder", str(tmp_path / "own")).names() == ["own"]


def test_mle_bench_is_configured_by_variables(graders: GradingWorkers, tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "SWARM_HOST_MLE_BENCH": str(tmp_path / "checkout"),
        "SWARM_HOST_MLE_BENCH_PYTHON": "/some/python",
        "SWARM_HOST_DATA": str(tmp_path / "data"),
    }
    sources = Sources(graders, environ)
    assert sources.root("pack") == tmp_path / "data"
    with pytest.raises(UsageError, match="no folder"):
        sources("mlebench")
    sources.root("mlebench").mkdir(parents=True)
    source = sources("mlebench")
    assert isinstance(source, MleBenchSource)
    assert source.program.python == "/some/python"
    assert source.program.paths == (str(tmp_path / "checkout"),)


def test_unknown_sources_are_told(graders: GradingWorkers, tmp_path: Path) -> None:
    sources = Sources(graders, {"HOME": str(tmp_path)})
    with pytest.raises(UnknownName, match="nearest: pack"):
        sources("packs")
    with pytest.raises(UnknownName):
        sources(None)
    with pytest.raises(UsageError, match="needs a folder"):
        sources("folder")
