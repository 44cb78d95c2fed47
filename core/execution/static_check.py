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
# Of a syntax tree: a sum of as many terms has them, and a chain of `elif`.
_MOST_LEVELS = 150


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
    # What looks at programs calls itself for each level.
    if (line := _too_deep(tree)) is not None:
        return (f"line {line}: nested more than {_MOST_LEVELS} levels deep: write it in steps",)
    paths = (path.rstrip("/") for path in (*_DATA_PATHS, *protected))
    faults = {*_imports(tree), *_paths(tree, list(filter(None, paths)))}
    return tuple(f"line {line}: {reason}" for line, reason in sorted(faults))


def _too_deep(tree: ast.AST) -> int | None:
    """The line of an expression or statement that lies too deep, None without one."""
    level, line = [tree], 1
    for _ in range(_MOST_LEVELS):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
        line = next(filter(None, (getattr(node, "lineno", None) for node in level)), line)
    return line


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
        if node.level:
            return []
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if node.args and _name(node.func) in _IMPORT_CALLS:
        return [_text(node.args[0]) or ""]
    return []


def _is_client(name: str) -> bool:
    first, second = (*name.split("."), "")[:2]
    if first.startswith(_CLIENT_PREFIX):
        return True
    return first in _CLIENTS or f"{first}.{second}" in _CLIENTS


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
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        return _text(node.values[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        texts = _texts([node.left, node.right])
        if texts is None:
            return None
        if isinstance(node.op, ast.Add):
            return "".join(texts)
        return _joined(texts)
    if isinstance(node, ast.Call) and node.args and _name(node.func) in {"Path", "join"}:
        parts = _texts(node.args)
        if parts is not None:
            return _joined(parts)
    return None


def _texts(nodes: Sequence[ast.expr]) -> list[str] | None:
    """Their values; None unless all are constant texts."""
    texts = []
    for node in nodes:
        text = _text(node)
        if text is None:
            return None
        texts.append(text)
    return texts


def _joined(parts: Sequence[str]) -> str:
    """Like os.path.join."""
    path = ""
    for part in parts:
        if not path or part.startswith("/"):
            path = part
        else:
            path = f"{path.rstrip('/')}/{part}"
    return path


def _below(text: str, folders: Sequence[str]) -> bool:
    if not text.startswith("/") or "\n" in text:
        return False
    path = re.sub(r"/(?:\./|/)*", "/", text)
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _climbs(text: str, is_path: bool) -> bool:
    """True for a path with a `..` component; a bare `..` counts only where a path is expected."""
    if not is_path and re.search(r"\s", text):
        return False
    return ".." in text.split("/") and (is_path or "/" in text)


def _ordinary(tree: ast.AST) -> set[int]:
    """Texts that are no paths: docstrings and other bare texts, messages, regular expressions."""
    found: set[int] = set()
    for node in ast.walk(tree):
        for text in _ordinary_texts(node):
            if not isinstance(text, ast.Call):
                found.update(map(id, _parts(text)))
    return found


def _ordinary_texts(node: ast.AST) -> Sequence[ast.expr]:
    """Expressions of a statement or call that are read by people, or are patterns."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return [node.value]
    if isinstance(node, ast.Call):
        if _name(node.func) in _MESSAGE_CALLS or _owner(node.func) == "re":
            return node.args
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        return node.exc.args
    return []


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
            if name == "join" and _is_text_method(node.func):
                continue
            if name in _PATH_CALLS or _PATH_CALL.match(name):
                found.update(map(id, node.args))
    return found


def _is_text_method(function: ast.expr) -> bool:
    """True for a method of a constant, as in ", ".join(words)."""
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Constant)


def _name(function: ast.expr) -> str:
    """Last word of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    if isinstance(function, ast.Name):
        return function.id
    return ""


def _owner(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id
    return ""


def _short(text: str) -> str:
    if len(text) > 80:
        text = f"{text[:77]}..."
    return repr(text)
