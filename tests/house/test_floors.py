"""Imports only point down, heavy libraries stay in worker processes, one library has one file."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.house.source import ENTRIES, HEAVY, closure, imports, is_worker, libraries, modules, project_imports

FLOOR_1 = frozenset(
    {
        "records",
        "protocols",
        "events",
        "score",
        "genome",
        "budget",
        "metric_names",
        "doubles",
        "persona",
        "population",
        "skill",
    }
)
FLOOR_2 = frozenset({"task", "journal", "execution", "judging", "evolution", "llm"})
FLOOR_3 = frozenset(
    {
        "loop",
        "level_two",
        "lesson_means",
        "skill_library",
        "evaluation",
        "pacing",
        "ensemble",
        "likeness",
        "final_pick",
        "finish",
        "refit",
        "rebuild",
        "results",
        "live",
        "metric_question",
        "metric_stage",
        "generated_score",
        "self_report",
        "split_stage",
        "score_acceptance",
        "output",
        "rescue",
        "run",
        "settings",
        "surroundings",
    }
)
# A library's only file, or only folder.
HOME = {
    "omegaconf": "utils.config",
    "langgraph": "agents.graph",
    "sentence_transformers": "utils.embedding_worker",
    "openai": "core.llm",
    "anthropic": "core.llm",
}


def floor(name: str) -> int:
    """The floor that a module stands on; a module of core that is on no list must be given one."""
    top, _, rest = name.partition(".")
    if top == "core":
        part = rest.partition(".")[0]
        floors = {"": 0} | dict.fromkeys(FLOOR_1, 1) | dict.fromkeys(FLOOR_2, 2) | dict.fromkeys(FLOOR_3, 3)
        assert part in floors, f"{name} stands on no floor"
        return floors[part]
    return {"utils": 0, "agents": 4, "main": 5, "run_mle_adapter": 5, "benchmark": 6}[top]


def part_of_core(name: str) -> str:
    return ".".join(name.split(".")[:2])


def test_there_is_something_to_look_at() -> None:
    assert {"utils.config", "core.records", "core.loop"} <= modules().keys()


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_down(name: str) -> None:
    mine = floor(name)
    for other in sorted(project_imports(name)):
        assert floor(other) <= mine, f"{name} (floor {mine}) imports {other} (floor {floor(other)})"
        if mine == floor(other) == 2:
            assert part_of_core(name) == part_of_core(other), f"{name} imports its sibling {other}"
    if name.startswith("agents"):
        assert "core.loop" not in project_imports(name)


def test_the_loop_knows_protocols_only() -> None:
    for name in ("core.loop", "core.evaluation"):
        above = {other for other in project_imports(name) if floor(other) > 1}
        assert above <= {"core.evaluation"}, f"{name} imports {above}"


def test_floor_1_is_stdlib_only() -> None:
    for name in modules():
        if floor(name) == 1:
            foreign = libraries(name) - sys.stdlib_module_names - {"core", "utils"}
            assert not foreign, f"{name} imports {foreign}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_heavy_libraries_are_imported_by_worker_modules_only(name: str) -> None:
    heavy = libraries(name) & HEAVY
    if heavy and not name.startswith("benchmark"):
        assert is_worker(name), f"{name} imports {sorted(heavy)}; its docstring must say `Runs in a worker process.`"


@pytest.mark.parametrize("name", sorted(modules()))
def test_worker_modules_are_imported_by_worker_modules_only(name: str) -> None:
    workers = {other for other in project_imports(name) if is_worker(other)}
    if workers and not name.startswith("benchmark"):
        assert is_worker(name), f"{name} imports worker modules {sorted(workers)}; start them by WorkerProcess"


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_agent_process_loads_no_heavy_library(entry: str) -> None:
    if entry not in modules():
        pytest.skip(f"{entry}.py is still to come")
    loaded = {name: libraries(name) & HEAVY for name in closure(entry)}
    assert {name: heavy for name, heavy in loaded.items() if heavy} == {}


def test_the_adapter_imports_the_stdlib_only_at_its_top() -> None:
    if "run_mle_adapter" not in modules():
        pytest.skip("run_mle_adapter.py is still to come")
    assert libraries("run_mle_adapter", nested=False) <= sys.stdlib_module_names


@pytest.mark.parametrize("name", sorted(modules()))
def test_one_library_one_file(name: str) -> None:
    for library in libraries(name) & HOME.keys():
        home = HOME[library]
        assert name == home or name.startswith(f"{home}."), f"{library} belongs to {home}, not {name}"


@pytest.mark.parametrize("library", ["openai", "anthropic"])
def test_one_file_per_client(library: str) -> None:
    assert len([name for name in modules() if library in libraries(name)]) <= 1


def test_imports_inside_functions_are_seen() -> None:
    """The walk itself: without it the closure above would be blind."""
    inside = "def f():\n    import numpy\n    from pandas import DataFrame\n"
    assert set(imports(ast.parse(inside))) == {"numpy", "pandas", "pandas.DataFrame"}
    assert list(imports(ast.parse(inside), nested=False)) == []
    assert "utils.errors" in project_imports("utils.config")
    assert is_worker("utils.tables")
