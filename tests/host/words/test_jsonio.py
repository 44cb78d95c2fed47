"""Records as JSON: back is the same, a secret is a name, what is wrong is named by its path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Grade, Mount, Resources, Secret, UnitResult, UnitSpec
from swarm_host.words import jsonio

from tests.host.made import a_result, a_run, a_unit


def full_unit(runs: Path) -> UnitSpec:
    run = a_run(
        env={"KEY": Secret("API_KEY"), "PLAIN": "x"},
        mounts=(Mount("/a", "/b"),),
        resources=Resources(cpus=2, memory=1 << 30, gpus="all"),
        build=BuildConfig("/c", build_args={"TOKEN": Secret("T")}),
    )
    return a_unit(runs, run=run)


def test_a_unit_comes_back_the_same(tmp_path: Path) -> None:
    unit = full_unit(tmp_path)
    assert jsonio.loads(UnitSpec, jsonio.dumps(unit)) == unit


def test_a_result_comes_back_the_same() -> None:
    result = a_result("u", grade=Grade(True, 0.25, True, report={"checks": [1, "a", None]}))
    assert jsonio.loads(UnitResult, jsonio.dumps(result, indent=1)) == result


def test_a_secret_is_a_name_in_files(tmp_path: Path) -> None:
    data = json.loads(jsonio.dumps(full_unit(tmp_path)))
    assert data["run"]["env"]["KEY"] == {"secret": "API_KEY"}


def test_fields_of_newer_versions_are_skipped(tmp_path: Path) -> None:
    data = jsonio.to_json(a_unit(tmp_path))
    data["run"]["colour"] = "blue"
    assert jsonio.from_json(UnitSpec, data) == a_unit(tmp_path)


def test_a_missing_field_takes_its_default(tmp_path: Path) -> None:
    data = jsonio.to_json(a_unit(tmp_path))
    del data["run"]["timeout"]
    assert jsonio.from_json(UnitSpec, data).run.timeout == 12 * 3600


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("seed",), "3", 'seed: a whole number is needed, not "3"'),
        (("seed",), True, "seed: a whole number is needed, not true"),
        (("run", "timeout"), "12h", 'run.timeout: a number is needed, not "12h"'),
        (("run", "command"), "ls", 'run.command: a list is needed, not "ls"'),
        (("run", "command"), ["ls", 1], r"run.command[1]: a text is needed, not 1"),
        (("run", "env"), {"A": 1}, "run.env.A: a text or a secret is needed, not 1"),
        (("run", "env"), {"A": {"secret": 1}}, "run.env.A: a text or a secret is needed"),
        (("run", "network"), "wide", "run.network: one of none, bridge, host is needed"),
        (("run", "mounts"), [{"source": "/a"}], "run.mounts[0].target: it is missing"),
        (("run", "resources"), None, "run.resources: an object is needed, not null"),
        (("run", "resources"), {"cpus": "x" * 90}, "run.resources.cpus: a number is needed"),
        (("competition",), 7, "competition: a text is needed, not 7"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    tmp_path: Path, path: tuple[str, ...], value: object, message: str
) -> None:
    data = jsonio.to_json(a_unit(tmp_path))
    inside = data
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    with pytest.raises(SpecError) as error:
        jsonio.from_json(UnitSpec, data)
    assert str(error.value).startswith(message)
    assert len(str(error.value)) < 150


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"valid": NaN}', "[" * 100_000])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        jsonio.loads(Grade, text, "result.json")


def test_numbers_without_a_word_in_json_become_null() -> None:
    text = jsonio.dumps(Grade(True, float("nan"), None, report={"a": float("inf")}))
    assert jsonio.loads(Grade, text) == Grade(True, None, None, report={"a": None})


def test_what_has_no_form_is_our_own_bug() -> None:
    with pytest.raises(TypeError):
        jsonio.dumps({"a": object()})
