"""Reasons to reject a program before it runs, read from its syntax tree. Pure.

It meets careless programs; one that builds a path at run time meets the box instead.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

_DATA_PATHS = ("/home/data", "/private")
_CLIENTS = frozenset(
    "openai anthropic litellm cohere mistralai groq together ollama replicate dashscope zhipuai llama_index vertexai "
    "langgraph google.generativeai google.genai huggingface_hub.InferenceClient".split()
)
_CLIENT_PREFIX = "langchain"
_SERVER = re.compile(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):5000\b|^\S*/validate/?$")
_MESSAGE_CALLS = frozenset("print debug info warning warn error exception critical log".split())
_PATH_CALLS = frozenset(
    "open Path PurePath PosixPath join joinpath chdir listdir scandir walk glob iglob rglob exists isfile isdir "
    "makedirs mkdir remove unlink rename replace copy copyfile copytree move rmtree symlink relpath abspath".split()
)
_PATH_CALL = re.compile(r"(?:read|to|load|save|imread|imwrite)(?:_\w+)?$")
_IMPORT_CALLS = frozenset({"__import__", "import_module"})


def reasons_to_reject(program: str, protected: Sequence[str] = ()) -> tuple[str, ...]:
    """One line per fault, with its line number; () when the program may run.

    protected: absolute folders that no constant may point into, besides the data folders of the
    container.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(program)
    except SyntaxError as error:
        return (f"line {error.lineno or 1}: syntax error: {error.msg}",)
    except (ValueError, RecursionError, MemoryError) as error:
        return (f"line 1: cannot be parsed: {error}",)
    folders = tuple(path.rstrip("/") for path in (*_DATA_PATHS, *protected) if path.rstrip("/"))
    found = [*_imports(tree), *_paths(tree, folders)]
    return tuple(f"line {line}: {reason}" for line, reason in sorted(set(found)))


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            for name in _imported(node):
                if _is_client(name):
                    yield node.lineno, f"imports {name}: language model clients are not allowed"


def _imported(node: ast.Import | ast.ImportFrom | ast.Call) -> list[str]:
    """Dotted names that a statement or call imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [] if node.level else [f"{node.module}.{alias.name}" for alias in node.names]
    return [_text(node.args[0]) or ""] if _name(node.func) in _IMPORT_CALLS and node.args else []


def _is_client(name: str) -> bool:
    parts = name.split(".")
    return parts[0].startswith(_CLIENT_PREFIX) or any(
        ".".join(parts[:n]) in _CLIENTS for n in (1, 2)
    )


def _paths(tree: ast.AST, folders: Sequence[str]) -> Iterator[tuple[int, str]]:
    ordinary = _ordinary(tree)
    path_parts = _path_parts(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "pardir":
            yield node.lineno, "leaves its folder through os.pardir"
        if not isinstance(node, ast.expr) or id(node) in ordinary:
            continue
        text = _text(node)
        if text is None:
            continue
        if _SERVER.search(text):
            yield node.lineno, f"calls the grading server ({_short(text)})"
        if _below(text, folders):
            yield (
                node.lineno,
                f"uses the absolute path {_short(text)}: read ./input and write ./submission instead",
            )
        if _climbs(text, id(node) in path_parts):
            yield node.lineno, f"leaves its folder through {_short(text)}"


def _text(node: ast.AST) -> str | None:
    """The value of a constant text; sums and path joins of constants count, a formatted text by its
    constant start.
    """
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return _text(node.values[0]) if node.values else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        left, right = _text(node.left), _text(node.right)
        if left is None or right is None:
            return None
        return left + right if isinstance(node.op, ast.Add) else _joined([left, right])
    if isinstance(node, ast.Call) and _name(node.func) in {"Path", "join"} and len(node.args) > 0:
        parts = [_text(argument) for argument in node.args]
        known = [part for part in parts if part is not None]
        return _joined(known) if len(known) == len(parts) else None
    return None


def _joined(parts: Sequence[str]) -> str:
    """Like os.path.join."""
    path = ""
    for part in parts:
        path = part if part.startswith("/") or not path else f"{path.rstrip('/')}/{part}"
    return path


def _below(text: str, folders: Sequence[str]) -> bool:
    if not text.startswith("/") or "\n" in text:
        return False
    path = re.sub(r"/(?:\./|/)*", "/", text)
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _climbs(text: str, is_path: bool) -> bool:
    """True for a path with a `..` component; a bare `..` counts only where a path is expected."""
    if any(character.isspace() for character in text) and not is_path:
        return False
    return ".." in text.split("/") and (is_path or "/" in text)


def _ordinary(tree: ast.AST) -> set[int]:
    """Texts that are no paths: docstrings and other bare texts, messages, regular expressions."""
    found: set[int] = set()
    for node in ast.walk(tree):
        texts: list[ast.expr] = []
        if isinstance(node, ast.Expr):
            texts = [node.value] if isinstance(node.value, ast.Constant) else []
        elif isinstance(node, ast.Call) and (
            _name(node.func) in _MESSAGE_CALLS or _owner(node.func) == "re"
        ):
            texts = [argument for argument in node.args if not isinstance(argument, ast.Call)]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            texts = [argument for argument in node.exc.args if not isinstance(argument, ast.Call)]
        found |= {id(part) for text in texts for part in _parts(text)}
    return found


def _parts(text: ast.expr) -> Iterator[ast.AST]:
    """A text expression and the constants that it is made of, without the code between them."""
    yield text
    if isinstance(text, ast.JoinedStr):
        yield from (value for value in text.values if isinstance(value, ast.Constant))
    elif isinstance(text, ast.BinOp):
        yield from (*_parts(text.left), *_parts(text.right))


def _path_parts(tree: ast.AST) -> set[int]:
    """Expressions that stand where a path is expected."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found |= {id(node.left), id(node.right)}
        elif isinstance(node, ast.Call):
            name = _name(node.func)
            if (
                name == "join"
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Constant)
            ):
                continue
            if name in _PATH_CALLS or _PATH_CALL.match(name):
                found |= {id(argument) for argument in node.args}
    return found


def _name(function: ast.expr) -> str:
    """Last word of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _owner(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id
    return ""


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
