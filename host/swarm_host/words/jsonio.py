"""Records to JSON and back, with every type checked. A secret stays a name.

Fields that a newer version added are skipped; a missing field takes its default. What does not fit
raises SpecError with the path to it: `run.timeout: a number is needed, not "x"`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union

from swarm_host.errors import SpecError
from swarm_host.records import Secret

T = TypeVar("T")

# How the types of JSON values are called in messages.
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def to_json(value: object) -> Any:
    """Plain dicts, lists, texts and numbers. Numbers that JSON has no word for become null."""
    if isinstance(value, Secret):
        return {"secret": value.name}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def dumps(value: object, indent: int | None = None) -> str:
    """One line (or indented lines) of JSON in ASCII, so that no byte of it can be torn apart."""
    return json.dumps(to_json(value), indent=indent, allow_nan=False)


def loads(kind: type[T], text: str | bytes, what: str = "") -> T:
    """A record from its JSON text. Raises SpecError; `what` names the file in messages."""
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{what or kind.__name__}: this is not JSON ({error})") from error
    return from_json(kind, data, what)


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no number")


def from_json(kind: type[T], data: object, path: str = "") -> T:
    """A record from what `to_json` made of it. Raises SpecError with the path of what is wrong."""
    return typing.cast(T, _read(kind, data, path))


def _read(kind: Any, data: object, path: str) -> object:
    origin = typing.get_origin(kind)
    if kind is Any:
        return data
    if kind is Secret:
        return _secret(data, path)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), data, path)
    if origin is Union or isinstance(kind, types.UnionType):
        return _one_of(typing.get_args(kind), data, path)
    if origin is typing.Literal:
        return _literal(typing.get_args(kind), data, path)
    if origin is tuple:
        return _items(typing.get_args(kind)[0], data, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(typing.get_args(kind)[1], data, path)
    return _plain(kind, data, path)


def _record(kind: type, data: object, path: str) -> object:
    if not isinstance(data, dict):
        raise _wrong(path or kind.__name__, "an object", data)
    found = {}
    for name, (field_kind, needed) in _fields(kind).items():
        inside = f"{path}.{name}" if path else name
        if name in data:
            found[name] = _read(field_kind, data[name], inside)
        elif needed:
            raise SpecError(f"{inside}: it is missing")
    return kind(**found)


@functools.cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    """Name to type and whether it must be there, of each field of a record."""
    hints = typing.get_type_hints(kind)
    found = {}
    for field in dataclasses.fields(kind):
        has_default = (field.default, field.default_factory) != (
            dataclasses.MISSING,
            dataclasses.MISSING,
        )
        found[field.name] = (hints[field.name], not has_default)
    return found


def _secret(data: object, path: str) -> Secret:
    if isinstance(data, dict) and isinstance(data.get("secret"), str):
        return Secret(data["secret"])
    raise _wrong(path, "a secret by its name", data)


def _one_of(kinds: tuple[Any, ...], data: object, path: str) -> object:
    """The first type of a union that fits. Where only one is left besides null, its own error."""
    if data is None and type(None) in kinds:
        return None
    real = [kind for kind in kinds if kind is not type(None)]
    errors = []
    for kind in real:
        try:
            return _read(kind, data, path)
        except SpecError as error:
            errors.append(error)
    if len(real) == 1:
        raise errors[0]
    raise _wrong(path, " or ".join(_word(kind) for kind in real), data)


def _literal(words: tuple[Any, ...], data: object, path: str) -> object:
    if isinstance(data, str) and data in words:
        return data
    raise _wrong(path, f"one of {', '.join(map(str, words))}", data)


def _items(kind: Any, data: object, path: str) -> tuple[object, ...]:
    if not isinstance(data, list):
        raise _wrong(path, "a list", data)
    return tuple(_read(kind, item, f"{path}[{place}]") for place, item in enumerate(data))


def _mapping(kind: Any, data: object, path: str) -> dict[str, object]:
    if not isinstance(data, dict):
        raise _wrong(path, "an object", data)
    return {key: _read(kind, item, f"{path}.{key}") for key, item in data.items()}


def _plain(kind: Any, data: object, path: str) -> object:
    """A text, a number or a truth value. A whole number is a number, true is none."""
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(data, kind) and (kind is bool or not isinstance(data, bool)):
        return data
    raise _wrong(path, _WORDS[kind], data)


def _word(kind: Any) -> str:
    if kind is Secret:
        return "a secret"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _wrong(path: str, wanted: str, data: object) -> SpecError:
    shown = json.dumps(data, default=str)
    short = shown if len(shown) <= 60 else shown[:57] + "..."
    return SpecError(f"{path or 'value'}: {wanted} is needed, not {short}")
