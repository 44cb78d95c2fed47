"""What is missing on this machine, and its cure. Judges facts that facts.py gathers; pure.

`fail` stands for what keeps every run, or the backend that was asked for, from working. `warn` is
what some runs will miss. Values of credentials are no facts: only whether they are there, and in
which form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from swarm_host.backends.cloud.image import local_only
from swarm_host.words.mle_bench import BASE_IMAGE

Level = Literal["ok", "warn", "fail"]
GIB = 1024**3
# Images of mle-bench's base and of an agent on it; below the second number no unit starts.
WISHED_FREE, LEAST_FREE = 30 * GIB, 2 * GIB
OLDEST_PYTHON = (3, 11)
SYSBOX = "sysbox-runc"
_AMD64 = frozenset({"x86_64", "amd64"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    what: str
    level: Level
    says: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Docker:
    """The docker command and its daemon."""

    # Why nothing else is known, and the cure; None when the daemon answers.
    fault: tuple[str, str] | None = None
    # The answer of `docker info`.
    info: Mapping[str, Any] = field(default_factory=dict)
    # Local images as name:tag.
    images: frozenset[str] = frozenset()
    # NVIDIA's hook lies in PATH.
    gpu_hook: bool = False
    # Runtime that SWARM_HOST_RUNTIME asks for.
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """Folders of competitions."""

    # Of the pack, and names that are prepared in it.
    pack: str = ""
    pack_ready: tuple[str, ...] = ()
    # Of mle-bench, whether it is there, names with public data, and those of them without answers.
    mlebench: str = ""
    mlebench_there: bool = False
    mlebench_ready: tuple[str, ...] = ()
    without_answers: tuple[str, ...] = ()
    # Checkout of mle-bench: the variable's value, whether it is one, and its leaderboards.
    checkout: str | None = None
    is_checkout: bool = False
    leaderboards: int = 0
    # Of them: pointers of git-lfs instead of tables.
    pointers: int = 0


@dataclass(frozen=True, slots=True)
class Kaggle:
    """Forms of credentials that are there."""

    # `kaggle.json` with a user and a key, which mle-bench's client reads.
    old_file: bool = False
    # kaggle.json is there and is not of that form.
    broken_file: bool = False
    # Others than the user may read one of the files.
    open_file: str | None = None
    # KAGGLE_USERNAME and KAGGLE_KEY.
    old_variables: bool = False
    # The single token of newer clients, by file or variable.
    new_token: bool = False


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud backend."""

    name: str
    # Variables that it needs and that are not set; empty when all are.
    missing: tuple[str, ...]
    # At least one of them is set, or a file of its own client is there.
    begun: bool
    installed: bool


@dataclass(frozen=True, slots=True)
class Installs:
    """Commands that install files of requirements."""

    host: str
    graders: str
    clouds: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is judged."""

    # Of this program.
    python: tuple[int, ...]
    # Interpreter for graders to libraries that it lacks.
    graders: Mapping[str, tuple[str, ...]]
    # As the kernel says: x86_64, aarch64.
    machine: str
    # A GPU of NVIDIA is in this machine.
    gpu: bool
    # Version of the kernel's Landlock; 0 without.
    landlock: int
    # The least version that the box needs.
    landlock_needed: int
    # Folder of runs.
    runs: str
    # Why it cannot be written; "" when it can.
    runs_fault: str
    # Bytes.
    runs_free: int
    # The docker command and its daemon.
    docker: Docker
    # Free bytes where the daemon keeps images; None when that is not on this machine.
    images_free: int | None
    # Folders of competitions.
    data: Data
    # Forms of credentials.
    kaggle: Kaggle
    # Cloud backends.
    clouds: tuple[Cloud, ...]
    # Agent id to image, of agents that have one.
    agent_images: Mapping[str, str]
    # Commands that install what is missing, as a user types them here.
    installs: Installs
    # Packages of requirements.txt that this program does not find.
    lacks: tuple[str, ...] = ()


def examine(facts: Facts, backend: str | None = None) -> list[Finding]:
    """All findings. backend: what must work; None asks only for what every run needs."""
    found: list[Finding] = []
    for check in CHECKS:
        found += check(facts)
    return [_needed(one, backend) for one in found]


def _needed(finding: Finding, backend: str | None) -> Finding:
    """What has a cure is a failure of the backend that was asked for. `local` works without a box."""
    if finding.what != backend or not finding.cure or backend == "local":
        return finding
    return replace(finding, level="fail")


def is_well(findings: Iterable[Finding]) -> bool:
    return all(one.level != "fail" for one in findings)


# ---------------------------------------------------------------- this machine


def _python(facts: Facts) -> list[Finding]:
    shown = ".".join(map(str, facts.python))
    if facts.python[:2] < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return [Finding("python", "fail", f"this is Python {shown}", f"use {wanted} or newer")]
    found = [Finding("python", "ok", f"Python {shown}")]
    for python, lacks in facts.graders.items():
        if lacks:
            says = f"{python} lacks {', '.join(lacks)}, which graders need"
            cure = (
                f"{facts.installs.graders}; graders of mle-bench run by the Python that "
                "SWARM_HOST_MLE_BENCH_PYTHON names"
            )
            found.append(Finding("graders", "warn", says, cure))
        else:
            found.append(Finding("graders", "ok", f"graders run by {python}"))
    return found


def _libraries(facts: Facts) -> list[Finding]:
    if not facts.lacks:
        return [Finding("libraries", "ok", "what the host side needs is installed")]
    # Without rich, lines tell as much as a table.
    level: Level = "warn" if facts.lacks == ("rich",) else "fail"
    says = f"not installed: {', '.join(facts.lacks)}"
    return [Finding("libraries", level, says, facts.installs.host)]


def _disk(facts: Facts) -> list[Finding]:
    if facts.runs_fault:
        cure = "name another folder by --runs or SWARM_HOST_RUNS"
        return [Finding("runs", "fail", f"{facts.runs}: {facts.runs_fault}", cure)]
    found = [_space("runs", facts.runs, facts.runs_free, LEAST_FREE, "fail")]
    if facts.images_free is not None:
        folder = str(facts.docker.info.get("DockerRootDir"))
        found.append(_space("images", folder, facts.images_free, WISHED_FREE, "warn"))
    return found


def _space(what: str, folder: str, free: int, least: int, level: Level) -> Finding:
    says = f"{folder}: {free / GIB:.1f} GiB free"
    if free >= least:
        return Finding(what, "ok", says)
    return Finding(what, level, says, f"free up to {least // GIB} GiB, or use another disk")


def _box(facts: Facts) -> list[Finding]:
    if facts.landlock >= facts.landlock_needed:
        return [Finding("local", "ok", f"agents run in a box (Landlock {facts.landlock})")]
    says = f"the kernel has no Landlock {facts.landlock_needed}: agents could read the answers"
    cure = "trust the agent, or use the backend docker; results say isolation: none"
    return [Finding("local", "warn", says, cure)]


# ---------------------------------------------------------------- containers


def _docker(facts: Facts) -> list[Finding]:
    docker = facts.docker
    if docker.fault is not None:
        says, cure = docker.fault
        return [Finding("docker", "warn", says, f"{cure}; the backend local needs none")]
    version = docker.info.get("ServerVersion", "of unknown version")
    found = [Finding("docker", "ok", f"the daemon answers, {version}")]
    return found + _platform(facts) + _gpu(facts) + _sysbox(facts) + _base(facts)


def _platform(facts: Facts) -> list[Finding]:
    architecture = str(facts.docker.info.get("Architecture") or facts.machine)
    says = f"containers are {facts.docker.info.get('OSType', 'linux')} on {architecture}"
    if architecture in _AMD64:
        return [Finding("platform", "ok", says)]
    cure = "mle-bench's images are linux/amd64: build with platform: linux/amd64, which is emulated"
    return [Finding("platform", "warn", says, f"{cure} and slow")]


def _gpu(facts: Facts) -> list[Finding]:
    info = facts.docker.info
    devices = info.get("DiscoveredDevices") or "nvidia" in (info.get("Runtimes") or {})
    if facts.docker.gpu_hook or devices:
        return [Finding("gpu", "ok", "the NVIDIA container toolkit is there")]
    if not facts.gpu:
        return [Finding("gpu", "ok", "no GPU here: leave out resources.gpus")]
    says = "there is a GPU, and the daemon has no NVIDIA container toolkit"
    cure = "install it, then `nvidia-ctk runtime configure --runtime=docker` and restart docker"
    return [Finding("gpu", "warn", says, cure)]


def _sysbox(facts: Facts) -> list[Finding]:
    has = SYSBOX in (facts.docker.info.get("Runtimes") or {})
    if facts.docker.runtime == SYSBOX and not has:
        cure = "install sysbox, or unset SWARM_HOST_RUNTIME"
        return [Finding("sysbox", "fail", f"the daemon has no runtime {SYSBOX}", cure)]
    if has:
        return [Finding("sysbox", "ok", f"the runtime {SYSBOX} is there")]
    says = "no sysbox: agents that start containers themselves cannot"
    return [Finding("sysbox", "ok", f"{says}; swarm-evo starts none")]


def _base(facts: Facts) -> list[Finding]:
    if any(image.partition(":")[0] == BASE_IMAGE for image in facts.docker.images):
        return [Finding("base image", "ok", f"{BASE_IMAGE} is there")]
    says = f"there is no {BASE_IMAGE}, which agents of mle-bench are built on"
    cure = f"docker build --platform=linux/amd64 -t {BASE_IMAGE} -f environment/Dockerfile . in mle-bench"
    return [Finding("base image", "warn", says, cure)]


# ---------------------------------------------------------------- data


def _folders(facts: Facts) -> list[Finding]:
    data = facts.data
    says = f"{data.pack}: {len(data.pack_ready)} competitions of the offline pack are prepared"
    found = [Finding("pack", "ok", f"{says}, the others when they are asked for")]
    if not data.mlebench_there:
        cure = "name mle-bench's data folder by MLEBENCH_DATA or --source-root; the offline pack needs none"
        return [*found, Finding("mle-bench data", "warn", f"no folder {data.mlebench}", cure)]
    says = f"{data.mlebench}: {len(data.mlebench_ready)} competitions are prepared"
    if data.without_answers:
        says += f", without answers: {', '.join(data.without_answers[:5])}"
        cure = "`mlebench prepare -c NAME` makes both"
        return [*found, Finding("mle-bench data", "warn", says, cure)]
    return [*found, Finding("mle-bench data", "ok", says)]


def _checkout(facts: Facts) -> list[Finding]:
    data = facts.data
    if data.checkout is None:
        says = "SWARM_HOST_MLE_BENCH is not set: its agents are not listed"
        return [Finding("mle-bench", "ok", says)]
    if not data.is_checkout:
        cure = "set SWARM_HOST_MLE_BENCH to the folder that holds mlebench/ and agents/"
        return [Finding("mle-bench", "warn", f"{data.checkout} is no checkout of mle-bench", cure)]
    if data.pointers:
        says = f"{data.pointers} of {data.leaderboards} leaderboards are pointers of git-lfs"
        cure = f"git -C {data.checkout} lfs install && git -C {data.checkout} lfs pull"
        return [Finding("leaderboards", "warn", f"{says}, so there are no medals", cure)]
    return [Finding("leaderboards", "ok", f"{data.leaderboards} leaderboards are there")]


def _kaggle(facts: Facts) -> list[Finding]:
    kaggle = facts.kaggle
    form = '{"username": ..., "key": ...} in ~/.kaggle/kaggle.json'
    if kaggle.open_file is not None:
        says, cure = f"others may read {kaggle.open_file}", f"chmod 600 {kaggle.open_file}"
    elif kaggle.old_file or kaggle.old_variables:
        return [Finding("kaggle", "ok", "a user and a key, as mle-bench's client reads them")]
    elif kaggle.broken_file:
        says, cure = "kaggle.json has no user and key", f"mle-bench reads {form}"
    elif kaggle.new_token:
        says = "only the single API token, which the client that mle-bench pins (1.6) cannot read"
        cure = f"create a legacy key on kaggle.com: {form}"
    else:
        says = "no credentials: mle-bench cannot download competitions"
        cure = f"the offline pack needs none; for mle-bench put {form}"
    return [Finding("kaggle", "warn", says, cure)]


# ---------------------------------------------------------------- clouds


def _clouds(facts: Facts) -> list[Finding]:
    found: list[Finding] = []
    for cloud in facts.clouds:
        if not cloud.begun:
            cure = f"set {', '.join(cloud.missing)}"
            found.append(Finding(cloud.name, "ok", "not set up", cure))
        elif cloud.missing:
            cure = f"set {', '.join(cloud.missing)}"
            found.append(Finding(cloud.name, "warn", "only part of its variables is set", cure))
        elif not cloud.installed:
            says = "its library is not installed"
            found.append(Finding(cloud.name, "warn", says, facts.installs.clouds))
        else:
            found.append(Finding(cloud.name, "ok", "credentials and library are there"))
    if any(cloud.begun for cloud in facts.clouds):
        found += _local_tags(facts.agent_images)
    return found


def _local_tags(images: Mapping[str, str]) -> list[Finding]:
    """Agents that a cloud backend cannot pull."""
    local = sorted({image for image in images.values() if local_only(image)})
    if not local:
        return []
    says = f"no registry has {', '.join(local)}, so a cloud backend cannot pull"
    cure = "set image_source: flatten to build there, or push the image and name it in full"
    return [Finding("image tags", "warn", says, cure)]


CHECKS: Sequence[Callable[[Facts], list[Finding]]] = (
    _python,
    _libraries,
    _disk,
    _box,
    _docker,
    _folders,
    _checkout,
    _kaggle,
    _clouds,
)
