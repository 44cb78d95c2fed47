"""From a field of a file to a value of the right type. Each function raises SpecError with the line."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Collection
from typing import TypeVar

from swarm_host.errors import SpecError
from swarm_host.records import Secret
from swarm_host.words.expand import (
    NAME,
    Scope,
    expand_path,
    expand_text,
    expand_value,
    refuse_secrets,
)
from swarm_host.words.mistakes import each
from swarm_host.words.names import nearest
from swarm_host.words.yaml_lines import Field, kind, typed, wrong

T = TypeVar("T")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_TIMES = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[dhms])+", re.IGNORECASE)
_PART = re.compile(r"([0-9.]+)([dhms])", re.IGNORECASE)
# Docker itself takes no less than 6 MiB; a smaller number is a size whose unit was forgotten.
_SMALLEST = 6 * 1024**2
_LONGEST = 30 * 86400.0
_SHELL = frozenset({"&&", "||", "|", ";", ">", ">>", "<", "&", "2>", "2>&1"})


def text(field: Field) -> str:
    """A text, or a number as it was written."""
    if isinstance(field.value, bool):
        raise wrong(field, f"expected a text, got {field.text}: put it in quotes")
    if not isinstance(field.value, str | int | float):
        raise wrong(field, f"expected a text, got {kind(field)}")
    if "\0" in field.text:
        raise wrong(field, "must not hold NUL")
    return field.text


def flag(field: Field) -> bool:
    if isinstance(field.value, bool):
        return field.value
    raise wrong(field, f"expected true or false, got {kind(field)}")


def finite(field: Field) -> float:
    value = field.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(field, f"expected a number, got {kind(field)}")
    if not math.isfinite(value):
        raise wrong(field, f"must be finite, got {kind(field)}")
    return float(value)


def number(field: Field) -> float:
    """Above 0 and finite."""
    found = finite(field)
    if found <= 0:
        raise wrong(field, f"must be above 0, got {kind(field)}")
    return found


def whole(field: Field, least: int = 1, most: int | None = None) -> int:
    value = field.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, f"expected a whole number, got {kind(field)}")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise wrong(field, f"must be {bounds}, got {kind(field)}")
    return value


def size(field: Field) -> int:
    """Bytes of `16g`, `512 MiB` or a number."""
    match = None if isinstance(field.value, bool) else _SIZE.fullmatch(field.text.strip())
    if not match:
        raise wrong(field, f"expected a size such as 16g or 512m, got {kind(field)}")
    found = int(float(match[1]) * _UNITS[match[2].lower()])
    if found < _SMALLEST:
        raise wrong(field, f"{kind(field)} is less than 6 MiB: is the unit missing, as in 16g?")
    return found


def seconds(field: Field) -> float:
    """Seconds of `12h`, `1h30m` or a number."""
    value = field.value
    if isinstance(value, str) and _DURATION.fullmatch(value):
        parts = _PART.findall(value)
        value = sum(float(amount) * _TIMES[unit.lower()] for amount, unit in parts)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(field, f"expected a time such as 12h, 1h30m or seconds, got {kind(field)}")
    if not 0 < value <= _LONGEST:
        raise wrong(field, f"must be above 0 and at most 30d, got {kind(field)}")
    return float(value)


def choice(field: Field, words: Collection[str]) -> str:
    if isinstance(field.value, str) and field.value in words:
        return field.value
    near = nearest(field.text, words) if field.text else ""
    raise wrong(field, f"expected {', '.join(sorted(words))}; got {kind(field)}{near}")


def items(field: Field) -> list[Field]:
    if isinstance(field.value, list):
        return field.value
    raise wrong(field, f"expected a list, got {kind(field)}")


def entries(field: Field) -> dict[str, Field]:
    if isinstance(field.value, dict):
        return field.value
    raise wrong(field, f"expected a mapping, got {kind(field)}")


def gpus(field: Field) -> str | None:
    """`all`, a number, or docker's own spelling such as `device=0,1`. 0: none."""
    if isinstance(field.value, int) and not isinstance(field.value, bool):
        return str(whole(field, least=0)) if field.value else None
    found = text(field)
    if found != "all" and not re.fullmatch(r'"?(device|count|capabilities)=[\w,=:."-]+', found):
        raise wrong(field, f"expected all, a number or device=0,1; got {kind(field)}")
    return found


def words(field: Field, scope: Scope) -> tuple[str, ...]:
    """Program and arguments: a list, or a text that is cut as a shell cuts it, without a shell."""
    if isinstance(field.value, list):
        return tuple(each(lambda item: expanded(item, scope), field.value))
    found = text(field)
    _located(field, lambda: refuse_secrets(found))
    try:
        parts = shlex.split(found)
    except ValueError as error:
        raise wrong(field, f"{error} in {field.text!r}") from None
    if _SHELL & set(parts) or any("$(" in part or "`" in part for part in parts):
        raise wrong(field, 'no shell reads this: write ["bash", "-c", "..."] to have one')
    return _located(field, lambda: tuple(each(lambda part: expand_text(part, scope), parts)))


def expanded(field: Field, scope: Scope) -> str:
    """A text that is stored: its variables are replaced, and it holds no secret."""
    found = text(field)
    _located(field, lambda: refuse_secrets(found))
    return _located(field, lambda: expand_text(found, scope))


def filled(convert: Callable[[Field], T], scope: Scope) -> Callable[[Field], T]:
    """A converter that first replaces variables: `network: ${NETWORK:-bridge}`, `cpus: $CPUS`."""

    def read(field: Field) -> T:
        if not isinstance(field.value, str) or "$" not in field.text:
            return convert(field)
        return convert(typed(field, expanded(field, scope)))

    return read


def path(field: Field, scope: Scope) -> str:
    """An absolute path of the host."""
    found = text(field)
    return _located(field, lambda: expand_path(found, scope))


def target(field: Field, scope: Scope, name: str | None = None) -> str:
    """An absolute path as the agent sees it. `name`: what it is, where a field holds several."""
    found = expanded(field, scope) if name is None else name
    if not found.startswith("/") or ".." in found.split("/") or found.strip("/") == "":
        raise wrong(field, f"expected an absolute path in the container, got {found!r}")
    return found.rstrip("/")


def variables(field: Field, scope: Scope) -> dict[str, str | Secret]:
    """Of a mapping, or of a list of NAME=value. A name alone takes the host's value, as a secret."""
    seen: set[str] = set()

    def pair_of(item: Field) -> tuple[str, str | Secret]:
        name, value = _cut(item)
        if name in seen:
            raise wrong(item, f"{name} stands twice")
        seen.add(name)
        return name, _variable(name, value, scope)

    if isinstance(field.value, dict):
        given = field.value.items()
        return dict(each(lambda pair: (pair[0], _variable(*pair, scope)), given))
    if isinstance(field.value, list):
        return dict(each(pair_of, field.value))
    raise wrong(field, f"expected a mapping or a list of NAME=value, got {kind(field)}")


def _cut(item: Field) -> tuple[str, Field]:
    """Of NAME=value, or of a name alone."""
    name, equals, value = text(item).partition("=")
    content = value if equals else None
    # A mistake names the variable as in a mapping, and the item only where there is no name.
    above = item.path.rpartition(".")[0]
    path = f"{above}.{name}" if NAME.fullmatch(name) else item.path
    return name, Field(content, value, item.place, path)


def _variable(name: str, field: Field, scope: Scope) -> str | Secret:
    if not NAME.fullmatch(name):
        raise wrong(field, f"{name!r} is no name of a variable")
    if field.value is None:
        return Secret(name)
    # As in a shell and in docker: true, not Python's True.
    found = field.text if isinstance(field.value, bool) else text(field)
    return _located(field, lambda: expand_value(found, scope))


def _located(field: Field, act: Callable[[], T]) -> T:
    """As `act`, with the place before each of its mistakes."""
    try:
        return act()
    except SpecError as error:
        lines = [str(wrong(field, line)) for line in str(error).splitlines()]
        raise SpecError("\n".join(lines)) from None
