"""Variables in specification files: `~`, `$X`, `${X}`, `${X:-default}`, `$$` and `${{ secrets.X }}`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from swarm_host.errors import SpecError
from swarm_host.records import Secret
from swarm_host.words.mistakes import attempt, raise_all
from swarm_host.words.names import nearest

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_SECRET = re.compile(r"secrets\.([A-Za-z_][A-Za-z0-9_]*)")
_WHOLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:-.*)?\})", re.ASCII | re.DOTALL)
_LOOKS_SECRET = re.compile(
    r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PAT)(_|$)", re.I
)
# These hold no secret, and a record of a run shall say them: they stand in files by value.
_PLAIN = re.compile(
    "HOME|USER|LOGNAME|PWD|LANG|TZ|SHELL|HOSTNAME|TMPDIR|(.*_)?(MODEL|MODEL_NAME|SEED|VERSION)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the values of variables come from."""

    # Of the run itself: run_id, competition, seed. They hide variables of the host.
    own: Mapping[str, str]
    # Environment of the host.
    environ: Mapping[str, str]
    # What `~` stands for.
    home: str
    # What relative paths are relative to: the folder in which the command was given.
    base: str
    # Names that get their values in a second expansion. Where there are any, what the first one
    # leaves is made for the second: these references and doubled dollar signs stay as they are.
    later: frozenset[str] = frozenset()


def looks_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret, as far as a name can tell."""
    return bool(_LOOKS_SECRET.search(name))


def expand_text(text: str, scope: Scope) -> str:
    """The text with its variables replaced once: what a variable holds is not looked at again.

    References `${{ ... }}` stay as they are. Raises SpecError with a line for each unknown variable,
    for a brace without its end, and for each variable that looks secret, since the text is stored.
    """
    # Each spelling of a variable with what stands for it; None for one that is wrong.
    known: dict[str, str | None] = {}
    mistakes: list[str] = []
    parts: list[str] = []
    at = 0
    while (start := text.find("$", at)) >= 0:
        end = _end(text, start)
        piece = text[start:end]
        if piece not in known:
            known[piece] = attempt(partial(_variable, piece, scope), mistakes)
        parts += (text[at:start], known[piece] or "")
        at = end
    raise_all(mistakes)
    return "".join((*parts, text[at:]))


def expand_value(text: str, scope: Scope) -> str | Secret:
    """As expand_text, where a secret is allowed: a value that is nothing but a variable of the host
    or `${{ secrets.X }}` becomes a Secret, which is not looked up here.
    """
    reference = _REFERENCE.fullmatch(text)
    if reference:
        secret = _SECRET.fullmatch(reference[1])
        if not secret:
            raise SpecError(f"{text}: only ${{{{ secrets.NAME }}}} is known")
        return Secret(secret[1])
    if _REFERENCE.search(text):
        raise SpecError("a secret must be the whole value: give the agent the parts by themselves")
    whole = _WHOLE.fullmatch(text)
    name = whole and (whole[1] or whole[2])
    if not name or name in scope.own or not scope.environ.get(name) or _PLAIN.fullmatch(name):
        return expand_text(text, scope)
    return Secret(name)


def expand_path(text: str, scope: Scope) -> str:
    """An absolute path of the host. Links are kept. Raises SpecError as expand_text, for a secret,
    for an empty path and for `~name`.
    """
    refuse_secrets(text)
    path = expand_text(text, scope)
    if not path or "\0" in path:
        raise SpecError("a path must not be empty" if not path else "a path must not hold NUL")
    first, slash, rest = path.partition("/")
    if first == "~":
        path = scope.home + slash + rest
    elif first.startswith("~"):
        raise SpecError(f"{first}: only ~ by itself is known; write the folder of that user")
    return os.path.normpath(os.path.join(scope.base, path))  # noqa: PTH118  (no look at the disk)


def refuse_secrets(text: str) -> None:
    """Raises SpecError when a reference to a secret stands where a value would be stored."""
    if _REFERENCE.search(text):
        raise SpecError("secrets may stand in env and build_args only")


def _end(text: str, start: int) -> int:
    """Where the text goes on after what begins with the dollar sign at `start`."""
    following = text[start + 1 : start + 2]
    if following == "$":
        return start + 2
    if following == "{":
        reference = _REFERENCE.match(text, start)
        return reference.end() if reference else _after_braces(text, start + 1)
    name = NAME.match(text, start + 1)
    return name.end() if name else start + 1


def _after_braces(text: str, opening: int) -> int:
    """Index after the brace that closes the one at `opening`; the end of the text without one."""
    depth = 0
    for index in range(opening, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return index + 1
    return len(text)


def _variable(piece: str, scope: Scope) -> str:
    """What stands for a dollar sign and all that belongs to it."""
    if piece in ("$", "$$"):
        # A lone one. What follows may be a value, with which it would be read again.
        return "$$" if scope.later else "$"
    if not piece.startswith("${"):
        return _look_up(piece[1:], scope)
    if _REFERENCE.fullmatch(piece):
        return piece
    if piece.count("{") != piece.count("}"):
        raise SpecError(f"{piece.splitlines()[0]}: the closing brace is missing")
    return _braces(piece[2:-1], scope)


def _braces(inside: str, scope: Scope) -> str:
    name = NAME.match(inside)
    if not name or not (name.end() == len(inside) or inside.startswith(":-", name.end())):
        raise SpecError(f"${{{inside}}}: only ${{NAME}} and ${{NAME:-default}} are known")
    if name.end() == len(inside):
        return _look_up(name[0], scope)
    # As in a shell: an empty variable takes the default too.
    if name[0] in scope.later:
        raise SpecError(f"${{{name[0]}}} is known later, and always: it takes no default")
    if scope.own.get(name[0]) or scope.environ.get(name[0]):
        return _look_up(name[0], scope)
    return expand_text(inside[name.end() + 2 :], scope)


def _look_up(name: str, scope: Scope) -> str:
    if name in scope.later:
        return f"${{{name}}}"
    value = _value(name, scope)
    return value.replace("$", "$$") if scope.later else value


def _value(name: str, scope: Scope) -> str:
    if name in scope.own:
        return scope.own[name]
    if name not in scope.environ:
        _unknown(name, scope)
    if looks_secret(name):
        raise SpecError(
            f"${name} looks like a secret, and this text is stored and printed: "
            f"write {name}: ${{{{ secrets.{name} }}}} below env or build_args"
        )
    return scope.environ[name]


def _unknown(name: str, scope: Scope) -> NoReturn:
    near = nearest(name, {*scope.own, *scope.environ, *scope.later})
    raise SpecError(
        f"${name} is not set{near}; write ${{{name}:-default}} for a default, "
        f"$${name} for a variable of the agent's own shell"
    )
