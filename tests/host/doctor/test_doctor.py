"""What the doctor says of facts, and what it finds on a machine that a test lays out."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from swarm_host.doctor.facts import ask_docker, gather
from swarm_host.doctor.judge import (
    GIB,
    Cloud,
    Data,
    Docker,
    Facts,
    Finding,
    Installs,
    Kaggle,
    examine,
    is_well,
)

DAEMON = Docker(
    info={"ServerVersion": "28.1", "Architecture": "x86_64", "OSType": "linux", "Runtimes": {}},
    images=frozenset({"mlebench-env:latest"}),
)
GOOD = Facts(
    python=(3, 12, 1),
    graders={"python": ()},
    machine="x86_64",
    gpu=False,
    landlock=4,
    landlock_needed=2,
    runs="runs",
    runs_fault="",
    runs_free=100 * GIB,
    docker=DAEMON,
    images_free=100 * GIB,
    data=Data("pack", ("churn",), "data", True, ("a",), (), "mlebench", True, 3, 0),
    kaggle=Kaggle(old_file=True),
    clouds=(Cloud("daytona", (), True, True), Cloud("modal", ("MODAL_TOKEN_ID",), False, False)),
    agent_images={"x/y": "ghcr.io/x/y"},
    installs=Installs("pip host", "pip demo", "pip clouds"),
)


def of(what: str, facts: Facts, backend: str | None = None) -> Finding:
    (found,) = [one for one in examine(facts, backend) if one.what == what]
    return found


def with_info(**info: Any) -> Docker:
    return replace(DAEMON, info={**DAEMON.info, **info})


def test_a_good_machine_is_well() -> None:
    found = examine(GOOD)
    assert {one.level for one in found} == {"ok"}
    assert is_well(found)


@pytest.mark.parametrize(
    ("what", "level", "cure", "changes"),
    [
        ("python", "fail", "3.11", {"python": (3, 10, 9)}),
        ("graders", "warn", "SWARM_HOST_MLE_BENCH_PYTHON", {"graders": {"python": ("pandas",)}}),
        ("graders", "warn", "pip demo", {"graders": {"python": ("pandas",)}}),
        ("libraries", "fail", "pip host", {"lacks": ("PyYAML", "rich")}),
        ("libraries", "warn", "pip host", {"lacks": ("rich",)}),
        ("runs", "fail", "2 GiB", {"runs_free": GIB}),
        ("runs", "fail", "--runs", {"runs_fault": "it cannot be written"}),
        ("images", "warn", "30 GiB", {"images_free": 3 * GIB}),
        ("local", "warn", "docker", {"landlock": 1}),
        ("docker", "warn", "start it", {"docker": Docker(("it is silent", "start it"))}),
        ("platform", "warn", "linux/amd64", {"docker": with_info(Architecture="aarch64")}),
        ("gpu", "warn", "nvidia-ctk", {"gpu": True}),
        ("sysbox", "fail", "sysbox", {"docker": replace(DAEMON, runtime="sysbox-runc")}),
        ("base image", "warn", "docker build", {"docker": replace(DAEMON, images=frozenset())}),
        ("mle-bench data", "warn", "MLEBENCH_DATA or --source-root", {"data": Data("pack")}),
        ("mle-bench data", "warn", "prepare", {"data": replace(GOOD.data, without_answers=("a",))}),
        ("mle-bench", "warn", "SWARM_HOST_MLE_BENCH", {"data": replace(GOOD.data, is_checkout=False)}),
        ("leaderboards", "warn", "lfs pull", {"data": replace(GOOD.data, pointers=2)}),
        ("kaggle", "warn", "chmod 600", {"kaggle": Kaggle(old_file=True, open_file="k.json")}),
        ("kaggle", "warn", "legacy", {"kaggle": Kaggle(new_token=True)}),
        ("kaggle", "warn", "username", {"kaggle": Kaggle(broken_file=True)}),
        ("kaggle", "warn", "offline pack", {"kaggle": Kaggle()}),
        ("modal", "warn", "MODAL_TOKEN_SECRET", {"clouds": (Cloud("modal", ("MODAL_TOKEN_SECRET",), True, True),)}),
        ("modal", "warn", "pip clouds", {"clouds": (Cloud("modal", (), True, False),)}),
        ("image tags", "warn", "flatten", {"agent_images": {"swarm-evo": "swarm-evo"}}),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_and_its_cure(
    what: str, level: str, cure: str, changes: dict[str, Any]
) -> None:
    found = of(what, replace(GOOD, **changes))
    assert found.level == level
    assert cure in found.cure
    others = [one for one in examine(replace(GOOD, **changes)) if one.what != what]
    assert {one.level for one in others} <= {"ok"}


@pytest.mark.parametrize(
    "changes",
    [
        {"gpu": True, "docker": with_info(Runtimes={"nvidia": {}})},
        {"gpu": True, "docker": with_info(DiscoveredDevices=[{"Source": "cdi"}])},
        {"gpu": True, "docker": replace(DAEMON, gpu_hook=True)},
    ],
)
def test_the_toolkit_is_known_by_each_of_its_signs(changes: dict[str, Any]) -> None:
    assert of("gpu", replace(GOOD, **changes)).level == "ok"


def test_a_backend_that_is_asked_for_must_work() -> None:
    silent = replace(GOOD, docker=Docker(("it is silent", "start it")))
    assert is_well(examine(silent))
    assert not is_well(examine(silent, "docker"))
    assert is_well(examine(silent, "local"))
    assert is_well(examine(GOOD, "daytona"))
    assert not is_well(examine(GOOD, "modal"))
    # Without a box the local backend works, and says so.
    assert is_well(examine(replace(GOOD, landlock=0), "local"))


def test_images_matter_only_with_a_cloud() -> None:
    none = replace(GOOD, clouds=(), agent_images={"swarm-evo": "swarm-evo"})
    assert not [one for one in examine(none) if one.what == "image tags"]


# ---------------------------------------------------------------- facts of a machine


def gathered(tmp_path: Path, **environ: str) -> Facts:
    environ = {"PATH": str(tmp_path / "bin"), **environ}
    folders = [tmp_path / name for name in ("runs", "home", "pack", "data")]
    return gather(folders[0], environ, *folders[1:], {})


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_an_empty_machine_raises_nothing(tmp_path: Path) -> None:
    found = gathered(tmp_path)
    assert found.docker.fault is not None
    assert "no command docker" in found.docker.fault[0]
    assert (found.runs_fault, found.graders) == ("", {sys.executable: ()})
    assert found.runs_free > 0
    assert not found.data.mlebench_there
    assert found.kaggle == Kaggle()
    assert [cloud.begun for cloud in found.clouds] == [False, False]
    assert examine(found)


def test_data_and_leaderboards_are_looked_at(tmp_path: Path) -> None:
    for part in ("public", "private"):
        (tmp_path / "data" / "whole" / "prepared" / part).mkdir(parents=True)
    (tmp_path / "data" / "half" / "prepared" / "public").mkdir(parents=True)
    boards = tmp_path / "checkout" / "mlebench" / "competitions"
    write(boards / "whole" / "leaderboard.csv", "score\n0.5\n")
    write(boards / "half" / "leaderboard.csv", "version https://git-lfs.github.com/spec/v1\n")
    data = gathered(tmp_path, SWARM_HOST_MLE_BENCH=str(tmp_path / "checkout")).data
    assert (data.mlebench_ready, data.without_answers) == (("half", "whole"), ("half",))
    assert (data.is_checkout, data.leaderboards, data.pointers) == (True, 2, 1)


@pytest.mark.parametrize(
    ("file", "text", "mode", "expected"),
    [
        ("kaggle.json", '{"username": "u", "key": "k"}', 0o600, Kaggle(old_file=True)),
        ("kaggle.json", '{"token": "k"}', 0o600, Kaggle(broken_file=True)),
        ("kaggle.json", "[" * 100_000, 0o600, Kaggle(broken_file=True)),
        ("access_token", "x", 0o600, Kaggle(new_token=True)),
    ],
)
def test_forms_of_kaggles_credentials(
    tmp_path: Path, file: str, text: str, mode: int, expected: Kaggle
) -> None:
    write(tmp_path / "home" / ".kaggle" / file, text, mode)
    assert gathered(tmp_path).kaggle == expected


def test_credentials_that_others_may_read_are_told(tmp_path: Path) -> None:
    file = write(tmp_path / "k" / "kaggle.json", '{"username": "u", "key": "k"}', 0o644)
    found = gathered(tmp_path, KAGGLE_CONFIG_DIR=str(tmp_path / "k")).kaggle
    assert found.open_file == str(file)


def test_variables_are_known_by_name_only(tmp_path: Path) -> None:
    secret = "s3cret-value"
    found = gathered(tmp_path, KAGGLE_USERNAME="u", KAGGLE_KEY=secret, DAYTONA_API_KEY=secret)
    assert found.kaggle.old_variables
    assert [cloud.begun for cloud in found.clouds] == [True, False]
    assert secret not in repr(found) + repr(examine(found))


def test_a_client_that_knows_its_user_by_a_file_is_told_the_variables(tmp_path: Path) -> None:
    write(tmp_path / "home" / ".modal.toml", "[default]")
    (cloud,) = [one for one in gathered(tmp_path).clouds if one.name == "modal"]
    assert (cloud.begun, cloud.missing) == (True, ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"))


def test_a_folder_of_runs_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    write(tmp_path / "runs", "a file")
    assert "is no folder" in gathered(tmp_path).runs_fault


def test_an_interpreter_that_lacks_libraries_is_told(tmp_path: Path) -> None:
    bare = write(tmp_path / "bare", f"#!/bin/sh\nexec {sys.executable} -I -S \"$@\"\n", 0o755)  # fmt: skip
    found = gathered(tmp_path, SWARM_HOST_MLE_BENCH_PYTHON=str(bare)).graders
    assert found == {sys.executable: (), str(bare): ("numpy", "pandas", "sklearn")}
    absent = str(tmp_path / "absent")
    told = gathered(tmp_path, SWARM_HOST_MLE_BENCH_PYTHON=absent).graders[absent]
    assert "a way to start" in told[0]


def a_docker(tmp_path: Path, info: str, code: int = 0, err: str = "") -> dict[str, str]:
    script = f"""#!/bin/sh
case "$1" in
info) echo '{info}'; echo '{err}' >&2; exit {code} ;;
image) echo mlebench-env:latest; echo other:1 ;;
esac
"""
    write(tmp_path / "bin" / "docker", script, 0o755)
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def test_a_daemon_is_asked(tmp_path: Path) -> None:
    found = ask_docker(a_docker(tmp_path, json.dumps(dict(DAEMON.info))))
    assert found.fault is None
    assert found.info == DAEMON.info
    assert found.images == {"mlebench-env:latest", "other:1"}


@pytest.mark.parametrize(
    ("info", "code", "err", "cure"),
    [
        ("", 1, "Cannot connect to the Docker daemon", "start it"),
        ("", 1, "permission denied while trying to connect", "group docker"),
        # The command itself is well, and its daemon is not.
        ('{"ServerErrors": ["Cannot connect"]}', 0, "", "start it"),
        ("not json", 0, "", "start it"),
    ],
)
def test_a_daemon_that_does_not_answer(
    tmp_path: Path, info: str, code: int, err: str, cure: str
) -> None:
    found = ask_docker(a_docker(tmp_path, info, code, err))
    assert found.fault is not None
    assert cure in found.fault[1]
