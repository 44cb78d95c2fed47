"""Names of columns and folders in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def among(names: Iterable[str], others: Collection[str]) -> list[str]:
    """Those of the names that are among the others too."""
    return [name for name in names if name in others]


def without(names: Iterable[str], others: Collection[str]) -> list[str]:
    """Those of the names that are not among the others."""
    return [name for name in names if name not in others]
