"""Run groups of ours, read and graded by the programs of a genuine mle-bench; scripts/test_mlebench.sh runs this.

The checkout is SWARM_HOST_MLE_BENCH, its libraries those of SWARM_HOST_MLE_BENCH_PYTHON or of this interpreter. A
copy of it gets made-up leaderboards, and nothing else is changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from swarm_host.grading.workers import GradingWorkers
from swarm_host.groups.run_folder import REPORT_KEYS
from swarm_host.sources.mlebench import MleBenchSource

from tests.host.backends.docker.daemon import docker, docker_is_ready, has_image
from tests.host.commands.lines import of
from tests.host.hostile import hostile
from tests.host.mle_bench.made_up import all_of_them, table, write_data, write_leaderboard

ROOT = Path(__file__).resolve().parents[3]
CHECKOUT = os.environ.get("SWARM_HOST_MLE_BENCH")
PYTHON = os.environ.get("SWARM_HOST_MLE_BENCH_PYTHON") or sys.executable
MADE_UP = all_of_them()
NAMES = [one.name for one in MADE_UP]
# Which differ between two reports on the same file.
OWN_TO_A_REPORT = ("created_at", "submission_path")
IMAGE = "swarm-host-dummy"
# `mlebench grade`, as specification 000 has it; the program is a module where it is not installed.
(GRADE,) = of("mlebench")


@dataclass(frozen=True)
class Bench:
    """A checkout of mle-bench with its made-up data."""

    checkout: Path
    data: Path

    def run(self, *words: object, cwd: Path) -> str:
        """What a Python program of the checkout prints. cwd: mle-bench writes a cache there."""
        done = subprocess.run(
            [PYTHON, *map(str, words)],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self.checkout), "HOME": str(cwd)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def grading_report(self, group: Path, folder: Path) -> dict[str, Any]:
        """As a user of mle-bench grades a run group: make_submission.py, then `mlebench grade`."""
        lines, reports = folder / "submission.jsonl", folder / "reports"
        script = self.checkout / "experiments" / "make_submission.py"
        self.run(script, "--metadata", group / "metadata.json", "--output", lines, cwd=folder)
        words = ("--submission", lines, "--output-dir", reports, "--data-dir", self.data)
        _, verb = GRADE.split()
        self.run("-m", "mlebench.cli", verb, *words, cwd=folder)
        (report,) = reports.glob("*_grading_report.json")
        found: dict[str, Any] = json.loads(report.read_text())
        return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    if not CHECKOUT:
        pytest.skip("NOT RUN: SWARM_HOST_MLE_BENCH names no checkout of mle-bench")
    place = tmp_path_factory.mktemp("bench")
    unwanted = shutil.ignore_patterns(".git", "runs", "cache", "__pycache__", ".venv")
    shutil.copytree(CHECKOUT, place / "mle-bench", ignore=unwanted)
    for one in MADE_UP:
        write_data(one, place / "data")
        write_leaderboard(one, place / "mle-bench")
    # The user in a container is another one.
    for folder in (place, place.parent):
        folder.chmod(0o755)
    return Bench(place / "mle-bench", place / "data")


def sweep(bench: Bench, folder: Path, text: str, **variables: str) -> list[dict[str, Any]]:
    """Runs a specification file by the orchestrator's own command; returns its units."""
    (folder / "run.yaml").write_text(text)
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "SWARM_HOST_MLE_BENCH": str(bench.checkout),
        "SWARM_HOST_MLE_BENCH_PYTHON": PYTHON,
        **variables,
    }
    done = subprocess.run(
        [sys.executable, ROOT / "host/orchestrator/run.py", "--config", "run.yaml", "--json"],
        cwd=folder,
        env=told,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    units: list[dict[str, Any]] = json.loads(done.stdout)["units"]
    return units


def matrix(bench: Bench, agents: str, seeds: int, more: str) -> str:
    return (
        f"matrix: {{agents: [{agents}], competitions: [{', '.join(NAMES)}], seeds: {seeds}, "
        f"source: mlebench, source_root: {bench.data}}}\ntimeout: 120\n{more}"
    )


def accepted(bench: Bench, folder: Path) -> Mapping[tuple[str, int], dict[str, Any]]:
    """Every run group in a folder, graded by mle-bench itself: it must say what our own report says.

    Returns mle-bench's reports by competition and seed.
    """
    found = {}
    for number, group in enumerate(sorted((folder / "runs").glob("*_run-group_*"))):
        place = folder / f"graded-{number}"
        place.mkdir()
        theirs = bench.grading_report(group, place)
        ours = json.loads((group / "grading_report.json").read_text())
        runs = json.loads((group / "metadata.json").read_text())["runs"]
        for name, value in theirs.items():
            if name != "competition_reports":
                assert ours[name] == value, (group.name, name)
        both = zip(theirs["competition_reports"], ours["competition_reports"], strict=True)
        for (folder_name, run), (their, our) in zip(runs.items(), both, strict=True):
            for key in set(REPORT_KEYS) - set(OWN_TO_A_REPORT):
                assert our[key] == their[key], (folder_name, key)
            # A path that is none is written as a word by mle-bench.
            assert str(our["submission_path"]) == their["submission_path"]
            found[run["competition"], run["seed"]] = their
        assert {path.name for path in group.iterdir() if path.is_dir()} == runs.keys()
    return found


def medals(report: Mapping[str, Any]) -> list[str]:
    return [
        name for name in ("gold_medal", "silver_medal", "bronze_medal", "any_medal") if report[name]
    ]


# ---------------------------------------------------------------- processes of this machine


def test_the_sample_submission_earns_no_medal(bench: Bench, tmp_path: Path) -> None:
    units = sweep(bench, tmp_path, matrix(bench, "dummy", 1, "backend: local\n"))
    assert [unit["outcome"] for unit in units] == ["ok", "ok"]
    found = accepted(bench, tmp_path)
    for one in MADE_UP:
        report = found[one.name, 0]
        assert report["score"] == one.scores[0]
        assert report["is_lower_better"] is one.lower_is_better
        assert (medals(report), report["above_median"]) == ([], False)


# What an agent hands in, by seed.
TRUTH, GOOD, OTHER_COLUMNS, NOTHING = range(4)


@pytest.fixture
def handed(tmp_path: Path) -> Path:
    """Submissions for the agent that submits what it is given, one for each competition and seed."""
    folder = tmp_path / "handed"
    folder.mkdir()
    for one in MADE_UP:
        texts = {TRUTH: table(one, one.answers), GOOD: table(one, one.good)}
        texts[OTHER_COLUMNS] = "some,thing\n1,2\n"
        for seed, text in texts.items():
            (folder / f"{one.name}-{seed}.csv").write_text(text)
    return folder


def test_medals_are_those_of_mle_bench(bench: Bench, tmp_path: Path, handed: Path) -> None:
    more = (
        "backend: local\nwidth: 2\n"
        f"mounts: ['{handed}:{handed}:ro']\n"
        f"env: {{ORACLE_ANSWERS: '{handed}/${{competition}}-${{seed}}.csv'}}\n"
    )
    units = sweep(bench, tmp_path, matrix(bench, "oracle", 4, more))
    outcomes = {(unit["competition"], unit["seed"]): unit["outcome"] for unit in units}
    found = accepted(bench, tmp_path)
    assert found.keys() == outcomes.keys()
    for one in MADE_UP:
        reports = [found[one.name, seed] for seed in range(4)]
        perfect = {False: 1.0, True: 0.0}[one.lower_is_better]
        assert [report["score"] for report in reports] == [perfect, one.scores[1], None, None]
        earned = [["gold_medal", "any_medal"], [one.medal_of_good, "any_medal"], [], []]
        assert [medals(report) for report in reports] == earned
        assert [report["submission_exists"] for report in reports] == [True, True, True, False]
        assert [outcomes[one.name, seed] for seed in (TRUTH, GOOD)] == ["ok", "ok"]
        assert outcomes[one.name, OTHER_COLUMNS] == "invalid_submission"
        assert outcomes[one.name, NOTHING] not in ("ok", "invalid_submission")


def test_hostile_submissions_are_judged(bench: Bench, tmp_path: Path) -> None:
    """The words of its graders are told; none of these files breaks a worker."""
    one, path = MADE_UP[0], tmp_path / "submission.csv"
    with GradingWorkers(tmp_path / "scratch", os.environ, width=1) as workers:
        source = MleBenchSource(bench.data, workers, bench.checkout, PYTHON)
        for name, (content, gradable) in hostile(table(one, one.sample).encode()).items():
            path.write_bytes(content)
            grade = source.grade(one.name, path)
            # A word or a number where a truth value is wanted is the grader's own affair.
            assert grade.valid or grade.message, name
            assert grade.valid or not gradable, (name, grade.message)


# ---------------------------------------------------------------- a container


@pytest.fixture
def image() -> Iterator[None]:
    """The image that the run builds; taken away unless it was there before."""
    docker_is_ready()
    was_there = has_image(IMAGE)
    yield
    if not was_there:
        docker("image", "rm", "--force", IMAGE)


@pytest.mark.docker
def test_a_unit_in_a_container_is_accepted(image: None, bench: Bench, tmp_path: Path) -> None:
    text = matrix(bench, "dummy", 1, "backend: docker\nnetwork: none\n")
    text = text.replace("seeds: 1", "seeds: 1, build: true")
    kept = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
    units = sweep(bench, tmp_path, text, **kept)
    assert [(unit["outcome"], unit["isolation"]) for unit in units] == [("ok", "docker")] * 2
    found = accepted(bench, tmp_path)
    for one in MADE_UP:
        assert (found[one.name, 0]["score"], medals(found[one.name, 0])) == (one.scores[0], [])
