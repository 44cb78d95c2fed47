"""The host side: its floors, its libraries, and that nothing of it reaches the agent's image."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.house.source import (
    HOST,
    ROOT,
    files,
    host_modules,
    is_worker,
    libraries,
    modules,
    project_imports,
)
from tests.house.test_environment import environment_reads

# Files and folders of swarm_host, from below to above: each imports what stands on floors above its own in this
# list. What stands on one floor does not know each other.
FLOORS: list[set[str]] = [
    {"errors"},
    {"states"},
    {"records"},
    {"protocols"},
    {"words"},
    {"disk"},
    {"spec"},
    {"agents", "backends", "grading", "life", "sources", "store"},
    {"engines"},
    {"compare", "doctor", "groups", "show"},
    {"launch"},
    {"cli", "measure"},
    {"__main__", "orchestrator", "zagent_1"},
]
# What the host side may use of the agent in a process of its own; its workers use more.
OF_THE_AGENT = {
    "core",
    "core.metric_names",
    "core.execution",
    "core.execution.rules",
    "core.execution.supervisor",
}
# Beside it, by module: figures are kept in one way in the whole project.
ALSO = {"swarm_host.measure.__main__": {"benchmark", "benchmark.provenance"}}
# A library's only file, or only folder.
HOME = {
    "dask": "swarm_host.engines.dask",
    "daytona": "swarm_host.backends.daytona",
    "distributed": "swarm_host.engines.dask",
    "modal": "swarm_host.backends.modal",
    "openai": "zagent_1",
    "ray": "swarm_host.engines.ray",
    "rich": "swarm_host.show",
    "sqlite3": "swarm_host.store",
    "submitit": "swarm_host.engines.slurm",
}
# Read at every start, and small.
LIGHT = {"yaml"}
# Where the environment is read. Everybody else gets it as an argument.
READERS = {
    "orchestrator",
    "swarm_host.cli",
    "swarm_host.engines",
    "swarm_host.measure",
    "zagent_1",
}
_LOADED = "import sys; before = set(sys.modules); import swarm_host.cli.main; print(*sorted(set(sys.modules) - before))"


def part(name: str) -> str:
    """The file or folder of swarm_host that a module lies in, or the face; "" for swarm_host itself."""
    top, _, below = name.partition(".")
    return below.partition(".")[0] if top == "swarm_host" else top


def floor(name: str) -> int:
    """From 0. Below all for swarm_host itself. Raises LookupError for what has no floor."""
    place = part(name)
    if not place:
        return -1
    for number, places in enumerate(FLOORS):
        if place in places:
            return number
    raise LookupError(f"{place} of {name} has no floor: FLOORS of tests/house/test_host.py")


def may_import(name: str, other: str) -> bool:
    """Down, or within one file or folder."""
    return part(name) == part(other) or floor(other) < floor(name)


def test_every_file_and_folder_has_one_floor() -> None:
    listed = [place for places in FLOORS for place in places]
    assert sorted(listed) == sorted({part(name) for name in host_modules()} - {""})


def test_the_readme_lists_the_folders_from_below_to_above() -> None:
    (line,) = re.findall(r"from below to above (.+)", (HOST / "README.md").read_text("utf-8"))
    told = [set(re.findall(r"`(\w+)/`", level)) for level in line.split("; ")]
    folders = {path.name for path in (HOST / "swarm_host").iterdir() if path.is_dir()}
    levels = [places & folders for places in FLOORS]
    assert [places for places in told if places] == [places for places in levels if places]


def test_every_folder_says_what_lies_in_it() -> None:
    for path in host_modules().values():
        first = ROOT / path.parent / "__init__.py"
        if path.is_relative_to(HOST / "swarm_host"):
            assert first.is_file(), f"{path.parent} has no __init__.py"
            assert ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))), str(first)


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_imports_only_point_down(name: str) -> None:
    for other in sorted(project_imports(name) & host_modules().keys()):
        assert may_import(name, other), f"{name} imports {other}"


def test_the_floors_tell_up_from_down() -> None:
    assert may_import("swarm_host.cli.main", "swarm_host.life.unit")
    assert may_import("orchestrator.run", "swarm_host.cli.main")
    assert may_import("swarm_host.groups.manager", "swarm_host.engines.local")
    assert may_import("swarm_host.store.sqlite", "swarm_host.store.database")
    assert may_import("swarm_host.words.expand", "swarm_host")
    assert not may_import("swarm_host.store.sqlite", "swarm_host.sources.pack")
    assert not may_import("swarm_host.life.unit", "swarm_host.store.sqlite")
    assert not may_import("swarm_host.engines.table", "swarm_host.launch")
    assert not may_import("swarm_host.records", "swarm_host.words.jsonio")
    assert not may_import("swarm_host.life.unit", "swarm_host.cli")
    assert not may_import("swarm_host.groups.manager", "orchestrator.run")
    with pytest.raises(LookupError, match="utils of swarm_host.utils.more has no floor"):
        may_import("swarm_host.utils.more", "swarm_host.errors")


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_below_the_rooms_all_is_the_standard_library(name: str) -> None:
    if floor(name) <= floor("swarm_host.disk"):
        foreign = libraries(name) - sys.stdlib_module_names - {"swarm_host"} - LIGHT
        assert not foreign, f"{name} imports {foreign}"


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_libraries_are_imported_where_they_are_used(name: str) -> None:
    """At the top of a module stand the standard library and our own, workers apart."""
    own = {"swarm_host", "orchestrator", "core"} | LIGHT
    foreign = libraries(name, nested=False) - sys.stdlib_module_names - own
    assert is_worker(name) or not foreign - _of_home(name), f"{name} imports {foreign} at its top"


def _of_home(name: str) -> set[str]:
    """Libraries that a module may have at its top: sqlite3 costs little, and an agent is a program."""
    return {library for library in ("sqlite3", "openai") if _inside(name, HOME[library])}


def _inside(name: str, home: str) -> bool:
    return name == home or name.startswith(f"{home}.")


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_one_library_one_place(name: str) -> None:
    for library in libraries(name) & HOME.keys():
        assert _inside(name, HOME[library]), f"{library} belongs to {HOME[library]}, not {name}"


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_the_agent_is_used_as_a_program(name: str) -> None:
    """The pack is a command and the agent is one; of its code only the box and names of metrics are
    used, and what scores in a worker.
    """
    used = {other for other in project_imports(name) if other in modules()}
    if not is_worker(name):
        beyond = used - OF_THE_AGENT - ALSO.get(name, set())
        assert not beyond, f"{name} imports {sorted(beyond)}"


@pytest.mark.parametrize("name", sorted(host_modules()))
def test_the_environment_is_handed_in(name: str) -> None:
    reads = environment_reads(ast.parse((ROOT / host_modules()[name]).read_text(encoding="utf-8")))
    assert not reads or any(_inside(name, reader) for reader in READERS), f"{name}: {reads}"


def test_the_command_line_starts_with_little() -> None:
    """Counted, since seconds tell of the machine: an import of a library is hundreds of modules."""
    command = [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {_paths()}; {_LOADED}"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    tops = {name.partition(".")[0] for name in loaded}
    assert tops <= sys.stdlib_module_names | {"swarm_host"}
    assert not tops & {"asyncio", "multiprocessing", "sqlite3", "socket", "subprocess"}
    assert len(loaded) <= 60


def _paths() -> list[str]:
    return [str(ROOT), str(ROOT / HOST)]


# ---------------------------------------------------------------- the image


def is_ignored(path: PurePosixPath, patterns: list[str]) -> bool:
    """As docker build decides: the last pattern that fits a path or a folder above it wins."""
    ignored = False
    for pattern in patterns:
        wanted = not pattern.startswith("!")
        spelling = pattern.removeprefix("!").strip("/")
        anywhere = spelling.removeprefix("**/")
        for place in (path, *path.parents[:-1]):
            if fnmatch.fnmatchcase(str(place), spelling) or (
                anywhere != spelling and fnmatch.fnmatchcase(place.name, anywhere)
            ):
                ignored = wanted
                break
    return ignored


def docker_patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_nothing_of_the_host_side_reaches_the_image() -> None:
    own = [path for path in files() if path.is_relative_to(HOST)]
    reach = [str(path) for path in own if not is_ignored(PurePosixPath(path), docker_patterns())]
    assert own
    assert reach == []


def test_patterns_of_docker_are_understood() -> None:
    patterns = ["host", "*.log", "**/__pycache__", "!host/kept.py"]
    assert is_ignored(PurePosixPath("host/a/b.py"), patterns)
    assert not is_ignored(PurePosixPath("host/kept.py"), patterns)
    assert is_ignored(PurePosixPath("core/__pycache__/a.pyc"), patterns)
    assert not is_ignored(PurePosixPath("core/hosts.py"), patterns)
    assert not is_ignored(PurePosixPath("main.py"), docker_patterns())


def test_no_module_of_the_host_side_hides_another() -> None:
    """The faces append their folder to the path: a name must be nobody else's."""
    tops = {name.partition(".")[0] for name in host_modules()}
    agent = {name.partition(".")[0] for name in modules()}
    assert "swarm_host" in tops
    assert not tops & (sys.stdlib_module_names | agent)


# Folders of tests/host without a folder of swarm_host: they test what only a whole of it has.
OF_THE_WHOLE = {"cloud", "commands", "faces", "mle_bench"}


def test_tests_lie_in_the_folders_of_what_they_test() -> None:
    package, tests = HOST / "swarm_host", Path("tests/host")
    sources = [path.relative_to(package) for path in files() if path.is_relative_to(package)]
    found = [path.relative_to(tests) for path in files() if path.is_relative_to(tests)]
    folders = {path.parent for path in sources}
    assert {str(path.parent) for path in found if path.parent not in folders} == OF_THE_WHOLE
    # At the root stand the tests of what stands at the root.
    names = {path.parts[0].removesuffix(".py") for path in sources}
    at_root = [
        path.stem for path in found if len(path.parts) == 1 and path.stem.startswith("test_")
    ]
    assert {stem.removeprefix("test_") for stem in at_root} <= names
