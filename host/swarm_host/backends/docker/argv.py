"""Words of docker commands after `docker` itself, made from records. Pure.

No value of a container's variable is ever among them: a process list shows them to everybody.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from swarm_host.backends.docker.start import SCRIPT
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Mount, Resources, RunConfig, Secret, UnitSpec

PROJECT = "swarm-evo"
DURABLE = "durable"
# What docker itself keeps of an agent's output. Followers read it live; this bounds a disk.
_LOG_OPTIONS = ("--log-driver", "json-file", "--log-opt", "max-size=1g")
_LOG_FILES = ("--log-opt", "max-file=3")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that the docker command reads itself: a container's value must not become its own.
_CLIENTS_OWN = re.compile(
    r"(DOCKER|BUILDKIT|BUILDX|CONTAINERS?|REGISTRY|STORAGE|SSH|SSL|XDG|LD|OTEL|LC)_.*"
    r"|PATH|HOME|USER|LANG|TERM|TMPDIR|NO_COLOR|(https?|no|all|ftp)_proxy"
    r"|GODEBUG|GOTRACEBACK|GOGC|GOMAXPROCS|GOMEMLIMIT",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image says of itself; `platform` as docker spells it, e.g. linux/amd64."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    platform: str = ""


# For plans that are made where the image is not there yet: that of mle-bench, as far as it is known.
IMAGINED = ImageFacts(("/entrypoint.sh",), ("(the image's own command)",))


@dataclass(frozen=True, slots=True)
class DockerSetup:
    """What of this side goes into every command."""

    # The docker command and its own options.
    words: tuple[str, ...] = ("docker",)
    # Container runtime other than the daemon's default, e.g. sysbox-runc.
    runtime: str | None = None
    # Tells the containers of one runs folder from those of another on the same daemon.
    home: str | None = None

    @property
    def podman(self) -> bool:
        return Path(self.words[0]).name.startswith("podman")


@dataclass(frozen=True, slots=True)
class ContainerVariables:
    """How the variables of a container reach it without being seen in a process list."""

    # From the environment of the docker command: values of several lines too.
    by_environ: Mapping[str, str]
    # In a file that only we can read and that is removed after the create.
    by_file: Mapping[str, str]


def container_name(unit: UnitSpec, attempt: int) -> str:
    """Raises SpecError for a unit id that docker would not take."""
    name = f"{unit.unit_id}-{attempt}"
    if not _NAME.fullmatch(name):
        raise SpecError(f"a unit cannot be called {unit.unit_id!r}: letters, digits, - only")
    return name


def labels(unit: UnitSpec, attempt: int, home: str | None = None) -> dict[str, str]:
    """Labels of a unit's container, by which it is found again by whoever looks."""
    found = {
        f"{PROJECT}.project": PROJECT,
        f"{PROJECT}.group": unit.group,
        f"{PROJECT}.unit": unit.unit_id,
        f"{PROJECT}.attempt": str(attempt),
        f"{PROJECT}.folder": unit.folder,
        # Whether the start of start.py is in it, whose notes an agent cannot forge.
        f"{PROJECT}.start": DURABLE if unit.run.mle_bench else "plain",
    }
    if home is not None:
        found[f"{PROJECT}.home"] = home
    return found


def variables(values: Mapping[str, str]) -> ContainerVariables:
    """Raises SpecError for a name or a value that no container can have."""
    by_environ: dict[str, str] = {}
    by_file: dict[str, str] = {}
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name):
            raise SpecError(f"env: {name!r} is no name of a variable: letters, digits, _ only")
        if "\0" in value:
            raise SpecError(f"env: the value of {name} holds a NUL character")
        if not _CLIENTS_OWN.fullmatch(name):
            by_environ[name] = value
        elif "\n" in value or "\r" in value:
            raise SpecError(f"env: {name} is read by docker itself and cannot have several lines")
        else:
            by_file[name] = value
    return ContainerVariables(by_environ, by_file)


def secret_names(run: RunConfig) -> frozenset[str]:
    """Variables of the container whose values are secrets of this side."""
    return frozenset(name for name, value in run.env.items() if isinstance(value, Secret))


def build(config: BuildConfig, tag: str, *, host_network: bool = False) -> list[str]:
    """The build of an image. Secret build arguments stand by name: their values come from the
    environment of the command, like those of the agent's variables. In specification 000's order.
    """
    words = ["build"]
    if config.platform is not None:
        words += ["--platform", config.platform]
    words += ["--file", str(dockerfile(config)), "--tag", tag]
    words += ["--force-rm", "--pull" if config.pull else "--pull=false"]
    for name, value in config.build_args.items():
        if not _VARIABLE.fullmatch(name):
            raise SpecError(f"build_args: {name!r} is no name of a build argument")
        if isinstance(value, Secret) and _CLIENTS_OWN.fullmatch(name):
            raise SpecError(f"build_args: {name} is read by docker itself and cannot be a secret")
        words += ["--build-arg", name if isinstance(value, Secret) else f"{name}={value}"]
    if config.no_cache:
        words.append("--no-cache")
    if host_network:
        words += ["--network", "host"]
    return [*words, config.context]


def dockerfile(config: BuildConfig) -> Path:
    """docker itself would look for a relative path from the current folder, not from the context."""
    return Path(config.context) / config.dockerfile


def create(
    unit: UnitSpec,
    attempt: int,
    image: ImageFacts,
    setup: DockerSetup,
    *,
    names: Sequence[str] = (),
    env_file: str | None = None,
) -> list[str]:
    """The container of an attempt, created and not started.

    names: variables whose values the command finds in its environment. env_file: those that it does
    not. Raises SpecError when neither the run nor the image says what shall be run.
    """
    run = unit.run
    if run.agent_image is None:
        raise SpecError("agent_image is missing: the docker backend starts images")
    words = ["create", "--name", container_name(unit, attempt), "--pull", "never"]
    # The first process forwards signals: TERM then reaches an agent that is no init system.
    words += ["--init", "--stop-signal", "SIGTERM", *_LOG_OPTIONS]
    if not setup.podman:
        words += _LOG_FILES
    for name, value in labels(unit, attempt, setup.home).items():
        words += ["--label", f"{name}={value}"]
    words += ["--network", run.network]
    if setup.runtime is not None:
        words += ["--runtime", setup.runtime]
    if run.build is not None and run.build.platform is not None:
        words += ["--platform", run.build.platform]
    words += _limits(run.resources)
    for mount in run.mounts:
        words += ["--mount", _mount(mount)]
    for name in names:
        words += ["--env", name]
    if env_file is not None:
        words += ["--env-file", env_file]
    return words + _program(run, run.agent_image, image)


def _program(run: RunConfig, name: str, image: ImageFacts) -> list[str]:
    if not run.mle_bench:
        return [name, *run.command]
    command = run.command or image.command
    if not command:
        raise SpecError(
            f"command is missing, and {name} has none of its own; mle-bench's agents are started "
            "with: bash /home/agent/start.sh"
        )
    words = ["--entrypoint", "/bin/bash", name, "-c", SCRIPT, "swarm-start"]
    return [*words, str(len(image.entrypoint)), *image.entrypoint, *command]


def _limits(resources: Resources) -> list[str]:
    words: list[str] = []
    if resources.cpus is not None:
        words += ["--cpus", f"{resources.cpus:.3f}".rstrip("0").rstrip(".")]
    if resources.memory is not None:
        # Equal, so that no swap comes on top.
        words += ["--memory", str(resources.memory), "--memory-swap", str(resources.memory)]
    if resources.pids is not None:
        words += ["--pids-limit", str(resources.pids)]
    if resources.shm is not None:
        words += ["--shm-size", str(resources.shm)]
    if resources.gpus is not None:
        words += ["--gpus", _quoted_gpus(resources.gpus)]
    return words


def _quoted_gpus(gpus: str) -> str:
    """docker reads the value as a line of CSV: a list of devices must be one field of it."""
    lists = gpus.startswith("device=") and "," in gpus
    return f'"{gpus}"' if lists else gpus


def _mount(mount: Mount) -> str:
    """Not `-v`, which makes an empty folder where the source is missing."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    if mount.read_only:
        fields.append("readonly")
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()


def logs(container: str, *, follow: bool, since: str | None) -> list[str]:
    """Both streams of a container with the time of every line, from a time on (inclusive)."""
    words = ["logs", "--timestamps"]
    if follow:
        words.append("--follow")
    if since is not None:
        words += ["--since", since]
    return [*words, container]


def find(setup: DockerSetup, group: str | None) -> list[str]:
    """Containers of this project, one a line: id and name."""
    wanted = {f"{PROJECT}.project": PROJECT}
    if group is not None:
        wanted[f"{PROJECT}.group"] = group
    if setup.home is not None:
        wanted[f"{PROJECT}.home"] = setup.home
    words = ["ps", "--all", "--no-trunc"]
    for name, value in wanted.items():
        words += ["--filter", f"label={name}={value}"]
    return [*words, "--format", "{{.ID}} {{.Names}}"]
