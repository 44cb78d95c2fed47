"""Which packages candidate programs can import here, found without importing any of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import distributions
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]


@cache
def importable(name: str) -> bool:
    """True for a module of Python or an installed package; those of this checkout are not there for
    programs. name: top-level, as written in an import.
    """
    if name in sys.builtin_module_names or name in sys.stdlib_module_names:
        return True
    places = [place for place in sys.path if place and not _is_ours(Path(place).resolve())]
    return PathFinder.find_spec(name, places) is not None


def _is_ours(place: Path) -> bool:
    """The checkout, or a folder of it; an environment's packages lie deeper."""
    return _CHECKOUT in (place, place.parent)


def installed(names: Iterable[str]) -> frozenset[str]:
    """Those of the names that are importable."""
    return frozenset(filter(importable, names))


def versions() -> dict[str, str]:
    """Version of each installed distribution, by its name."""
    return {found.metadata["Name"]: found.version for found in distributions()}
