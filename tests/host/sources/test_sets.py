"""Competition sets by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.errors import UnknownName, UsageError
from swarm_host.sources.sets import competition_set, set_names


def test_the_sets_that_come_along_name_competitions_of_the_pack() -> None:
    assert set_names() == ["dev", "pack"]
    pack = competition_set("pack")
    assert set(competition_set("dev")) <= set(pack)
    assert competition_set("pack.txt") == competition_set("experiments/splits/pack.txt") == pack


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "splits/../dev", "", "dev\0", "devv"]
)
def test_a_path_is_no_set(name: str) -> None:
    with pytest.raises(UnknownName, match="dev, pack"):
        competition_set(name)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("# three\n\n churn\nhouse-price # twice\nchurn\n")
    assert competition_set("own", tmp_path) == ("churn", "house-price")
    (tmp_path / "own.txt").write_text("../x\n")
    with pytest.raises(UsageError, match="no name"):
        competition_set("own", tmp_path)
    (tmp_path / "own.txt").write_text("# none\n")
    with pytest.raises(UsageError, match="names no competition"):
        competition_set("own", tmp_path)
