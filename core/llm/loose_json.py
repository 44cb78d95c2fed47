"""JSON out of what a model wrote: fences, prose and thoughts around it are tolerated, wrong types
are not. Pure.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from core.llm.texts import without_thoughts
from utils.text import whole

_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
# A text that nothing closes goes to the end, else its end is searched from each of its quotes.
_STRING_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|,(?=\s*[}\]])', re.DOTALL)
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[{}\[\]]', re.DOTALL)
_MOST_STARTS, _MOST_LOOKS = 40, 8
_MOST_CHARS = 400_000
_MOST_LEVELS = 64

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def read_json(text: str, schema: dict[str, Any]) -> Any:
    """The first JSON value in `text` that follows the schema. Raises ValueError that says what is
    wrong, in one line.

    Values keep their types: "false" is no boolean, "0.91" no number, NaN nothing at all.
    """
    problem = ""
    for candidate in _candidates(without_thoughts(text)[:_MOST_CHARS]):
        try:
            value = _parse(candidate)
        except ValueError as error:
            problem = problem or f"it is no JSON ({error})"
            continue
        wrong = mismatch(value, schema)
        if wrong is None:
            return value
        if not problem or problem.startswith("it is no JSON"):
            problem = wrong
    raise ValueError(problem or "there is no JSON in it")


def _candidates(text: str) -> Iterator[str]:
    """The whole, then what stands in fences, then everything between matching brackets, the
    outermost first.
    """
    if text.strip():
        yield text.strip()
    for fenced in _FENCED.findall(text):
        yield fenced.strip()
    for start, end in itertools.islice(_outermost(text), _MOST_STARTS):
        yield text[start:end]


def _outermost(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of what stands between matching brackets and in no other such place, in order;
    what stands in a bracket that nothing closes counts as outside. Reads the text a few times.
    """
    begin = _bracket(text, 0)
    for _ in range(_MOST_LOOKS):
        opened, closed = _matched(text, begin)
        yield from closed
        if not opened:
            return
        # A quote in prose behind a lone bracket hides what follows: it is read from there as well.
        begin = _bracket(text, opened[0] + 1)


def _bracket(text: str, start: int) -> int:
    """Where the next bracket opens. A quote in the prose above is no text."""
    places = (text.find(bracket, start) for bracket in "{[")
    return min(filter(lambda place: place >= 0, places), default=len(text))


def _matched(text: str, begin: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Brackets that nothing closes, and the outermost pairs, from a place on."""
    opened = list[int]()
    closed = list[tuple[int, int]]()
    for match in _STRING_OR_BRACKET.finditer(text, begin):
        if match[0] in "{[":
            opened.append(match.start())
        elif match[0] in "}]" and opened:
            start = opened.pop()
            while closed and closed[-1][0] > start:
                closed.pop()
            closed.append((start, match.end()))
    return opened, closed


def _parse(text: str) -> Any:
    """Plain JSON, also with line breaks within strings and commas before closing brackets."""
    try:
        return _loads(text)
    except ValueError:
        return _loads(_STRING_OR_COMMA.sub(lambda match: match.group(1) or "", text))


def _loads(text: str) -> Any:
    try:
        value = json.loads(text, strict=False, parse_constant=_refuse, parse_float=_finite)
        return whole_texts(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def whole_texts(value: Any, levels: int = _MOST_LEVELS) -> Any:
    """A value of JSON without lone halves of characters, which no file can hold. Raises ValueError
    for one that is nested too deeply.
    """
    if levels == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [whole_texts(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {whole(key): whole_texts(item, levels - 1) for key, item in value.items()}
    return value


def _finite(word: str) -> float:
    value = float(word)
    if math.isfinite(value):
        return value
    raise ValueError(f"{word} is no JSON number")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def mismatch(value: Any, schema: dict[str, Any], at: str = "it") -> str | None:
    """What keeps a value from following a schema (type, enum, required, properties, items, bounds,
    anyOf), or None.
    """
    if "anyOf" in schema:
        mismatches = [mismatch(value, option, at) for option in schema["anyOf"]]
        return None if None in mismatches else mismatches[0]
    kinds = schema.get("type")
    if kinds is not None and not _is_any(value, kinds):
        return f"{at} must be {kinds}, not {json.dumps(value, default=str)[:80]}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{at} must be one of {json.dumps(schema['enum'])}"
    if isinstance(value, dict):
        return _mismatch_in_object(value, schema, at)
    if isinstance(value, list):
        return _mismatch_in_list(value, schema.get("items", {}), at)
    return _out_of_bounds(value, schema, at)


def _is_any(value: Any, kinds: str | list[str]) -> bool:
    """JSON Schema's types: a boolean is no number, a number without fraction is an integer."""
    if isinstance(kinds, str):
        kinds = [kinds]
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return True
    return any(isinstance(value, _TYPES[kind]) for kind in kinds)


def _mismatch_in_object(value: dict[str, Any], schema: dict[str, Any], at: str) -> str | None:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{at} lacks {', '.join(missing)}"
    for name, rules in schema.get("properties", {}).items():
        wrong = mismatch(value[name], rules, f"{at}.{name}") if name in value else None
        if wrong is not None:
            return wrong
    return None


def _mismatch_in_list(value: list[Any], rules: dict[str, Any], at: str) -> str | None:
    for index, item in enumerate(value):
        wrong = mismatch(item, rules, f"{at}[{index}]")
        if wrong is not None:
            return wrong
    return None


def _out_of_bounds(value: Any, schema: dict[str, Any], at: str) -> str | None:
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        return f"{at} is too short"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            return f"{at} is out of bounds: {value}"
    return None
