"""Reads config/*.yaml and `key=value` words into the frozen Config, or says in one line what is
wrong with them.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import math
import os
import re
import sys
import types
import typing
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from utils.config_schema import VENDORS, Config
from utils.errors import ConfigError
from utils.untrusted import plain

__all__ = [
    "Config",
    "description_candidates",
    "dotlist",
    "find_description",
    "read_description",
    "known_keys",
    "load_config",
    "public_dict",
    "secrets",
    "validate_config",
]

DEFAULT_PATH = Path(__file__).resolve().parent.parent / "config" / "default.yaml"
CONTAINER_DESCRIPTIONS = (Path("/home/description.md"), Path("/home/data/description.md"))
# mle-bench's obfuscated mode leaves the description under this name where nobody has renamed it.
OBFUSCATED = "description_obfuscated.md"
MASK = "***"
_SHORTEST_KEY = 4

# A description is a page or two.
_MOST_DESCRIPTION = 1_000_000
_WORD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+=")
_EXPECTED = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "text",
    Path: "a path",
}
_log = logging.getLogger(__name__)


# ---------------------------------------------------------------- loading


def load_config(
    config_path: str | Path | None = None,
    use_cli: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of `config_path` (default config/default.yaml), changed by words and then
    by `overrides`.

    use_cli: takes the words of sys.argv that look like `section.key=value`. overrides: dotted key
    to value; text is read as the field's type says. `${env:NAME}` and `${env:NAME, default}` take
    the environment's value as text; an unset or empty variable is the default, or null. Raises
    ConfigError, one line, for an unreadable file, an unknown or missing key or an impossible value.
    """
    path = Path(config_path) if config_path is not None else DEFAULT_PATH
    changes: dict[str, Any] = {}
    if use_cli:
        changes |= dotlist(filter(_WORD.match, sys.argv[1:]))
    changes |= overrides or {}
    try:
        tree = _read(path)
        for key, value in changes.items():
            OmegaConf.update(tree, key, value)
        written = OmegaConf.to_container(tree, resolve=False)
        return _section(Config, _resolved(tree), _Origin(written, ""))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from error


def dotlist(words: Iterable[str]) -> dict[str, str]:
    """`key=value` words as a mapping; values stay text. Raises ConfigError for a word of another
    form.
    """
    pairs: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise ConfigError(f"expected key=value, got {word!r}")
        pairs[key] = value
    return pairs


def _read(path: Path) -> DictConfig:
    try:
        tree = OmegaConf.load(path)
    # The YAML reader raises errors of its own, which this file does not import.
    except Exception as error:
        raise ConfigError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    if not isinstance(tree, DictConfig):
        raise ConfigError(f"{path}: expected sections with keys")
    return tree


def _resolved(tree: DictConfig) -> Any:
    with warnings.catch_warnings():
        # 2.4 warns that it will rename this call; 2.3 has no other.
        warnings.simplefilter("ignore")
        OmegaConf.register_new_resolver("env", _env, replace=True)
        OmegaConf.register_new_resolver("of_provider", _of_provider, replace=True)
    return OmegaConf.to_container(tree, resolve=True)


def _env(name: str, default: Any = None) -> Any:
    return os.environ.get(name) or default


def _of_provider(provider: str | None, name: str) -> str | None:
    """The environment's `<PROVIDER>_<name>`, so that no key is sent to another vendor's address. The
    first vendor's where none is named.
    """
    vendor = provider if provider in VENDORS else VENDORS[0]
    return _env(f"{vendor.upper()}_{name}")


# ---------------------------------------------------------------- typing


@dataclasses.dataclass(frozen=True)
class _Origin:
    """Where a value came from: the unresolved tree and the dotted key of the section that is being
    read.
    """

    raw: Any
    key: str

    def below(self, name: str) -> _Origin:
        key = f"{self.key}.{name}".lstrip(".")
        if not isinstance(self.raw, dict):
            return _Origin(None, key)
        return _Origin(self.raw.get(name), key)

    def reject(self, value: Any, expected: str, secret: bool) -> ConfigError:
        shown, source = repr(value), ""
        if secret:
            shown = MASK
        if isinstance(self.raw, str) and "${" in self.raw:
            source = f" (from {self.raw})"
        return ConfigError(f"{self.key}: expected {expected}, got {shown}{source}")


def _section(cls: type, value: Any, origin: _Origin) -> Any:
    """The dataclass `cls` from a mapping that has exactly its fields."""
    if not isinstance(value, dict):
        raise ConfigError(f"{origin.key}: expected a section with keys")
    hints = typing.get_type_hints(cls)
    for name in value:
        if name not in hints:
            raise ConfigError(_unknown(origin.below(str(name)).key))
    missing = [origin.below(name).key for name in hints if name not in value]
    if missing:
        raise ConfigError(f"the configuration lacks {', '.join(missing)}")
    built = {}
    for field in dataclasses.fields(cls):
        hint, item, at = hints[field.name], value[field.name], origin.below(field.name)
        if dataclasses.is_dataclass(hint):
            built[field.name] = _section(typing.cast(type, hint), item, at)
        else:
            built[field.name] = _value(hint, item, at, field.metadata)
    return cls(**built)


def _unknown(key: str) -> str:
    keys = [name for name, _ in known_keys(Config)]
    sections = {name[:end] for name in keys for end in range(len(name)) if name[end] == "."}
    near = difflib.get_close_matches(key, [*keys, *sorted(sections)], n=1, cutoff=0.0)
    return f"unknown configuration key {key}; the nearest known one is {near[0]}"


def _value(hint: Any, value: Any, origin: _Origin, rules: Mapping[str, Any]) -> Any:
    """The value as the field's type wants it, within the field's range and choices."""
    secret = bool(rules.get("secret"))
    kind, or_null = hint, ""
    if isinstance(hint, types.UnionType):
        kind, or_null = typing.get_args(hint)[0], " or null"
        if value in (None, "", "null"):
            return None
    try:
        typed = _convert(kind, value)
    except (TypeError, ValueError):
        raise origin.reject(value, _expected(kind) + or_null, secret) from None
    least, most = rules.get("range", (None, None))
    if least is not None and typed < least:
        raise origin.reject(value, f"at least {least:g}", secret)
    if most is not None and typed > most:
        raise origin.reject(value, f"at most {most:g}", secret)
    if "choices" in rules and typed not in rules["choices"]:
        raise origin.reject(value, "one of " + ", ".join(rules["choices"]), secret)
    return typed


def _expected(kind: Any) -> str:
    """A kind of value in words."""
    if typing.get_origin(kind) is dict:
        return "a mapping from names to three numbers"
    return _EXPECTED.get(kind, "a list of names")


def _convert(kind: Any, value: Any) -> Any:
    """A plain value, or the text of one, as `kind`. Raises TypeError or ValueError."""
    if kind is bool:
        if value in ("true", "True"):
            return True
        if value in ("false", "False"):
            return False
        return _exactly(bool, value)
    if isinstance(value, bool) or value is None:
        raise TypeError
    if kind is int:
        if isinstance(value, str):
            return int(value)
        return _exactly(int, value)
    if kind is float:
        return _finite(float(value))
    if kind is str:
        return _exactly(str, value)
    if typing.get_origin(kind) is dict:
        rows = _exactly(dict, _tree(value))
        return {_exactly(str, name): _numbers(row) for name, row in rows.items()}
    if kind is Path:
        if not isinstance(value, Path):
            value = Path(_exactly(str, value))
        return value.expanduser()
    return _names(value)


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind or value == "":
        raise TypeError
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError
    return value


def _names(value: Any) -> tuple[str, ...]:
    """A list of text, also written as `a,b` or `[a, b]`."""
    if isinstance(value, str):
        value = list(map(str.strip, value.strip("[] ").split(",")))
    if not isinstance(value, list) or not value:
        raise TypeError
    return tuple(_exactly(str, name) for name in value)


def _tree(value: Any) -> Any:
    """A mapping, also written as `{a: [1, 2, 3]}`. Raises ValueError for text that is none."""
    if not isinstance(value, str):
        return value
    try:
        return OmegaConf.to_container(OmegaConf.create(value))
    # The YAML reader raises errors of its own, which this file does not import.
    except Exception as error:
        raise ValueError from error


def _numbers(value: Any) -> tuple[float, ...]:
    """Three numbers of 0 or more: the one kind of value that a mapping in the configuration has."""
    if not isinstance(value, list) or len(value) != 3:
        raise TypeError
    numbers = tuple(_finite(float(item)) for item in value)
    if min(numbers) < 0:
        raise ValueError
    return numbers


# ---------------------------------------------------------------- looking at a configuration


def known_keys(cls: type, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """Dotted key and field of every value below a schema class."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from known_keys(typing.cast(type, hints[field.name]), f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field


def _get(cfg: Config, key: str) -> Any:
    value: Any = cfg
    for name in key.split("."):
        value = getattr(value, name)
    return value


def secrets(cfg: Config) -> tuple[str, ...]:
    """The keys in force, for redaction; each one of a comma-separated list too, but for words that
    are no keys.
    """
    found = set[str]()
    for key, field in known_keys(Config):
        value = _get(cfg, key)
        if value and field.metadata.get("secret"):
            found.add(value)
            parts = map(str.strip, value.split(","))
            found.update(part for part in parts if len(part) >= _SHORTEST_KEY)
    return tuple(sorted(found))


def public_dict(cfg: Config) -> dict[str, Any]:
    """The tree as plain JSON values for logs and the journal: keys masked, no user or password in
    addresses.
    """
    return _public_section(cfg)


def _public_section(section: Any) -> dict[str, Any]:
    fields = dataclasses.fields(section)
    return {field.name: _public(getattr(section, field.name), field) for field in fields}


def _public(value: Any, field: dataclasses.Field[Any]) -> Any:
    if dataclasses.is_dataclass(value):
        return _public_section(value)
    if field.metadata.get("secret"):
        return MASK if value else None
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {name: list(row) for name, row in value.items()}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "://" in value:
        return _without_user(value)
    return value


def _without_user(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    # A query may hold a key; nothing that a reader needs stands there.
    query = MASK if parts.query else ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def description_candidates(
    cfg: Config, container: Sequence[Path] = CONTAINER_DESCRIPTIONS
) -> list[Path]:
    """Where the description may be, first choice first: what the user named, then the data folder,
    then the image.

    An obfuscated description comes after every full one.
    """
    named = filter(None, [cfg.data.desc_file])
    usual = list(dict.fromkeys([cfg.data.data_dir / "description.md", *container]))
    return [*named, *usual, *dict.fromkeys(path.with_name(OBFUSCATED) for path in usual)]


def find_description(
    cfg: Config, container: Sequence[Path] = CONTAINER_DESCRIPTIONS
) -> Path | None:
    """The first candidate that can be read and is not empty."""
    return next(filter(_has_text, description_candidates(cfg, container)), None)


def read_description(cfg: Config, container: Sequence[Path] = CONTAINER_DESCRIPTIONS) -> str:
    """Text of the description without control characters and escapes, "" without one; of one beyond
    a million bytes the beginning, with a warning in the log. Raises OSError where it cannot be read
    after all.
    """
    found = find_description(cfg, container)
    if found is None:
        return ""
    with found.open("rb") as file:
        data = file.read(_MOST_DESCRIPTION + 1)
    if len(data) > _MOST_DESCRIPTION:
        _log.warning("%s is longer than %d bytes; the rest is not read", found, _MOST_DESCRIPTION)
    return plain(data[:_MOST_DESCRIPTION].decode("utf-8-sig", errors="replace"))


def _has_text(path: Path) -> bool:
    return os.access(path, os.R_OK) and path.is_file() and path.stat().st_size > 0


def validate_config(cfg: Config, container: Sequence[Path] = CONTAINER_DESCRIPTIONS) -> list[str]:
    """Looks at the folders that the configuration names. Returns what is missing but can be done
    without, and logs it.

    Raises ConfigError when there is no data folder.
    """
    if not cfg.data.data_dir.is_dir():
        raise ConfigError(f"data.data_dir: no folder {cfg.data.data_dir}")
    found = []
    if cfg.data.desc_file is not None and not cfg.data.desc_file.is_file():
        found.append(f"data.desc_file: no file {cfg.data.desc_file}")
    if find_description(cfg, container) is None:
        places = ", ".join(map(str, description_candidates(cfg, container)))
        found.append(
            f"no description (looked for {places}); the metric is chosen by the kind of values"
        )
    for warning in found:
        _log.warning("%s", warning)
    return found
