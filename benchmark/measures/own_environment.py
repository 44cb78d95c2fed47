"""Virtual environments of their own for what is compared with this agent: its packages never meet
ours.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from benchmark.errors import NotRunError
from benchmark.provenance import ROOT
from utils.files import sha256_file, write_atomic

_STAMP = "requirements.sha256"
_INSTALL_S = 1800.0


def environment(place: Path, requirements: str, what: str) -> Path:
    """The interpreter of a virtual environment; made in `place` where it is missing or of other pins.

    requirements: file in the folder of that name. what: is installed, for messages. Raises
    NotRunError when the packages are not to be had.
    """
    pins = ROOT / "requirements" / requirements
    python, stamp = place / "bin" / "python", place / _STAMP
    wanted = sha256_file(pins)
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(place, clear=True, with_pip=True)
    quietly = ["--quiet", "--disable-pip-version-check"]
    command = [str(python), "-m", "pip", "install", *quietly, "-r", str(pins)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_INSTALL_S
        )
    except subprocess.TimeoutExpired as error:
        raise NotRunError(
            f"{what} could not be installed: pip took over {_INSTALL_S:g} s"
        ) from error
    if done.returncode != 0:
        errors = (line for line in done.stderr.splitlines() if line.startswith("ERROR"))
        why = next(errors, "pip gave no reason")
        raise NotRunError(f"{what} could not be installed: {why}")
    write_atomic(stamp, wanted)
    return python


def usual_place(name: str) -> Path:
    """Outside of the checkout: packages bring files that a checkout must not hold."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Path.home() / ".cache" / "swarm-evo" / f"{name}-{version}"
