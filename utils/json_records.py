"""Frozen dataclasses as plain JSON values and back. Stdlib only."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

T = TypeVar("T")

# Marks of fields: the name in JSON where it is another one, and a part whose fields stand in JSON
# beside those of its owner.
_JSON, _FLAT = "json", "flat"


def named(json_name: str, default: Any = dataclasses.MISSING) -> Any:
    """A field with another name in JSON."""
    if default is dataclasses.MISSING:
        return field(metadata={_JSON: json_name})
    return field(default=default, metadata={_JSON: json_name})


def flat() -> Any:
    """A part that is flat in JSON."""
    return field(metadata={_FLAT: True})


def json_name(field_: dataclasses.Field[Any]) -> str:
    """What a field is called in JSON."""
    return str(field_.metadata.get(_JSON, field_.name))


def to_json(record: Any) -> Any:
    """Plain JSON values of a record, depth first. Non-finite floats become None: JSON has no NaN."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return _record_to_json(record)
    if isinstance(record, dict):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [to_json(value) for value in record]
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record


def _record_to_json(record: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field_ in dataclasses.fields(record):
        value = to_json(getattr(record, field_.name))
        if field_.metadata.get(_FLAT):
            made |= value
        else:
            made[json_name(field_)] = value
    return made


def from_json(cls: type[T], value: dict[str, Any]) -> T:
    """The record of class `cls` that `to_json` turned into `value`; unknown keys are ignored.

    Raises TypeError when a field without default is missing.
    """
    found: dict[str, Any] = {}
    for field_, hint in _fields(cls):  # type: ignore[arg-type]
        if field_.metadata.get(_FLAT):
            found[field_.name] = from_json(hint, value)
        elif json_name(field_) in value:
            found[field_.name] = _revive(hint, value[json_name(field_)])
    return cls(**found)


def from_flat(cls: type, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by JSON name, those of parts gathered into parts. Raises TypeError for an unknown one."""
    known: set[str] = set()
    found: dict[str, Any] = {}
    for field_, hint in _fields(cls):
        if field_.metadata.get(_FLAT):
            inner = {json_name(f): f.name for f, _ in _fields(hint)}
            found[field_.name] = hint(**{inner[k]: v for k, v in fields.items() if k in inner})
            known |= inner.keys()
        elif field_.name in fields:
            found[field_.name] = fields[field_.name]
            known.add(field_.name)
    if unknown := fields.keys() - known:
        raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
    return found


@functools.cache
def _fields(cls: type) -> tuple[tuple[dataclasses.Field[Any], Any], ...]:
    """The fields of a record with the types that their annotations mean."""
    hints = typing.get_type_hints(cls)
    return tuple((f, hints[f.name]) for f in dataclasses.fields(cls))


def _revive(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _revive(next(arg for arg in args if arg is not type(None)), value)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_revive(args[0], item) for item in value)
        return tuple(_revive(arg, item) for arg, item in zip(args, value, strict=True))
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type, hint), value)
    if hint is float:
        return float(value)
    return value
