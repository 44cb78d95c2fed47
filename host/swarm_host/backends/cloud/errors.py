"""What errors of the services' libraries have in common. Told by the names of their classes, without
the libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from swarm_host.errors import Capacity, HostError, Lost, RateLimit, Transient

# The error of ours for one of a library's, and what was done when it came.
Meaning = Callable[[Exception, str], HostError]


def names_of(error: BaseException) -> frozenset[str]:
    """Of its class and of those that it is a case of."""
    return frozenset(kind.__name__ for kind in type(error).__mro__)


def is_unclear(meant: HostError) -> bool:
    """Whether a sandbox may have been made all the same. Refusals are clear."""
    return isinstance(meant, Transient) and not isinstance(meant, (Capacity, RateLimit, Lost))


@contextmanager
def translated(meaning: Meaning, what: str) -> Iterator[None]:
    """Errors of a library become ours; our own pass."""
    try:
        yield
    except HostError:
        raise
    # The other side is a library that is built on others: whatever it raises has to get a meaning.
    except Exception as error:
        raise meaning(error, what) from error
