"""Asks this machine what judge.py judges. Reads and asks only; nothing is changed, nothing raised."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.execution.supervisor import LANDLOCK_MIN_ABI, landlock_abi
from swarm_host.backends.cloud import preflight as cloud
from swarm_host.backends.daytona import provider as daytona
from swarm_host.backends.modal import provider as modal
from swarm_host.doctor.judge import Cloud, Data, Docker, Facts, Installs, Kaggle
from swarm_host.words import libraries
from swarm_host.words.mle_bench import CHECKOUT, PYTHON
from swarm_host.words.places import DEMO, install

_ANSWER_S = 20.0
# What programs that grade import.
_GRADER_LIBRARIES = ("numpy", "pandas", "sklearn")
_POINTER = b"version https://git-lfs"
_CLOUDS: Mapping[str, tuple[str, ...]] = {
    "daytona": daytona.CREDENTIALS,
    "modal": modal.CREDENTIALS,
}
# Files by which the clients of clouds know their user, below the home folder. Our backends go by variables.
_CLOUD_FILES = {"modal": ".modal.toml"}


def gather(
    runs: Path,
    environ: Mapping[str, str],
    home: Path,
    pack: Path,
    mlebench: Path,
    agent_images: Mapping[str, str],
) -> Facts:
    """runs: folder of runs. pack, mlebench: folders of competitions. home: the user's folder."""
    docker = ask_docker(environ)
    graders = sorted({sys.executable, environ.get(PYTHON) or sys.executable})
    clouds = tuple(_cloud(name, environ, home) for name in _CLOUDS)
    return Facts(
        python=tuple(sys.version_info[:3]),
        graders={python: _lacks(python, environ) for python in graders},
        machine=platform.machine(),
        gpu=Path("/dev/nvidiactl").exists(),
        landlock=landlock_abi(),
        landlock_needed=LANDLOCK_MIN_ABI,
        runs=str(runs),
        runs_fault=_unwritable(runs),
        runs_free=_free(runs),
        docker=docker,
        images_free=_images_free(docker),
        data=_data(pack, mlebench, environ),
        kaggle=_kaggle(environ, home),
        clouds=clouds,
        agent_images=agent_images,
        installs=Installs(install("requirements.txt"), install(DEMO), install(cloud.REQUIREMENTS)),
        lacks=_not_installed(),
    )


# ---------------------------------------------------------------- programs


def _ask(words: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit status, output and complaints; -1 where the program cannot be started or hangs."""
    try:
        done = subprocess.run(
            words,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
        )
    except subprocess.TimeoutExpired:
        return -1, "", f"no answer within {_ANSWER_S:g} s"
    except OSError as error:
        return -1, "", f"{words[0]}: {error.strerror}"
    return done.returncode, done.stdout, done.stderr


def ask_docker(environ: Mapping[str, str]) -> Docker:
    """The daemon behind the docker command, or why there is none."""
    words = shlex.split(environ.get("SWARM_HOST_DOCKER", "")) or ["docker"]
    runtime = environ.get("SWARM_HOST_RUNTIME") or None
    if shutil.which(words[0], path=environ.get("PATH")) is None:
        cure = "install docker, or name another command in SWARM_HOST_DOCKER"
        return Docker((f"there is no command {words[0]}", cure), runtime=runtime)
    code, out, err = _ask([*words, "info", "--format", "{{json .}}"], environ)
    info = _object(out)
    if code != 0 or info.get("ServerErrors") or "ServerVersion" not in info:
        said = info.get("ServerErrors") or err.strip().splitlines()[-1:] or ["nothing"]
        fault = f"the docker daemon does not answer: {said[0]}"
        return Docker((fault, _cure(err)), runtime=runtime)
    _, images, _ = _ask([*words, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], environ)
    hook = shutil.which("nvidia-container-runtime-hook", path=environ.get("PATH"))
    return Docker(None, info, frozenset(images.split()), hook is not None, runtime)


def _cure(err: str) -> str:
    if "permission denied" in err.lower():
        return "add yourself to the group docker and log in again, or use sudo"
    return "start it (systemctl start docker, or Docker Desktop), or set DOCKER_HOST"


def _object(text: str | bytes) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lacks(python: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Libraries of graders that an interpreter does not find; its own fault in their place."""
    program = f"import importlib.util as u; print(*[n for n in {_GRADER_LIBRARIES!r} if not u.find_spec(n)])"
    code, out, err = _ask([python, "-c", program], environ)
    if code == 0:
        return tuple(out.split())
    return (f"a way to start ({err.strip()[-100:] or code})",)


def _not_installed() -> tuple[str, ...]:
    named = libraries.OWN.items()
    return tuple(package for name, package in named if importlib.util.find_spec(name) is None)


# ---------------------------------------------------------------- folders


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))


def _unwritable(folder: Path) -> str:
    place = _existing(folder)
    if not place.is_dir():
        return f"{place} is no folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written"


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(_existing(folder)).free
    except OSError:
        return 0


def _images_free(docker: Docker) -> int | None:
    folder = Path(str(docker.info.get("DockerRootDir") or ""))
    try:
        # A daemon on another machine names a folder of that machine.
        return _free(folder) if folder.is_absolute() and folder.exists() else None
    except OSError:
        return None


def _prepared(root: Path, part: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(path.parts[-3] for path in root.glob(f"*/prepared/{part}")))
    except OSError:
        return ()


def _data(pack: Path, mlebench: Path, environ: Mapping[str, str]) -> Data:
    checkout = environ.get(CHECKOUT) or None
    boards = _leaderboards(Path(checkout)) if checkout else []
    ready = _prepared(mlebench, "public")
    answers = set(_prepared(mlebench, "private"))
    return Data(
        pack=str(pack),
        pack_ready=_prepared(pack, "public"),
        mlebench=str(mlebench),
        mlebench_there=mlebench.is_dir(),
        mlebench_ready=ready,
        without_answers=tuple(name for name in ready if name not in answers),
        checkout=checkout,
        is_checkout=checkout is not None and (Path(checkout) / "mlebench").is_dir(),
        leaderboards=len(boards),
        pointers=sum(map(_is_pointer, boards)),
    )


def _leaderboards(checkout: Path) -> list[Path]:
    return sorted(checkout.glob("mlebench/competitions/*/leaderboard.csv"))


def _is_pointer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


# ---------------------------------------------------------------- credentials


def _kaggle(environ: Mapping[str, str], home: Path) -> Kaggle:
    folder = Path(environ.get("KAGGLE_CONFIG_DIR") or home / ".kaggle")
    file, token = folder / "kaggle.json", folder / "access_token"
    form = _object(_text(file))
    old = isinstance(form.get("username"), str) and isinstance(form.get("key"), str)
    readable = filter(_is_open, (file, token))
    by_variables = bool(environ.get("KAGGLE_USERNAME") and environ.get("KAGGLE_KEY"))
    return Kaggle(
        old_file=old,
        broken_file=file.exists() and not old,
        open_file=next(map(str, readable), None),
        old_variables=by_variables,
        new_token=token.exists() or bool(environ.get("KAGGLE_API_TOKEN")),
    )


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _cloud(name: str, environ: Mapping[str, str], home: Path) -> Cloud:
    wanted = _CLOUDS[name]
    missing = tuple(one for one in wanted if not environ.get(one))
    file = _CLOUD_FILES.get(name)
    has_file = file is not None and (home / file).is_file()
    return Cloud(
        name=name,
        missing=missing,
        begun=has_file or len(missing) < len(wanted),
        installed=importlib.util.find_spec(name) is not None,
    )
