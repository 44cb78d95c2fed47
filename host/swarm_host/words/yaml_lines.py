"""YAML with the line of each value: plain data only, no key twice, numbers and words as YAML 1.2 reads
them (`no` is a word, 12:30 is a text). The only reader of YAML on the host side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from swarm_host.errors import SpecError
from swarm_host.words.mistakes import raise_all

Scalar = None | bool | int | float | str
# From a word that stands without quotes to what it means.
Meaning = Callable[[str], Scalar]
# Bytes of a file.
LARGEST = 1024**2
# Deeper than any right file; also ends an alias that contains itself.
_DEPTH = 12
# More values than any right file has. Aliases of aliases make billions of a few lines.
_MOST = 100_000
_WORDS: dict[str, None | bool] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_TAGS = {
    "!",
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a file, and where it stands."""

    value: Scalar | list[Field] | dict[str, Field]
    # A scalar as it was written: 1.10 stays 1.10.
    text: str
    # File and line, or "command line".
    place: str
    # Keys from the top, with dots. Empty: the file itself.
    path: str


class _Loader(yaml.SafeLoader):
    """Leaves the meaning of scalars to us."""

    yaml_implicit_resolvers: dict[str, Any] = {}


def wrong(field: Field, message: str) -> SpecError:
    """The error that says where it is."""
    where = f"{field.place}: {field.path}" if field.path else field.place
    return SpecError(f"{where}: {message}")


def kind(field: Field) -> str:
    """What a value is, in the words of a message."""
    if isinstance(field.value, list):
        return "a list"
    if isinstance(field.value, dict):
        return "a mapping"
    if field.value is None:
        return "nothing"
    return f"{field.text!r}"


def plain(field: Field) -> object:
    """Only the values: what other readers of YAML give."""
    if isinstance(field.value, list):
        return [plain(item) for item in field.value]
    if isinstance(field.value, dict):
        return {key: plain(item) for key, item in field.value.items()}
    return field.value


def yaml_1_2(text: str) -> Scalar:
    """What a word without quotes means in YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def load(path: Path, meaning: Meaning = yaml_1_2, problems: list[str] | None = None) -> Field:
    """The file as fields. Raises SpecError for one that cannot be read, and as `read` does."""
    try:
        with path.open("rb") as file:
            # Whatever is larger is refused by its size.
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}") from None
    return read(data, str(path), meaning, problems)


def read(
    data: bytes, name: str, meaning: Meaning = yaml_1_2, problems: list[str] | None = None
) -> Field:
    """The bytes of a file as fields. Raises SpecError with the line for anything that is not plain
    YAML. `name` stands in messages.

    problems: takes a line for each key that stands twice, of which the first value is kept. None:
    they are raised.
    """
    if len(data) > LARGEST:
        raise SpecError(f"{name}: larger than 1 MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{name}: not UTF-8 at byte {error.start}") from None
    node = _compose(text, name)
    if node is None:
        raise SpecError(f"{name}: empty")
    reader = _Reader(name, meaning)
    found = reader.field(node, "")
    if problems is None:
        raise_all(reader.doubled)
    else:
        problems += reader.doubled
    return found


def read_value(text: str, path: str) -> Field:
    """The right side of an override of the command line."""
    node = _compose(text, f"command line: {path}")
    if node is None:
        return Field(None, "", "command line", path)
    reader = _Reader("", yaml_1_2)
    found = reader.field(node, path)
    raise_all(reader.doubled)
    return _placed(found)


def with_override(root: Field, override: str) -> Field:
    """The file with one `key.key=value` put in. Raises SpecError for a text that is none."""
    path, equals, value = override.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise SpecError(f"command line: {override!r}: an override is key=value or key.key=value")
    return _put(root, keys, read_value(value, path))


def _put(field: Field, keys: list[str], new: Field) -> Field:
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if isinstance(field.value, list):
        return replace(field, value=_put_in_list(field, field.value, key, rest, new))
    mapping = field.value if isinstance(field.value, dict) else {}
    if field.value is not None and not isinstance(field.value, dict):
        raise SpecError(f"command line: {new.path}: {field.path} is {kind(field)}, not a mapping")
    below = mapping.get(key) or Field(None, "", new.place, f"{field.path}.{key}".strip("."))
    return replace(field, value=mapping | {key: _put(below, rest, new)})


def _put_in_list(
    field: Field, items: list[Field], key: str, rest: list[str], new: Field
) -> list[Field]:
    if not key.isdecimal() or int(key) >= len(items):
        raise SpecError(
            f"command line: {new.path}: {field.path} is a list of {len(items)}: "
            f"{key!r} is no place in it"
        )
    at = int(key)
    return [*items[:at], _put(items[at], rest, new), *items[at + 1 :]]


def _placed(field: Field) -> Field:
    """The same, said to come from the command line at every depth."""
    value = field.value
    if isinstance(value, list):
        value = [_placed(item) for item in value]
    elif isinstance(value, dict):
        value = {key: _placed(item) for key, item in value.items()}
    return replace(field, value=value, place="command line")


def _compose(text: str, name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SpecError(f"{name}{line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{name}: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise SpecError(f"{name}: nested too deeply") from None


class _Reader:
    """From the nodes of one file to its fields."""

    def __init__(self, name: str, meaning: Meaning) -> None:
        self._name, self._meaning = name, meaning
        self._counted = count(1)
        # A line for each key that stands twice.
        self.doubled: list[str] = []

    def field(self, node: yaml.Node, path: str, depth: int = 0) -> Field:
        empty = Field(None, "", f"{self._name}:{node.start_mark.line + 1}", path)
        if depth > _DEPTH:
            raise wrong(empty, "nested too deeply")
        if next(self._counted) > _MOST:
            raise wrong(empty, f"more than {_MOST:,} values, with those of aliases")
        if node.tag not in _TAGS:
            raise wrong(empty, f"the tag {node.tag} is not known: plain data only")
        if isinstance(node, yaml.ScalarNode):
            return replace(empty, value=self._scalar(node), text=node.value)
        if isinstance(node, yaml.SequenceNode):
            items = [self.field(n, f"{path}.{i}", depth + 1) for i, n in enumerate(node.value)]
            return replace(empty, value=items)
        return replace(empty, value=self._mapping(node, path, depth))

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Field]:
        found: dict[str, Field] = {}
        merged: dict[str, Field] = {}
        for key, value in node.value:
            place = f"{self._name}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise SpecError(f"{place}: a key must be a word")
            below = f"{path}.{key.value}".strip(".")
            if key.value == "<<" and not key.style:
                for field in _merges(self.field(value, path, depth + 1)):
                    merged = field | merged
            elif key.value in found:
                first = found[key.value].place
                self.doubled.append(f"{place}: {below}: stands twice; first {first}")
            else:
                # An empty value has its place after the key: the key's line is what a reader
                # looks for.
                found[key.value] = replace(self.field(value, below, depth + 1), place=place)
        return merged | found

    def _scalar(self, node: yaml.ScalarNode) -> Scalar:
        text: str = node.value
        is_plain = not node.style and node.tag == "tag:yaml.org,2002:str"
        return self._meaning(text) if is_plain else text


def _merges(field: Field) -> Iterator[dict[str, Field]]:
    """Mappings behind a `<<`, the most important first."""
    for part in field.value if isinstance(field.value, list) else [field]:
        if not isinstance(part.value, dict):
            raise wrong(field, f"<< takes mappings, got {kind(part)}")
        yield part.value


def typed(field: Field, text: str) -> Field:
    """The field with another text, read as if it stood in the file without quotes."""
    return replace(field, value=yaml_1_2(text), text=text)
