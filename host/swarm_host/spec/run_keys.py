"""The keys of one run, as specification 000 names them, and those that a matrix lays over its agents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast, get_args

from swarm_host.records import BuildConfig, Mount, Network, Outputs, Resources, RunConfig, Secret
from swarm_host.spec import values
from swarm_host.spec.section import Section
from swarm_host.words.expand import Scope
from swarm_host.words.mistakes import each, raise_all, together
from swarm_host.words.yaml_lines import Field, kind, wrong

CLOUD_BACKENDS = frozenset({"modal", "daytona"})
BACKENDS = frozenset({"docker", "local"}) | CLOUD_BACKENDS
IMAGE_SOURCES = frozenset({"registry", "flatten"})
NETWORKS = frozenset(get_args(Network))
WORKSPACE = "/home/workspace"
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/v[0-9]+)?")
_MODES = {"ro": True, "rw": False}


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a matrix changes in the runs of its agents. None and empty: as the agent has it."""

    timeout: float | None
    backend: str
    network: Network | None
    resources: Resources
    mounts: tuple[Mount, ...]
    env: Mapping[str, str | Secret]
    allow_private: bool
    image_source: str | None

    def over(self, run: RunConfig) -> RunConfig:
        """The run with this laid over it: variables and mounts are added, limits replaced."""
        limits = _given(self.resources)
        changes: dict[str, Any] = {
            "backend": self.backend,
            "resources": replace(run.resources, **limits),
            "mounts": (*run.mounts, *self.mounts),
            "env": {**run.env, **self.env},
            "allow_private": self.allow_private or run.allow_private,
        }
        for key in ("timeout", "network", "image_source"):
            if getattr(self, key) is not None:
                changes[key] = getattr(self, key)
        return replace(run, **changes)


def _given(resources: Resources) -> dict[str, Any]:
    limits = {name: getattr(resources, name) for name in Resources.__slots__}
    return {name: value for name, value in limits.items() if value is not None}


def read_overlay(section: Section, scope: Scope) -> Overlay:
    """The keys that a run and a matrix share."""
    filled = partial(values.filled, scope=scope)
    network = section.take("network", filled(partial(values.choice, words=NETWORKS)), None)
    return Overlay(
        timeout=section.take("timeout", filled(values.seconds), None),
        backend=section.take("backend", filled(partial(values.choice, words=BACKENDS)), "docker"),
        network=cast("Network | None", network),
        resources=_resources(section.section("resources"), scope),
        mounts=section.take("mounts", partial(_mounts, scope=scope), ()),
        env=section.take("env", partial(values.variables, scope=scope), {}),
        allow_private=section.take("allow_private", values.flag, False),
        image_source=section.take(
            "image_source", partial(values.choice, words=IMAGE_SOURCES), None
        ),
    )


def read_run(section: Section, scope: Scope) -> RunConfig:
    """One run. It is of use only when the section has told of no problem."""
    shared = read_overlay(section, scope)
    workspace, inside = section.take("workspace", partial(_workspace, scope=scope), ("", WORKSPACE))
    build = read_build(section.section("build"), scope)
    run = RunConfig(
        agent_image=section.take("agent_image", partial(image, scope=scope), None),
        command=section.take("command", partial(values.words, scope=scope), ()),
        workspace=workspace,
        mounts=_with_workspace(shared, workspace, inside),
        env=shared.env,
        resources=shared.resources,
        build=build,
        outputs=read_outputs(section.section("outputs"), scope),
        mle_bench=section.take("mle_bench", values.flag, False),
    )
    _whole_run(section, shared.backend)
    return replace(shared, mounts=(), env={}).over(run)


def _whole_run(section: Section, backend: str) -> None:
    """What must be there, and what goes together."""
    section.need("workspace", "where stdout.log, stderr.log and the submission go")
    if backend == "local":
        section.need("command", "the local backend starts a program")
        for key in ("agent_image", "build"):
            section.refuse(key, "the local backend uses no image; backend: docker does")
    else:
        section.need("agent_image", "the image to start")
    if backend not in CLOUD_BACKENDS:
        section.refuse("image_source", f"is for cloud backends; this is {backend}")


def _with_workspace(shared: Overlay, workspace: str, inside: str) -> tuple[Mount, ...]:
    """A container sees the workspace. A process and a sandbox elsewhere have a folder of their own."""
    if shared.backend != "docker" or any(mount.target == inside for mount in shared.mounts):
        return shared.mounts
    return (Mount(workspace, inside, read_only=False), *shared.mounts)


def image(field: Field, scope: Scope) -> str:
    """A name of an image, as docker takes it."""
    found = values.expanded(field, scope)
    if not _IMAGE.fullmatch(found):
        raise wrong(field, f"{found!r} is no name of an image")
    return found


def _workspace(field: Field, scope: Scope) -> tuple[str, str]:
    """Host folder and where the container has it: `DIR`, `DIR:TARGET`, or {host, container}."""
    if isinstance(field.value, dict):
        problems: list[str] = []
        section = Section(field, problems)
        host = section.take("host", partial(values.path, scope=scope), "")
        inside = section.take("container", partial(values.target, scope=scope), WORKSPACE)
        section.need("host", "the folder on this machine")
        section.close()
        raise_all(problems)
        return host, inside
    # Read whole first: all its mistakes are told at once.
    folder = values.path(field, scope)
    *before, last = _cut(values.text(field))
    inside = values.expanded(replace(field, value=last, text=last), scope)
    if not before or not inside.startswith("/"):
        return folder, WORKSPACE
    pair = together(
        lambda: _path(field, ":".join(before), scope), lambda: values.target(field, scope, inside)
    )
    return pair[0], pair[1]


def _path(field: Field, text: str, scope: Scope) -> str:
    return values.path(replace(field, value=text, text=text), scope)


def _mounts(field: Field, scope: Scope) -> tuple[Mount, ...]:
    targets: set[str] = set()

    def mount_at(item: Field) -> Mount:
        mount = _mount(item, scope)
        if mount.target in targets:
            raise wrong(item, f"two mounts at {mount.target}")
        targets.add(mount.target)
        return mount

    return tuple(each(mount_at, values.items(field)))


def _mount(field: Field, scope: Scope) -> Mount:
    """`SOURCE:TARGET[:ro|rw]`, or {source, target, read_only}. Read-only unless it says otherwise."""
    if not isinstance(field.value, dict):
        return _short_mount(field, scope)
    problems: list[str] = []
    section = Section(field, problems)
    mount = Mount(
        source=section.take("source", partial(values.path, scope=scope), ""),
        target=section.take("target", partial(values.target, scope=scope), ""),
        read_only=section.take("read_only", values.flag, True),
    )
    section.need("source", "the folder on this machine")
    section.need("target", "where the container has it")
    section.close()
    raise_all(problems)
    return mount


def _short_mount(field: Field, scope: Scope) -> Mount:
    source, *rest = _cut(values.text(field))
    mode = rest[1] if len(rest) > 1 else "ro"
    if not source or len(rest) not in (1, 2) or mode not in _MODES:
        raise wrong(field, f"expected SOURCE:TARGET or SOURCE:TARGET:ro or :rw, got {kind(field)}")
    inside = replace(field, value=rest[0], text=rest[0])
    host, target = together(
        lambda: _path(field, source, scope),
        lambda: values.target(field, scope, values.expanded(inside, scope)),
    )
    return Mount(host, target, _MODES[mode])


def _cut(text: str) -> list[str]:
    """At the colons, but for those inside `${X:-default}`."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        if letter == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _resources(section: Section | None, scope: Scope) -> Resources:
    if section is None:
        return Resources()
    filled = partial(values.filled, scope=scope)
    found = Resources(
        cpus=section.take("cpus", filled(values.number), None),
        memory=section.take("memory", filled(values.size), None),
        gpus=section.take("gpus", filled(values.gpus), None),
        shm=section.take("shm", filled(values.size), None),
        disk=section.take("disk", filled(values.size), None),
        pids=section.take("pids", filled(values.whole), None),
    )
    section.close()
    return found


def read_outputs(section: Section | None, scope: Scope) -> Outputs:
    """Where a container leaves what is collected. An empty value: nothing of that kind."""
    if section is None:
        return Outputs()
    place = partial(values.target, scope=scope)
    found = Outputs(
        submission=section.take_null("submission", place, Outputs().submission),
        code=section.take_null("code", place, Outputs().code),
        logs=section.take_null("logs", place, Outputs().logs),
    )
    section.close()
    return found


def read_build(section: Section | None, scope: Scope) -> BuildConfig | None:
    """How an image is built. Relative paths start at the scope's base."""
    if section is None:
        return None
    if section.take("push", values.flag, False):
        section.refuse("push", "images are not pushed from here: `docker push` does it")
    found = BuildConfig(
        context=section.take("context", partial(values.path, scope=scope), scope.base),
        dockerfile=section.take("dockerfile", partial(_dockerfile, scope=scope), "Dockerfile"),
        tag=section.take("tag", partial(image, scope=scope), None),
        platform=section.take("platform", values.filled(_platform, scope), None),
        build_args=section.take("build_args", partial(values.variables, scope=scope), {}),
        pull=section.take("pull", values.flag, False),
        no_cache=section.take("no_cache", values.flag, False),
    )
    section.close()
    return found


def _dockerfile(field: Field, scope: Scope) -> str:
    """Relative to the context, or absolute."""
    relative = not values.text(field).startswith("~")
    return values.expanded(field, scope) if relative else values.path(field, scope)


def _platform(field: Field) -> str:
    found = values.text(field)
    if not _PLATFORM.fullmatch(found):
        raise wrong(field, f"expected a platform such as linux/amd64, got {kind(field)}")
    return found
