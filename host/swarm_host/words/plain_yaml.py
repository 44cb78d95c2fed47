"""Small YAML files with a known set of keys, as plain values."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swarm_host.errors import SpecError, UsageError

_LARGEST = 1 << 20


def read_mapping(path: Path, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """The mapping that a file is; `keys` are those that it may have. Raises UsageError when it cannot
    be read, SpecError with file, line and the nearest right key when it is wrong.
    """
    # Not at the top: most commands read no such file.
    import yaml

    try:
        if path.stat().st_size > _LARGEST:
            raise SpecError(f"{path}: larger than {_LARGEST} bytes")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: {_fault(error)}") from None
    if not isinstance(found, dict):
        raise SpecError(f"{path}: keys with values are wanted")
    for key in found:
        if keys is not None and key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(keys)}"
            raise SpecError(f"{path}: unknown key {key!r}{hint}")
    return {str(key): value for key, value in found.items()}


def _fault(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}: {getattr(error, 'problem', error)}"
    return " ".join(str(error).split())
