"""requirements_agent.txt, constraints_agent.txt and the guard of the base's versions."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "check_versions.py"
names_in = runpy.run_path(str(SCRIPT))["names_in"]

_LINE = re.compile(r"(?P<name>[a-z-]+)(?P<bound>(==|>=)[^ ;#]+)  # (?P<user>[^;]+)(; .+)?")
REQUIREMENTS = {
    match["name"]: match
    for line in (ROOT / "requirements_agent.txt").read_text().splitlines()
    if (match := _LINE.fullmatch(line))
}
CLEAN = "keeps pip check clean"
MUST_STAY = {"torch", "numpy", "pandas", "scikit-learn", "transformers", "sentence-transformers"}


# ---------------------------------------------------------------- the lists


def test_every_line_is_a_bounded_package_with_a_user() -> None:
    lines = (ROOT / "requirements_agent.txt").read_text().splitlines()
    assert len(REQUIREMENTS) == sum(bool(line) and not line.startswith("#") for line in lines)
    for name, match in REQUIREMENTS.items():
        assert match["bound"].startswith("==") or ",<" in match["bound"], (
            f"{name} has no upper bound"
        )


@pytest.mark.parametrize(
    "name", [name for name, match in REQUIREMENTS.items() if match["user"] != CLEAN]
)
def test_the_user_of_a_package_imports_it(name: str) -> None:
    text = (ROOT / REQUIREMENTS[name]["user"]).read_text()
    assert re.search(rf"^\s*(from|import) {name.replace('-', '_')}\b", text, re.MULTILINE)


def test_the_bases_packages_are_constrained_and_not_required() -> None:
    constrained = names_in((ROOT / "constraints_agent.txt").read_text())
    assert set(constrained) >= MUST_STAY
    assert constrained == sorted(set(constrained))
    assert not set(constrained) & REQUIREMENTS.keys()


def test_every_constraint_is_one_version() -> None:
    lines = (ROOT / "constraints_agent.txt").read_text().splitlines()
    assert all(line.startswith("#") or re.fullmatch(r"[a-z0-9-]+==[0-9.]+", line) for line in lines)


# ---------------------------------------------------------------- check_versions.py


def package(folder: Path, name: str, version: str, *requires: str) -> None:
    """An installed package as pip and importlib see it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    wants = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wants}"
    )
    (info / "RECORD").write_text("")


def check(place: Path, step: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The script for the packages in place/site, on top of this interpreter's own."""
    command = [
        sys.executable,
        *options,
        str(SCRIPT),
        step,
        str(place / "names.txt"),
        str(place / "state.json"),
    ]
    environ = {
        "PYTHONPATH": str(place / "site"),
        "HOME": str(place),
        "PIP_CONFIG_FILE": "/dev/null",
    }
    return subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Notes two packages of the base, one of which is broken already, and knows of one that is not
    there.
    """
    (tmp_path / "names.txt").write_text("# a comment\nswarm-heavy==1.0\nswarm-absent==2.0\n")
    package(tmp_path / "site", "swarm-heavy", "1.0")
    package(tmp_path / "site", "swarm-broken", "1.0", "swarm-heavy>=7", "swarm-nowhere")
    done = check(tmp_path, "record")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "must not move: swarm-heavy 1.0\n"
    return tmp_path


def test_nothing_moved(recorded: Path) -> None:
    package(recorded / "site", "swarm-light", "1.0", "swarm-heavy")
    done = check(recorded, "compare")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "unmoved: 1 packages; pip check found nothing new\n"


def test_a_package_that_moved_or_came_along_fails_the_build(recorded: Path) -> None:
    package(recorded / "site", "swarm-absent", "2.0")
    (recorded / "site" / "swarm_heavy-1.0.dist-info").rename(
        recorded / "site" / "swarm_heavy-1.1.dist-info"
    )
    metadata = recorded / "site" / "swarm_heavy-1.1.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 1.1"))
    done = check(recorded, "compare")
    assert done.returncode == 1
    changes = "moved: swarm-absent: not installed -> 2.0; moved: swarm-heavy: 1.0 -> 1.1"
    assert done.stderr == f"error: the installation changed the base: {changes}\n"


def test_a_newly_broken_dependency_fails_the_build_and_an_old_one_does_not(recorded: Path) -> None:
    package(recorded / "site", "swarm-new", "3.0", "swarm-heavy>=5")
    done = check(recorded, "compare")
    assert done.returncode == 1
    assert "broken: swarm-new 3.0 has requirement swarm-heavy>=5" in done.stderr
    assert "swarm-broken" not in done.stderr


def test_a_base_without_the_heavy_packages_is_told(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("numpy==1.26.4\n")
    done = check(tmp_path, "record", "-S")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: the base's environment lacks numpy, pandas, scikit-learn: "
    )


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = check(tmp_path, "record")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
