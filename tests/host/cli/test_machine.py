"""doctor, agents and competitions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from swarm_host.sources.pack import PackSource

from tests.host.cli.conftest import Commands
from tests.host.cli.test_changing import own_competition


def test_the_doctor_tells_and_makes_nothing(commands: Commands) -> None:
    said = commands("doctor", "--json")
    assert said.status == 0
    findings = {one["what"]: one["level"] for one in said.json["findings"]}
    assert (findings["python"], findings["kaggle"]) == ("ok", "warn")
    assert not commands.runs.exists()
    text = commands("doctor").out
    assert "cure: " in text
    assert text.splitlines()[0].split() == ["what", "says"]


def test_a_failure_is_status_1(commands: Commands) -> None:
    commands.runs.write_text("a file")
    said = commands("doctor")
    assert (said.status, "is no folder" in said.out) == (1, True)


def test_a_backend_that_does_not_exist_is_told(commands: Commands) -> None:
    said = commands("doctor", "--backend", "dokcer")
    assert (said.status, "nearest: docker" in said.err) == (2, True)
    assert commands("doctor", "--backend", "daytona").status == 1


def test_agents_are_listed_and_shown(commands: Commands) -> None:
    ids = [one["id"] for one in commands("agents", "--json").json["agents"]]
    assert {"dummy", "swarm-evo", "swarm-evo/recipes"} <= set(ids)
    assert "oracle" not in ids
    assert "swarm-evo/dev" in commands("agents").out
    for words in (["--json", "show", "swarm-evo/dev"], ["show", "swarm-evo/dev", "--json"]):
        said = commands("agents", *words, runs=False)
        assert (said.status, said.json["steps"]) == (0, 10)
    said = commands("agents", "show", "swarm-evo/deb", runs=False)
    assert (said.status, "nearest: swarm-evo/dev" in said.err) == (2, True)


def test_an_agent_is_installed_into_a_checkout_only(commands: Commands) -> None:
    said = commands("agents", "install", "--into", str(commands.folder), runs=False)
    assert (said.status, "it has no run_agent.py, agents/registry.py, mlebench/" in said.err) == (
        2,
        True,
    )


@pytest.mark.parametrize("action", ["list", "prepare"])
def test_competitions_of_a_folder(commands: Commands, action: str) -> None:
    root = own_competition(commands.folder, "1,1\n")
    words = ["--source", "folder", "--source-root", str(root)]
    names = ["own"] if action == "prepare" else []
    said = commands("competitions", "--json", action, *names, *words, runs=False)
    assert said.status == 0
    if action == "list":
        assert said.json["names"] == ["own"]
    else:
        assert Path(said.json["ready"][0]["public"]).name == "public"


def test_a_competition_that_is_not_there_is_told_and_the_others_are_made(
    commands: Commands,
) -> None:
    root = own_competition(commands.folder, "1,1\n")
    words = ["--source", "folder", "--source-root", str(root)]
    said = commands("competitions", "--json", "prepare", "onw", "own", *words, runs=False)
    assert said.status == 1
    assert [one["name"] for one in said.json["ready"]] == ["own"]
    assert "onw" in said.json["error"][0]
    assert not (commands.folder / "runs").exists()


def test_competitions_alone_takes_the_options_of_list(commands: Commands) -> None:
    words = ["--source", "folder", "--source-root", str(own_competition(commands.folder, "1,1\n"))]
    for command in (words, ["list", *words], [*words, "list"]):
        assert commands("competitions", *command, "--json").json["names"] == ["own"]
    said = commands("competitions", "--source", "folder")
    assert (said.status, "--source-root DIR" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("there", "source", "why"),
    [
        ("X/prepared/public", "folder", "--source mlebench reads it"),
        ("prepared/public", "folder", "--source mlebench reads it"),
        ("X/data", "folder", "no NAME/public/"),
        ("X/public", "mlebench", "mlebench prepare -c NAME"),
    ],
)
def test_a_folder_without_competitions_is_refused_with_the_reason(
    commands: Commands, there: str, source: str, why: str
) -> None:
    (commands.folder / "data" / there).mkdir(parents=True)
    root = str(commands.folder / "data")
    said = commands("competitions", "--source", source, "--source-root", root)
    assert (said.status, said.out, why in said.err) == (2, "", True)


def test_when_nothing_is_prepared_the_status_says_whose_fault_it_is(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = own_competition(commands.folder, "1,1\n")
    words = ["--source", "folder", "--source-root", str(root)]
    assert commands("competitions", "prepare", "nope", *words).status == 2
    # An interpreter without the libraries of the pack.
    bare = commands.folder / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(PackSource.__init__, "__defaults__", (str(bare),))
    for command in (["prepare", "churn"], ["list"]):
        said = commands("competitions", *command)
        assert (said.status, said.err.count("NOT RUN: the offline pack: ModuleNotF")) == (3, 1)
        assert "demo.txt" in said.err
