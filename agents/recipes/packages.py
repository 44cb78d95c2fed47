"""Which packages candidate programs can import here, found without importing any of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable


def installed(names: Iterable[str]) -> frozenset[str]:
    """Those of the top-level module names (as written in an import) that this interpreter would
    find.
    """
    return frozenset(name for name in names if importlib.util.find_spec(name) is not None)
