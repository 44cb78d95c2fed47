"""The command of specification 000 on both services, with their genuine libraries, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("modal", reason="see host/requirements_cloud.txt")
pytest.importorskip("daytona", reason="see host/requirements_cloud.txt")

from tests.host.backends.cloud.life import SECRET  # noqa: E402
from tests.host.cloud import daytona_server, modal_server  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
SPEC = """\
backend: {service}
agent_image: registry.example/agent:1
command: [sh, -c, "cd {place}; cat data/train.csv; echo $$KEY >&2; mkdir out; echo 0.5 >out/submission.csv;
  exit {code}"]
workspace: {folder}/workspace
mle_bench: false
mounts:
  - {folder}/public:{place}/data:ro
env:
  KEY: ${{{{ secrets.API_KEY }}}}
outputs:
  submission: {place}/out
  code:
  logs:
timeout: 5m
"""


@pytest.fixture(params=["modal", "daytona"])
def service(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    """Its name and the variables that lead to it."""
    with ExitStack() as opened:
        if request.param == "modal":
            modal = opened.enter_context(modal_server.modal_on_loopback())
            environ = {
                "MODAL_SERVER_URL": modal.url,
                "MODAL_TOKEN_ID": modal_server.TOKEN_ID,
                "MODAL_TOKEN_SECRET": modal_server.TOKEN_SECRET,
            }
        else:
            daytona = opened.enter_context(daytona_server.daytona_on_loopback())
            environ = {
                "DAYTONA_API_URL": daytona.url,
                "DAYTONA_API_KEY": daytona_server.API_KEY,
            }
        yield request.param, environ


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_of_one_file(service: tuple[str, dict[str, str]], tmp_path: Path, code: int) -> None:
    name, environ = service
    place = tmp_path / "sandbox"
    for folder in (place, tmp_path / "public", tmp_path / "workspace"):
        folder.mkdir()
    (tmp_path / "public" / "train.csv").write_text("a,b\n")
    spec = tmp_path / "run.yaml"
    spec.write_text(SPEC.format(service=name, folder=tmp_path, place=place, code=code))
    done = subprocess.run(
        [sys.executable, str(ROOT / "host" / "orchestrator" / "run.py"), "--config", str(spec)],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "API_KEY": SECRET,
            "SWARM_HOST_PLACE": str(tmp_path / "place"),
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == (1 if code else 0), done.stdout + done.stderr
    workspace = tmp_path / "workspace"
    assert (workspace / "stdout.log").read_text() == "a,b\n"
    assert (workspace / "stderr.log").read_text() == "[redacted]\n"
    assert (workspace / "submission" / "submission.csv").read_text() == "0.5\n"
    assert SECRET not in done.stdout + done.stderr
    for path in [*(tmp_path / "runs").rglob("*"), *workspace.rglob("*")]:
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
