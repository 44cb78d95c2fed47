"""The environment is read in three places; importing reads, writes and starts nothing."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import HOST, ROOT, all_modules, modules, tree

# The resolver, the adapter (mapping, and COMPETITION_ID for the log), the allow-list of a
# candidate's environment, and where libraries keep pretrained weights. A fork of the benchmark's
# server replaces the environment that it was given. The embedding worker sets what its libraries
# read, and reads nothing.
READERS = {
    "utils.config": {"_env"},
    "run_mle_adapter": {"map_env_vars"},
    "core.execution.environment": {"inherited", "weight_variables"},
    "benchmark.study.fork_server": {"_become"},
    "utils.embedding_worker": {"settle"},
}
# Needs a library that no environment of ours holds: mle-bench's own.
NOT_IMPORTABLE = {"swarm_host.grading.programs.mle_bench"}
_NAMES = {"environ", "environb", "getenv", "putenv", "getenvb"}

_PROBE = """
import contextlib, importlib, io, sys, threading
names, found = sys.argv[1:], []
def audit(event, args):
    if event == "open" and isinstance(args[0], str):
        writes = set(args[1] or "") & set("wax+")
        if writes and not args[0].startswith("/dev/"):
            found.append(f"opened {args[0]} for writing")
    elif event in ("subprocess.Popen", "os.fork", "os.mkdir", "os.remove", "os.rename", "socket.connect"):
        found.append(f"{event} {args[:1]}")
sys.addaudithook(audit)
out = io.StringIO()
for name in names:
    found.clear()
    before = set(threading.enumerate())
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        importlib.import_module(name)
    found += [f"started {thread}" for thread in set(threading.enumerate()) - before]
    if found or out.getvalue():
        sys.exit(f"importing {name}: {found} {out.getvalue()!r}")
"""


def environment_reads(module: ast.Module) -> list[tuple[str, int]]:
    """(innermost function, line) of each use of the environment."""
    found = []

    def walk(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if (
            isinstance(node, ast.Attribute)
            and node.attr in _NAMES
            and ast.unparse(node.value) == "os"
        ):
            found.append((function, node.lineno))
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {a.name for a in node.names} & _NAMES
        ):
            found.append((function, node.lineno))
        for child in ast.iter_child_nodes(node):
            walk(child, function)

    walk(module, "")
    return found


@pytest.mark.parametrize("name", sorted(modules()))
def test_the_environment_is_read_in_three_places_only(name: str) -> None:
    for function, line in environment_reads(tree(modules()[name])):
        allowed = function in READERS.get(name, set())
        assert allowed, (
            f"{modules()[name]}:{line} reads the environment in {function or 'the module'}"
        )


def test_the_reader_of_the_environment_is_found() -> None:
    assert [function for function, _ in environment_reads(tree(modules()["utils.config"]))] == [
        "_env"
    ]
    assert environment_reads(ast.parse("from os import getenv")) == [("", 1)]


def test_importing_a_module_does_nothing(tmp_path: Path) -> None:
    names = sorted(all_modules().keys() - NOT_IMPORTABLE)
    command = [sys.executable, "-B", "-W", "error", "-c", _PROBE, *names]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / HOST}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_does_something_is_found(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("import threading\nthreading.Timer(60, print).start()\n")
    (tmp_path / "writer.py").write_text("open('left_behind', 'w')\n")
    for name in ("loud", "writer"):
        child = subprocess.Popen(
            [sys.executable, "-B", "-c", _PROBE + "\n", name], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = child.stderr.readline() if child.stderr else ""
        child.kill()
        child.communicate()
        assert line.startswith(f"importing {name}:")
