"""Where data lie on this machine. Mounts that show answers are found by these places, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from swarm_host.words.places import home, mle_bench_data, pack_data


def test_the_pack_lies_in_the_users_cache_or_where_the_variable_says() -> None:
    environ = {"HOME": "/home/a"}
    assert pack_data(environ) == Path("/home/a/.cache/swarm-evo/competitions")
    assert pack_data(environ | {"SWARM_HOST_DATA": "/data"}) == Path("/data")
    assert pack_data(environ | {"SWARM_HOST_DATA": ""}) == pack_data(environ)


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("linux", "/home/a/.cache/mle-bench/data"),
        ("darwin", "/home/a/Library/Caches/mle-bench/data"),
    ],
)
def test_mle_benchs_data_lie_where_it_puts_them(
    monkeypatch: pytest.MonkeyPatch, platform: str, place: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert mle_bench_data({"HOME": "/home/a"}) == Path(place)


# "" would be the folder that the command stands in.
@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_a_home_no_folder_is_taken_for_it(environ: dict[str, str]) -> None:
    assert not home(environ).exists()
    assert pack_data(environ).is_absolute()
    assert mle_bench_data(environ).is_absolute()
