"""The checkout as text and syntax trees, for the structural tests."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("utils", "core", "agents", "benchmark")
ENTRIES = ("main", "run_mle_adapter")
# Modules of the host side are named from here. Its tests folder is specification 000's; its agents are
# programs, started by their path.
HOST = Path("host")
NO_MODULES = ("tests", "agents")
HEAVY = frozenset(
    {
        "numpy",
        "pandas",
        "scipy",
        "sklearn",
        "torch",
        "lightgbm",
        "pyarrow",
        "PIL",
        "sentence_transformers",
    }
)
# Programs that candidates are made of: text for this project, never imported by it.
DATA = ("agents/recipes/fragments/",)
_WORKER = re.compile(r"[Rr]uns?\s+in\s+(a\s+)?worker\s+process")


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that git tracks or would track, relative to the checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return tuple(sorted({Path(name) for name in names if name and (ROOT / name).is_file()}))


def dotted_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name to relative path of every module of the agent."""
    found = {}
    for path in files():
        top = path.parts[0] if len(path.parts) > 1 else path.stem
        if path.suffix == ".py" and top in (*PACKAGES, *ENTRIES) and not str(path).startswith(DATA):
            found[dotted_name(path)] = path
    return found


@functools.cache
def host_modules() -> dict[str, Path]:
    """The same of every module of the host side."""
    found = {}
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(HOST):
            inside = path.relative_to(HOST)
            if inside.parts[0] not in NO_MODULES:
                found[dotted_name(inside)] = path
    return found


@functools.cache
def all_modules() -> dict[str, Path]:
    """Both sides."""
    return modules() | host_modules()


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


@functools.cache
def walked(module: ast.Module) -> tuple[ast.AST, ...]:
    """Every node, in the order of ast.walk. Kept: several tests look at all of the product."""
    return tuple(ast.walk(module))


def imports(node: ast.AST, nested: bool = True) -> Iterator[str]:
    """Dotted names that a module imports (`from a import b` gives a and a.b), but for type
    checking.

    nested: also the imports inside functions.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide the floor"
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
            yield str(child.module)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif nested or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(child, nested)


@functools.cache
def imported(name: str, nested: bool = True) -> frozenset[str]:
    """Dotted names that a module imports."""
    return frozenset(imports(tree(all_modules()[name]), nested))


@functools.cache
def project_imports(name: str, nested: bool = True) -> frozenset[str]:
    """Modules of ours that a module imports, packages on the way included."""
    found = set()
    for dotted in imported(name, nested):
        parts = dotted.split(".")
        found |= {".".join(parts[: end + 1]) for end in range(len(parts))}
    return frozenset(found & all_modules().keys()) - {name}


def closure(name: str) -> set[str]:
    """Every module of ours that is loaded when `name` runs, function-level imports included."""
    seen, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += project_imports(current)
    return seen


@functools.cache
def says_worker(name: str) -> bool:
    """The docstring of a module or package says that it runs in a worker process."""
    docstring = ast.get_docstring(tree(all_modules()[name])) or ""
    return bool(_WORKER.search(" ".join(docstring.split())))


def folder_of(name: str) -> str:
    """The folder, as a dotted name, that a module's file lies in."""
    if all_modules()[name].stem == "__init__":
        return name
    return name.rpartition(".")[0]


def is_worker(name: str) -> bool:
    """A module runs in a worker process: it says so, or its folder does."""
    folder = folder_of(name)
    return says_worker(name) or (folder in all_modules() and says_worker(folder))


def libraries(name: str, nested: bool = True) -> set[str]:
    """Top-level names of everything that a module imports."""
    return {dotted.split(".")[0] for dotted in imported(name, nested)}
