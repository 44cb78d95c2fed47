"""One image is built once for all units of a scope, whoever comes first, and its end is everybody's."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import pytest
from swarm_host.errors import BuildFailed, DaemonLost
from swarm_host.life.builds import Builds
from swarm_host.protocols import Sink
from swarm_host.records import BuildConfig

BUILD = BuildConfig(context=".")


class Builder:
    """A backend that builds alone, and what it was asked for."""

    def __init__(self, name: str = "fake", act: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.act = act
        self.built: list[tuple[BuildConfig, str]] = []

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        self.built.append((build, tag))
        self.act()


class Said:
    def __init__(self) -> None:
        self.text = b""

    def write(self, stream: str, data: bytes, mark: str | None = None) -> None:
        assert stream == "build"
        self.text += data

    def mark(self, stream: str) -> None:
        return None


def build(
    builds: Builds, builder: Builder, tag: str = "a", scope: str = "g/1", **changes: object
) -> bytes:
    said, config = Said(), dataclasses.replace(BUILD, **changes)  # type: ignore[arg-type]
    builds.build(builder, config, tag, said, scope)  # type: ignore[arg-type]
    return said.text


def test_later_units_of_a_scope_are_told_that_it_was_built() -> None:
    builds, builder = Builds(), Builder()
    assert build(builds, builder) == b""
    assert build(builds, builder) == b"a was built for another unit of this run\n"
    assert builder.built == [(BUILD, "a")]


@pytest.mark.parametrize(
    "other",
    [
        {"tag": "b"},
        {"scope": "g/2"},
        {"build_args": {"BASE": "x"}},
        {"no_cache": True},
        {"dockerfile": "Other"},
    ],
    ids=str,
)
def test_what_differs_is_another_image(other: dict[str, object]) -> None:
    builds, builder = Builds(), Builder()
    build(builds, builder)
    build(builds, builder, **other)  # type: ignore[arg-type]
    assert len(builder.built) == 2


def test_each_backend_builds_its_own() -> None:
    builds, here, there = Builds(), Builder("docker"), Builder("modal")
    build(builds, here)
    build(builds, there)
    assert (len(here.built), len(there.built)) == (1, 1)


def fails(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_build_that_failed_is_not_tried_for_the_other_units() -> None:
    builds, builder = Builds(), Builder(act=fails(BuildFailed("line 3 of D", 17)))
    for _ in range(3):
        with pytest.raises(BuildFailed, match="line 3 of D") as error:
            build(builds, builder)
        assert error.value.exit_code == 17
    assert len(builder.built) == 1
    # A user who asks again has changed something.
    builder.act = lambda: None
    build(builds, builder, scope="g/2")
    assert len(builder.built) == 2


@pytest.mark.parametrize("error", [DaemonLost("gone"), OSError("pipe"), KeyboardInterrupt()])
def test_a_build_that_the_infrastructure_ended_is_tried_by_the_next_unit(
    error: BaseException,
) -> None:
    builds, builder = Builds(), Builder(act=fails(error))
    with pytest.raises(type(error)):
        build(builds, builder)
    builder.act = lambda: None
    assert build(builds, builder) == b""
    assert len(builder.built) == 2


def test_units_side_by_side_wait_for_one_build_and_other_images_do_not() -> None:
    began, go = threading.Event(), threading.Event()

    def act() -> None:
        began.set()
        assert go.wait(60)

    builds, builder, other = Builds(), Builder(act=act), Builder()
    said: list[bytes] = []
    both = [threading.Thread(target=lambda: said.append(build(builds, builder))) for _ in range(2)]
    for thread in both:
        thread.start()
    assert began.wait(60)
    build(builds, other, tag="b")
    assert (said, len(builder.built), len(other.built)) == ([], 1, 1)
    go.set()
    for thread in both:
        thread.join(60)
    assert sorted(said) == [b"", b"a was built for another unit of this run\n"]
    assert len(builder.built) == 1
