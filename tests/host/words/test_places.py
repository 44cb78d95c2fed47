"""Where things lie."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from swarm_host.words.places import DEMO, HOST, home, install, mle_bench_data, runs_folder


def test_a_user_without_the_variable_has_the_folder_that_a_shell_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert home({"HOME": "/home/ada"}) == Path("/home/ada")
    assert home({"HOME": ""}) == home({}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert not home({}).exists()


def test_the_folder_of_runs_is_the_one_that_is_named_first() -> None:
    assert runs_folder(Path("/a"), {"SWARM_HOST_RUNS": "/b"}) == Path("/a")
    assert runs_folder(None, {"SWARM_HOST_RUNS": "/b"}) == Path("/b")
    assert runs_folder(None, {"SWARM_HOST_RUNS": ""}) == Path("runs").absolute()


def test_requirements_are_named_by_a_path_that_works_where_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (HOST, HOST.parent, tmp_path):
        monkeypatch.chdir(folder)
        for file in ("requirements_cloud.txt", "requirements_engines.txt", "requirements_ray.txt"):
            named = install(file).removeprefix("pip install -r ").partition(",")[0]
            assert Path(named).samefile(HOST / file)
        assert Path(install(DEMO).removeprefix("pip install -r ")).samefile(DEMO)
    monkeypatch.chdir(HOST)
    assert install(DEMO) == "pip install -r ../requirements/demo.txt"
    assert install("requirements_engines.txt") == "pip install -r requirements_engines.txt"
    assert install("requirements_ray.txt").endswith("_ray.txt, in an environment of its own")


def test_a_variable_names_the_data_of_mle_bench() -> None:
    usual = mle_bench_data({"HOME": "/home/ada"})
    assert usual.is_relative_to("/home/ada")
    assert mle_bench_data({"HOME": "/home/ada", "MLEBENCH_DATA": ""}) == usual
    assert mle_bench_data({"HOME": "/home/ada", "MLEBENCH_DATA": "/data"}) == Path("/data")
