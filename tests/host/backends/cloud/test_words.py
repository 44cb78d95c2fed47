"""Names, frames, archives and problems: what is decided without any service."""

from __future__ import annotations

import dataclasses
import os
import tarfile
from pathlib import Path

import pytest
from swarm_host.backends.cloud import data, frames, image, inside, naming, preflight
from swarm_host.errors import SpecError, Transfer, Unhealthy, UsageError
from swarm_host.records import BuildConfig, Ending, Handle, Resources, Secret
from swarm_host.words import places

from tests.host.backends.cloud.units import a_mount, a_unit

# ---------------------------------------------------------------- names


def test_a_name_is_short_and_always_the_same(tmp_path: Path) -> None:
    short = a_unit(tmp_path, "true", "g1-u1")
    assert naming.sandbox_name(short, 2) == "g1-u1-2"
    long = a_unit(tmp_path, "true", "x" * 100)
    name = naming.sandbox_name(long, 1)
    assert len(name) <= 60
    assert name == naming.shortened(f"{long.unit_id}-1")
    assert name != naming.sandbox_name(long, 2)
    with pytest.raises(SpecError):
        naming.sandbox_name(a_unit(tmp_path, "true", "../x"), 1)


def test_a_handle_is_known_by_its_labels_alone(tmp_path: Path) -> None:
    unit = dataclasses.replace(a_unit(tmp_path, "true", "x1" * 100), group="g" * 100)
    labels = naming.labels(unit, 3, "/home/me/runs")
    assert max(map(len, labels.values())) <= 63
    assert naming.searched("g" * 100, None).items() <= labels.items()
    assert not naming.searched("g" * 99, None).items() <= labels.items()
    assert naming.handle("modal", "sb-1", labels) == Handle("modal", f"{unit.unit_id}-3", "sb-1")
    assert naming.handle("modal", "sb-1", {"a": "b"}) is None
    assert naming.searched(None, "/home/me/runs").items() <= labels.items()
    assert not naming.searched(None, "/other").items() <= labels.items()
    assert not any("/home/me" in value for value in labels.values())


def test_the_time_to_live_holds_everything(tmp_path: Path) -> None:
    run = a_unit(tmp_path, "true", timeout=43_200.5).run
    assert naming.ttl_s(run) >= 43_201 + naming.LATE_S + 60 + 3600


# ---------------------------------------------------------------- frames


def test_frames_are_read() -> None:
    assert frames.parse(b"o 12 aGk=\n") == frames.Frame("data", "stdout", 12, b"hi")
    assert frames.parse(b"e 0 aGk=") == frames.Frame("data", "stderr", 0, b"hi")
    assert [frames.parse(word).kind for word in (b"h", b"+", b".")] == ["alive", "on", "end"]


@pytest.mark.parametrize(
    "line", [b"", b"x", b"o 1", b"o x aGk=", b"o 1 aGk", b"sh: not found", b"o 1 a!=="]
)
def test_half_a_frame_is_broken(line: bytes) -> None:
    with pytest.raises(frames.Broken):
        frames.parse(line)


def test_a_frame_is_cut_to_what_is_new() -> None:
    frame = frames.Frame("data", "stdout", 10, b"abcdef")
    assert frames.new_part(frame, 10) == b"abcdef"
    assert frames.new_part(frame, 13) == b"def"
    assert frames.new_part(frame, 99) == b""
    with pytest.raises(frames.Broken):
        frames.new_part(frame, 9)


# ---------------------------------------------------------------- what the sandbox says


def test_standing_is_read() -> None:
    assert inside.parse_standing(b"running\n") is None
    assert inside.parse_standing(b"7 exit 10.5 12.0\n") == Ending(7, "exit", 10.5, 12.0)
    assert inside.parse_standing(b"- killed - -") == Ending(None, "killed", None, None)
    assert inside.parse_standing(b"137 oom 1 2") == Ending(137, "oom", 1.0, 2.0)
    with pytest.raises(Unhealthy, match="no user nonroot"):
        inside.parse_standing(b"failed the image has no user nonroot")
    with pytest.raises(Unhealthy):
        inside.parse_standing(b"absent\n")
    for said in (b"", b"sh: 1: tool: not found", b"0 daemon_lost 1 2"):
        with pytest.raises(Transfer):
            inside.parse_standing(said)


# ---------------------------------------------------------------- data


def test_an_archive_holds_files_and_folders_and_follows_no_link(tmp_path: Path) -> None:
    public = tmp_path / "toy" / "prepared" / "public"
    (public / "images").mkdir(parents=True)
    (public / "images" / "1.png").write_bytes(b"png")
    (public / "run.sh").write_text("x")
    (public / "run.sh").chmod(0o700)
    (public / "answers").symlink_to("../private/answers.csv")
    os.mkfifo(public / "pipe")
    os.link(public / "run.sh", public / "same.sh")
    mount = a_mount(public, Path("/data"))
    with data.archive(mount) as file, tarfile.open(fileobj=file, mode="r|") as packed:
        found = {member.name: member for member in packed.getmembers()}
    assert sorted(found) == ["answers", "images", "images/1.png", "run.sh", "same.sh"]
    assert found["answers"].issym()
    assert found["same.sh"].isreg()
    assert found["run.sh"].mode == 0o755
    assert found["images/1.png"].mode == 0o644
    assert {member.uid for member in found.values()} == {0}


def test_a_single_file_gets_the_name_of_its_target(tmp_path: Path) -> None:
    source = tmp_path / "config.json"
    source.write_text("{}")
    mount = a_mount(source, Path("/etc/agent/settings.json"), read_only=False)
    assert data.folder_of(mount) == "/etc/agent"
    with data.archive(mount) as file, tarfile.open(fileobj=file, mode="r|") as packed:
        (member,) = packed.getmembers()
    assert (member.name, member.mode) == ("settings.json", 0o666)


def test_a_mark_changes_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = data.mark(tmp_path)
    assert data.mark(tmp_path) == first
    (tmp_path / "b").write_text("")
    assert data.mark(tmp_path) != first
    nothing = a_mount(tmp_path / "none", Path("/x"))
    with pytest.raises(Transfer), data.archive(nothing) as file:
        assert file.read() == b""


def test_an_archive_that_nobody_reads_to_its_end_ends(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(5_000_000))
    with data.archive(a_mount(tmp_path, Path("/x"))) as file:
        assert len(file.read(1000)) == 1000


# ---------------------------------------------------------------- images and limits


@pytest.mark.parametrize(
    ("reference", "local"),
    [
        ("mlebench-env", True),
        ("swarm-evo:latest", True),
        ("localhost:5000/agent", True),
        ("127.0.0.1/agent", True),
        ("docker.io/library/python:3.11", False),
        ("me/agent", False),
        ("ghcr.io/me/agent@sha256:0", False),
    ],
)
def test_images_of_this_machine_only(reference: str, local: bool) -> None:
    assert image.local_only(reference) == local


def said(tmp_path: Path, environ: dict[str, str] | None = None, **run: object) -> str:
    problems = preflight.problems(a_unit(tmp_path, "true", **run).run, environ or {})
    return "\n".join(f"{one.what}; {one.cure}" for one in problems if one.refuses)


def test_preflight_says_what_stands_in_the_way(tmp_path: Path) -> None:
    assert said(tmp_path) == ""
    assert "docker.io/library/agent" in said(tmp_path, agent_image="agent")
    assert "no registry has it" in said(tmp_path, agent_image="mlebench-env:latest")
    assert "set agent_image" in said(tmp_path, agent_image=None)
    build = BuildConfig(str(tmp_path / "context"))
    assert "image_source: flatten" in said(tmp_path, build=build)
    assert "add a build block" in said(tmp_path, image_source="flatten")
    assert "cannot be read" in said(tmp_path, build=build, image_source="flatten")
    assert "command is missing" in said(tmp_path, command=())
    assert "not set: NOPE" in said(tmp_path, env={"X": Secret("NOPE")})
    assert "is not there" in said(tmp_path, mounts=(a_mount(tmp_path / "no", Path("/x")),))


def test_a_command_may_come_from_the_dockerfile(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM python:3.11\nCMD run\n")
    fields = {"build": BuildConfig(str(context)), "image_source": "flatten", "command": ()}
    assert said(tmp_path, **fields) == ""
    (context / "Dockerfile").write_text("FROM python:3.11\n")
    assert "command is missing" in said(tmp_path, **fields)


def test_credentials_and_libraries_are_told_by_name() -> None:
    (problem,) = preflight.credentials(("KEY_A", "KEY_B"), {"KEY_A": "secret-a"}, "somewhere")
    assert problem.what == "not set: KEY_B"
    assert "secret-a" not in problem.cure
    assert preflight.credentials(("KEY_A",), {"KEY_A": "x"}, "somewhere") == []
    (missing,) = preflight.library("a_library_that_is_not_there")
    assert missing.cure == places.install("requirements_cloud.txt")
    assert preflight.library("json") == []


def test_limits_that_are_not_kept_are_told(tmp_path: Path) -> None:
    limits = Resources(pids=100, shm=1, gpus="device=0")
    run = a_unit(tmp_path, "true", resources=limits, network="host").run
    found = image.limit_problems(run, ("pids", "shm", "disk"))
    assert [one.refuses for one in found] == [False, False, False, True]
    assert [image.gpu_count(gpus) for gpus in (None, "all", "2", "count=3")] == [0, 1, 2, 3]
    with pytest.raises(UsageError):
        image.gpu_count("device=0,1")
    assert [image.gib(size) for size in (None, 1, 1024**3, 1024**3 + 1)] == [None, 1, 1, 2]
