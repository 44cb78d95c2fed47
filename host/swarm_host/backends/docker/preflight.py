"""What stands in the way of a run, found before anything is started: facts are asked for, then judged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swarm_host.backends.docker import argv
from swarm_host.backends.docker.build import check_context, same_platform
from swarm_host.backends.docker.client import (
    DockerAnswer,
    DockerCommand,
    NoCommand,
    daemon_is_gone,
    last_words,
)
from swarm_host.backends.docker.ending import parse_image
from swarm_host.errors import Credentials, DaemonLost, Lost, UsageError
from swarm_host.records import BuildConfig, Problem, RunConfig, Secret
from swarm_host.words import mounts
from swarm_host.words.mle_bench import BASE_IMAGE
from swarm_host.words.redact import reveal

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


@dataclass(frozen=True, slots=True)
class DockerFacts:
    """What the docker command told about itself and its daemon."""

    # Why there is no daemon to speak of; then nothing else is known.
    fault: Problem | None = None
    # The answer of `docker info`.
    info: Mapping[str, Any] = field(default_factory=dict)
    # Names of the daemon's networks; None: not known.
    networks: frozenset[str] | None = None
    # The run's image; None: it is not there.
    image: argv.ImageFacts | None = None
    # The daemon is on another machine.
    elsewhere: bool = False
    # NVIDIA's hook is installed on this machine.
    gpu_hook: bool = False

    @property
    def platform(self) -> str:
        """The daemon's own, e.g. linux/amd64; less where it does not say so much."""
        machine = self.info.get("Architecture")
        system = str(self.info.get("OSType", "linux"))
        return f"{system}/{_ARCHITECTURES.get(machine, machine)}" if machine else system

    @property
    def has_no_bridge(self) -> bool:
        return self.networks is not None and "bridge" not in self.networks


def networks_of(client: DockerCommand, setup: argv.DockerSetup) -> frozenset[str] | None:
    """Names of the daemon's networks; None where they say nothing."""
    if setup.podman:
        return None
    answer = client.run(["network", "ls", "--format", "{{.Name}}"])
    return frozenset(answer.out.decode().split()) if answer.code == 0 else None


def gather(
    client: DockerCommand, setup: argv.DockerSetup, image_name: str, environ: Mapping[str, str]
) -> DockerFacts:
    """Asks the docker command. Raises nothing: what is missing is part of the answer."""
    try:
        answer = client.run(["info", "--format", "{{json .}}"])
        if answer.code != 0 or daemon_is_gone(answer.err):
            return DockerFacts(_no_answer(answer.err))
        image = client.run(["image", "inspect", image_name])
        networks = networks_of(client, setup)
        context = client.run(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
    except NoCommand as error:
        return DockerFacts(Problem(error.what, error.cure, not_here=True))
    except DaemonLost as error:
        # It says by itself that the daemon does not answer.
        return DockerFacts(Problem(str(error), _START, not_here=True))
    return DockerFacts(
        info=_object(answer.out),
        networks=networks,
        image=_image(image),
        elsewhere=is_elsewhere(context.out.decode(errors="replace")),
        gpu_hook=shutil.which("nvidia-container-runtime-hook", path=environ.get("PATH"))
        is not None,
    )


def _image(answer: DockerAnswer) -> argv.ImageFacts | None:
    try:
        return parse_image(answer.out) if answer.code == 0 else None
    except (Lost, ValueError):
        return None


def is_elsewhere(endpoint: str) -> bool:
    """Of a daemon's address. An empty one tells nothing: podman has no contexts."""
    scheme, _, rest = endpoint.strip().partition("://")
    if scheme == "tcp":
        name = rest.partition("/")[0].rpartition(":")[0] or rest
        return name not in ("localhost", "127.0.0.1", "[::1]")
    return scheme in ("ssh", "http", "https")


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_START = "start it (systemctl start docker, or Docker Desktop), or set DOCKER_HOST to the one meant"


def _no_answer(err: str) -> Problem:
    if "permission denied" in err.lower():
        cure = "add yourself to the group docker and log in again, or use sudo"
        return Problem("the docker daemon does not let you in", cure, not_here=True)
    what = f"the docker daemon does not answer: {last_words(err, 200)}"
    return Problem(what, _START, not_here=True)


def judge(
    run: RunConfig, facts: DockerFacts, setup: argv.DockerSetup, environ: Mapping[str, str]
) -> list[Problem]:
    """All problems of a run, refusals and warnings."""
    found = _spec_problems(run, environ)
    found += mounts.problems(run, environ, elsewhere=facts.elsewhere)
    if run.build is not None:
        found += _context_problems(run.build)
    if facts.fault is not None:
        return [facts.fault, *found]
    if run.build is None:
        found += _image_problems(run, facts)
    else:
        found += _build_problems(run.build, facts)
    found += _device_problems(run, facts, setup)
    found += _limit_problems(run, facts)
    return found + _network_problems(run, facts)


def _spec_problems(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    """What is wrong whatever the daemon is."""
    found = []
    if run.agent_image is None:
        cure = "set agent_image, or use the backend local"
        found.append(Problem("there is no image to start", cure))
    arguments = run.build.build_args if run.build is not None else {}
    for where, values in (("env", run.env), ("build_args", arguments)):
        try:
            argv.variables(reveal(values, environ))
        except UsageError as error:
            cure = f"correct {where}, or export what it names"
            found.append(Problem(str(error), cure, may_come=isinstance(error, Credentials)))
    secret = sorted(name for name, value in arguments.items() if isinstance(value, Secret))
    if secret:
        what = f"build arguments stay readable in the image's history: {', '.join(secret)}"
        cure = "do not give this image away, or hand the secret over at run time"
        found.append(Problem(what, cure, refuses=False))
    return found


def _image_problems(run: RunConfig, facts: DockerFacts) -> list[Problem]:
    if run.agent_image is None:
        return []
    if facts.image is None:
        what = f"there is no image {run.agent_image} here"
        return [Problem(what, _image_cure(run.agent_image), may_come=True)]
    found = []
    if not same_platform(facts.platform, facts.image.platform):
        what = f"{run.agent_image} is for {facts.image.platform}, the daemon for {facts.platform}"
        cure = f"build or pull it with --platform {facts.platform}; emulated programs are slow"
        found.append(Problem(what, cure, refuses=False))
    if not run.mle_bench and facts.image.entrypoint == argv.IMAGINED.entrypoint:
        what = (
            f"{run.agent_image} keeps the entrypoint of {BASE_IMAGE}, which never starts a command"
        )
        cure = "set mle_bench: true, or write ENTRYPOINT [] into its Dockerfile"
        found.append(Problem(what, cure, refuses=False))
    if run.mle_bench and not facts.image.entrypoint:
        what = f"{run.agent_image} has no entrypoint, so it is not made from {BASE_IMAGE}"
        cure = "no server for validation will run; set mle_bench: false to start it as it is"
        found.append(Problem(what, cure, refuses=False))
    return found


def _image_cure(image: str) -> str:
    if image.partition(":")[0] == BASE_IMAGE:
        return "build it from environment/Dockerfile of mle-bench; no registry has it"
    return f"docker pull {image}, or add a build block; runs themselves pull nothing"


def _context_problems(build: BuildConfig) -> list[Problem]:
    try:
        check_context(build)
    except UsageError as error:
        cure = "correct build.context or build.dockerfile"
        return [Problem(str(error), cure, may_come=True)]
    return []


def _build_problems(build: BuildConfig, facts: DockerFacts) -> list[Problem]:
    found = []
    if build.platform is not None and not same_platform(facts.platform, build.platform):
        what = f"the image is built for {build.platform}, the daemon is for {facts.platform}"
        cure = "its steps and the agent need emulation (qemu) there, and are slow"
        found.append(Problem(what, cure, refuses=False))
    return found


def _device_problems(run: RunConfig, facts: DockerFacts, setup: argv.DockerSetup) -> list[Problem]:
    found = []
    runtimes = facts.info.get("Runtimes") or {}
    devices = facts.gpu_hook or "nvidia" in runtimes or facts.info.get("DiscoveredDevices")
    if run.resources.gpus is not None and not devices:
        what = "gpus are asked for, and the daemon has no NVIDIA container toolkit"
        cure = "install it (nvidia-ctk runtime configure --runtime=docker), or leave out gpus"
        found.append(Problem(what, cure))
    if setup.runtime is not None and setup.runtime not in runtimes:
        what = f"the daemon has no runtime {setup.runtime}"
        cure = f"install it, or unset SWARM_HOST_RUNTIME; there are: {', '.join(sorted(runtimes))}"
        found.append(Problem(what, cure))
    return found


# Of `docker info`: whether the daemon can keep a limit, by the limit.
_CAN_KEEP = {"cpus": "CpuCfsQuota", "memory": "MemoryLimit", "pids": "PidsLimit"}


def _limit_problems(run: RunConfig, facts: DockerFacts) -> list[Problem]:
    found = []
    limits, info = run.resources, facts.info
    cores, memory = info.get("NCPU"), info.get("MemTotal")
    if limits.cpus is not None and cores and limits.cpus > cores:
        what = f"{limits.cpus:g} cpus are asked for, and the daemon has {cores}"
        found.append(Problem(what, "ask for fewer: docker would refuse it"))
    if limits.memory is not None and memory and limits.memory > memory:
        what = f"{limits.memory} bytes of memory are asked for, and the daemon has {memory}"
        cure = "the limit cannot be reached; the whole machine would run out first"
        found.append(Problem(what, cure, refuses=False))
    for name, key in _CAN_KEEP.items():
        if getattr(limits, name) is not None and info.get(key) is False:
            what = f"this daemon cannot keep the limit {name}"
            found.append(Problem(what, "enable the controller in the kernel", refuses=False))
    if limits.disk is not None:
        what = "docker does not keep a limit of disk"
        cure = "the free space of this machine is watched instead"
        found.append(Problem(what, cure, refuses=False))
    return found


def _network_problems(run: RunConfig, facts: DockerFacts) -> list[Problem]:
    found = []
    if run.network == "bridge" and facts.has_no_bridge:
        what = "the daemon has no network bridge: the container will have no network"
        cure = "set network: host, or none where the agent needs no network"
        found.append(Problem(what, cure, refuses=False))
    if run.network == "host" and run.mle_bench:
        what = "network: host shares port 5000 of this machine among all runs"
        cure = "run one unit at a time, or use bridge or none: each then has its own server"
        found.append(Problem(what, cure, refuses=False))
    return found
