"""The rules of the image as far as the text of the Dockerfile and .dockerignore decides them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.house.source import files, modules
from tests.image.context import DOCKERFILE, all_of, instructions, is_sent, place_of, sent

FOLDERS = {
    f"{name.upper()}_DIR": f"/home/{name}" for name in ("submission", "logs", "code", "agent")
}
PRODUCT = {
    "agents",
    "benchmark",
    "config",
    "core",
    "utils",
    "main.py",
    "run_mle_adapter.py",
    "start.sh",
    "config.yaml",
}


# ---------------------------------------------------------------- instructions


def test_the_base_and_no_other_stage() -> None:
    assert instructions()[0] == ("FROM", "mlebench-env")
    assert len(all_of("FROM")) == 1


def test_the_classic_builder_understands_it() -> None:
    assert "# syntax=" not in DOCKERFILE.read_text().lower()
    for word, rest in instructions():
        assert word in {"FROM", "ARG", "ENV", "RUN", "COPY"}, (
            f"{word} is another user's, entrypoint or builder"
        )
        assert "<<" not in rest, f"{word} {rest}"
        assert not rest.startswith("--"), f"{word} {rest}"


def test_build_arguments() -> None:
    arguments = dict(argument.partition("=")[::2] for argument in all_of("ARG"))
    assert arguments.items() >= FOLDERS.items()
    assert arguments["EMBEDDING_MODEL"] == "BAAI/bge-m3"
    assert "HF_ENDPOINT" in all_of("ARG"), "an address of a mirror is the builder's business"
    (environ,) = [rest for rest in all_of("ENV") if "SUBMISSION_DIR" in rest]
    assert all(f"{name}=${{{name}}}" in environ for name in FOLDERS)


def test_the_four_folders_are_made() -> None:
    made = all_of("RUN")[0]
    assert made.startswith("mkdir -p")
    assert all(f'"${{{name}}}"' in made for name in FOLDERS)


def test_layers_come_in_the_order_of_how_often_they_change() -> None:
    places = [
        place_of("COPY", "requirements_agent.txt"),
        place_of("RUN", "pip install"),
        place_of("RUN", "apt-get install"),
        place_of("COPY", "download_model.py"),
        place_of("RUN", "download_model.py"),
        place_of("COPY", ". /opt/swarm-evo"),
        place_of("RUN", 'ln -s "$entry" "${AGENT_DIR}/"'),
    ]
    assert places == sorted(places)
    assert places[-1] == len(instructions()) - 1, (
        "a step behind the code would run after each change of it"
    )


def test_model_and_code_lie_outside_of_what_the_base_sweeps() -> None:
    """Its entrypoint starts a chmod per file below /home, and each file is copied up."""
    targets = [rest.split()[-1] for rest in all_of("COPY")]
    kept = [target for target in targets if not target.startswith("/opt/")]
    assert kept == [f"${{AGENT_DIR}}/{name}" for name in (
        "requirements.txt", "constraints_agent.txt", "scripts/check_versions.py", "scripts/download_model.py",
    )]  # fmt: skip


def test_nothing_is_kept_that_only_the_build_needs() -> None:
    for command in all_of("RUN"):
        if "pip install" in command:
            assert "--no-cache-dir" in command
            assert "-c constraints_agent.txt" in command
        if "apt-get" in command:
            assert "rm -rf /var/lib/apt/lists/*" in command
            assert "--no-install-recommends" in command
        if "download_model.py" in command:
            assert "HF_HOME=/tmp/hub" in command
            assert "rm -rf /tmp/hub" in command


def test_versions_are_noted_before_and_compared_after_in_one_step() -> None:
    (command,) = [command for command in all_of("RUN") if "pip install" in command]
    parts = [
        command.index(word)
        for word in ("check_versions.py record", "pip install", "check_versions.py compare")
    ]
    assert parts == sorted(parts)
    assert ";" not in command, "a failure must end the build"


def test_modes_are_changed_in_the_layer_that_makes_the_files_only() -> None:
    """Else the layer holds them twice. The model lies outside of /home, where the base changes all
    modes.
    """
    changing = [command for command in all_of("RUN") if re.search(r"\b(chmod|chown)\b", command)]
    assert len(changing) == 1
    assert "download_model.py" in changing[0]
    assert "find /opt/models -mindepth 1 -exec chmod 555 {} +" in changing[0]
    assert 'ln -sfn /opt/models "${AGENT_DIR}/embedding-models"' in changing[0]
    assert "MODEL_SAVE_PATH=/opt/models/bge-m3" in all_of("ENV")


@pytest.mark.parametrize("command", all_of("RUN"), ids=lambda command: command.split()[0])
def test_commands_are_well_formed(command: str) -> None:
    assert subprocess.run(["sh", "-n", "-c", command], capture_output=True).returncode == 0


# ---------------------------------------------------------------- system packages, run with tools of the test's own


def install(place: Path, installed: str, apt: str) -> tuple[int, str, list[str]]:
    """The step on a base with some packages; apt: what its apt-get does. Exit status, stderr, calls
    of apt-get.
    """
    (command,) = [command for command in all_of("RUN") if "apt-get" in command]
    tools = {
        "dpkg-query": f'for last; do :; done; case " {installed} " in *" $last "*) echo "install ok installed" ;; esac',
        "apt-get": f'echo "$@" >>"{place}/calls"; {apt}',
    }
    for name, body in tools.items():
        (place / name).write_text(f"#!/bin/sh\n{body}\n")
        (place / name).chmod(0o755)
    command = command.replace("/var/lib/apt/lists", str(place / "lists"))
    environ = {"PATH": f"{place}:{os.environ['PATH']}", "SYSTEM_PACKAGES": "ffmpeg libsm6 libxext6"}
    done = subprocess.run(["sh", "-c", command], env=environ, capture_output=True, text=True)
    calls = place / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def test_a_base_that_has_the_packages_needs_no_network(tmp_path: Path) -> None:
    assert install(tmp_path, "ffmpeg libsm6 libxext6", "exit 100") == (0, "", [])


def test_what_the_base_lacks_is_installed_and_the_lists_go(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "some.list").write_text("x")
    code, _, calls = install(tmp_path, "libsm6 libxext6", "exit 0")
    assert code == 0
    assert calls == ["update", "install -y --no-install-recommends ffmpeg"]
    assert list((tmp_path / "lists").iterdir()) == []


@pytest.mark.parametrize("apt", ["exit 100", '[ "$1" = update ]'])
def test_a_base_without_network_is_told_what_is_missing(tmp_path: Path, apt: str) -> None:
    code, stderr, _ = install(tmp_path, "ffmpeg", apt)
    assert code == 1
    assert stderr.startswith("error: the base lacks libsm6 libxext6 and apt cannot install it")
    assert "--build-arg SYSTEM_PACKAGES=" in stderr


# ---------------------------------------------------------------- the context


def test_what_the_dockerfile_copies_is_there_and_sent() -> None:
    sources = [source for rest in all_of("COPY") for source in rest.split()[:-1] if source != "."]
    assert len(sources) >= 4
    assert set(sources) <= sent()


def test_the_image_gets_all_of_the_product() -> None:
    wanted = {path.as_posix() for path in modules().values()} | {
        "start.sh",
        "config.yaml",
        "scripts/download_model.py",
    }
    wanted |= {
        path.as_posix()
        for path in files()
        if path.parts[0] in ("agents", "core", "utils", "config")
    }
    assert wanted - sent() == set()


def test_the_image_gets_nothing_else() -> None:
    tops = {name.split("/")[0] for name in sent()}
    assert tops == PRODUCT | {"scripts", "requirements_agent.txt", "constraints_agent.txt"}
    assert {name for name in sent() if name.startswith("scripts/")} == {
        "scripts/check_versions.py",
        "scripts/download_model.py",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".env", False),
        ("core/.env", False),
        ("core/__pycache__/x.pyc", False),
        ("a/b/c.pyc", False),
        ("embedding-models/bge-m3/model.safetensors", False),
        ("logs/run.json", False),
        ("core/logs.py", True),
        (".git/config", False),
        ("requirements/dev.txt", False),
        ("requirements_agent.txt", True),
        ("scripts/run_demo.sh", False),
    ],
)
def test_rules_of_the_context(name: str, expected: bool) -> None:
    assert is_sent(Path(name)) == expected
