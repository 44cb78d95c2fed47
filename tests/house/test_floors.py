"""Imports only point down, heavy libraries stay in worker processes, one library has one file."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.house.source import (
    ENTRIES,
    HEAVY,
    all_modules,
    closure,
    folder_of,
    host_modules,
    imports,
    is_worker,
    libraries,
    modules,
    project_imports,
    says_worker,
)

# The rooms of each folder, from below to above; those of one line do not know each other. A room imports rooms of lines
# above its own in this table. Files beside the rooms are words, which rooms import, or the spine, which imports rooms.
ROOMS: dict[str, list[set[str]]] = {
    "": [{"utils"}, {"core"}, {"agents"}, {"main"}, {"run_mle_adapter"}, {"benchmark"}],
    "core": [
        {"task", "journal", "execution", "judging", "evolution", "llm"},
        {"questions", "learning"},
        {"publishing"},
        {"ending"},
    ],
    "core.task": [{"folder"}, {"metric"}, {"recognise"}, {"views"}, {"look"}],
    "core.task.recognise": [{"labels"}],
    "agents": [{"answers"}, {"recipes"}, {"prompting"}],
    "benchmark": [{"competitions"}, {"study"}, {"measures"}],
}
MOST_FILES = {"core": 20, "core.task": 12, "benchmark": 12}
# A library's only file, or only folder.
HOME = {
    "omegaconf": "utils.config",
    "langgraph": "agents.graph",
    "sentence_transformers": "utils.embedding_worker",
    "openai": "core.llm",
    "anthropic": "core.llm",
}


def rooms_of(folder: str) -> set[str]:
    """Dotted names of what lies in a folder as a room of its own."""
    prefix = f"{folder}." if folder else ""
    return {prefix + room for line in ROOMS[folder] for room in line}


def room_of(name: str, folder: str) -> str | None:
    """The room of a folder that a module lies in; None for the files beside the rooms."""
    for room in rooms_of(folder):
        if name == room or name.startswith(f"{room}."):
            return room
    return None


def line_of(room: str, folder: str) -> int:
    last = room.rpartition(".")[2]
    return next(number for number, line in enumerate(ROOMS[folder]) if last in line)


def beside(folder: str) -> set[str]:
    """Modules whose files lie in a folder beside its rooms."""
    inside = {name for name, path in modules().items() if path.stem != "__init__"}
    return {name for name in inside if folder_of(name) == folder} - rooms_of(folder)


def words_of(folder: str) -> set[str]:
    """Files beside the rooms that some room imports, and what they import of such files."""
    inside = [name for name in modules() if name.startswith(f"{folder}.") and room_of(name, folder)]
    found = set().union(*(project_imports(name) for name in inside)) & beside(folder)
    while more := set().union(*(project_imports(name) for name in found)) & beside(folder) - found:
        found |= more
    return found


def floor(name: str) -> int:
    """The line of the house that a module stands on."""
    room = room_of(name, "")
    assert room is not None, f"{name} stands in no room"
    return line_of(room, "")


def test_there_is_something_to_look_at() -> None:
    assert {"utils.config", "core.records", "core.loop"} <= modules().keys()


@pytest.mark.parametrize("folder", sorted(ROOMS))
def test_every_folder_is_a_room_of_the_table(folder: str) -> None:
    prefix = f"{folder}." if folder else ""
    parents = {folder_of(name) for name in modules()}
    below = {
        parent
        for parent in parents
        if parent.startswith(prefix) and "." not in parent[len(prefix) :]
    }
    assert {name for name in below if name not in ("", folder)} <= rooms_of(folder)


@pytest.mark.parametrize("folder", sorted(ROOMS))
def test_rooms_import_rooms_below_them(folder: str) -> None:
    for name in sorted(modules()):
        mine = room_of(name, folder)
        if mine is None:
            continue
        for other in sorted(project_imports(name)):
            theirs = room_of(other, folder)
            if theirs is not None and theirs != mine:
                assert line_of(theirs, folder) < line_of(mine, folder), f"{name} imports {other}"


@pytest.mark.parametrize("folder", sorted(set(ROOMS) - {""}))
def test_words_import_no_room(folder: str) -> None:
    for name in sorted(words_of(folder)):
        rooms = {other for other in project_imports(name) if room_of(other, folder)}
        assert not rooms, f"{name} is imported by a room of {folder}, and imports {sorted(rooms)}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_the_agent_knows_nothing_of_the_host_side(name: str) -> None:
    assert not project_imports(name) & host_modules().keys()


@pytest.mark.parametrize("name", sorted(all_modules()))
def test_the_product_imports_no_test(name: str) -> None:
    assert "tests" not in libraries(name)


def test_no_import_circle() -> None:
    assert circles({name: project_imports(name) & real() for name in real()}) == []


def real() -> set[str]:
    """Modules but for packages, which every import of a part passes."""
    return {name for name, path in all_modules().items() if path.stem != "__init__"}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Names from which a walk comes back to where it began."""
    found = []
    for start in sorted(graph):
        seen: set[str] = set()
        todo = set(graph[start])
        while todo:
            current = todo.pop()
            seen.add(current)
            todo |= graph[current] - seen
        if start in seen:
            found.append(start)
    return found


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


@pytest.mark.parametrize("folder", sorted(MOST_FILES))
def test_a_folder_is_no_hall(folder: str) -> None:
    assert len(beside(folder)) <= MOST_FILES[folder]


def test_nobody_above_the_run_knows_the_loop() -> None:
    callers = {name for name in modules() if "core.loop" in project_imports(name)}
    assert {name for name in callers if floor(name) != line_of("benchmark", "")} <= {
        "core.run",
        "core.assembly",
    }


def test_the_loop_knows_protocols_only() -> None:
    for name in ("core.loop", "core.evaluation"):
        rooms = {other for other in project_imports(name) if room_of(other, "core")}
        assert not rooms, f"{name} imports {rooms}"


def test_the_words_of_core_are_stdlib_only() -> None:
    assert {"core.records", "core.protocols", "core.events"} <= words_of("core")
    for name in words_of("core"):
        foreign = libraries(name) - sys.stdlib_module_names - {"core", "utils"}
        assert not foreign, f"{name} imports {foreign}"


def test_the_sentence_about_workers_stands_once_per_folder() -> None:
    for name, path in modules().items():
        if name.startswith("core.task.") and path.stem != "__init__" and is_worker(folder_of(name)):
            assert not says_worker(name), f"{name}: its folder says it already"


@pytest.mark.parametrize("name", sorted(all_modules()))
def test_heavy_libraries_are_imported_by_worker_modules_only(name: str) -> None:
    heavy = libraries(name) & HEAVY
    if heavy and not name.startswith("benchmark"):
        assert is_worker(name), (
            f"{name} imports {sorted(heavy)}; its docstring must say `Runs in a worker process.`"
        )


@pytest.mark.parametrize("name", sorted(all_modules()))
def test_worker_modules_are_imported_by_worker_modules_only(name: str) -> None:
    workers = {other for other in project_imports(name) if is_worker(other)}
    if workers and not name.startswith("benchmark"):
        assert is_worker(name), (
            f"{name} imports worker modules {sorted(workers)}; start them by WorkerProcess"
        )


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
        assert name == home or name.startswith(f"{home}."), (
            f"{library} belongs to {home}, not {name}"
        )


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
