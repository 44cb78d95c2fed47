"""Mistakes of a file, gathered: a user who is told all of them mends the file once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar, cast

from swarm_host.errors import SpecError

A = TypeVar("A")
T = TypeVar("T")


def raise_all(mistakes: Sequence[str]) -> None:
    """Raises SpecError with every mistake, one a line, if there is any."""
    if mistakes:
        raise SpecError("\n".join(mistakes))


def attempt(act: Callable[[], T], mistakes: list[str]) -> T | None:
    """What `act` gives; None where it raises SpecError, whose lines are added to the mistakes."""
    try:
        return act()
    except SpecError as error:
        mistakes += str(error).splitlines()
        return None


def each(convert: Callable[[A], T], values: Iterable[A]) -> list[T]:
    """Every value converted. Raises SpecError with the mistakes of all of them."""
    mistakes: list[str] = []
    found = [attempt(partial(convert, value), mistakes) for value in values]
    raise_all(mistakes)
    # None stands only where `convert` gave it.
    return cast("list[T]", found)


def together(*acts: Callable[[], T]) -> list[T]:
    """What each act gives. Raises SpecError with the mistakes of all of them."""
    return each(lambda act: act(), acts)
