"""What the errors of Modal's library mean. Told by the names of their classes, without the library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from swarm_host.errors import (
    BuildFailed,
    Capacity,
    Credentials,
    DaemonLost,
    HostError,
    Lost,
    RateLimit,
    Transfer,
    Transient,
    Unhealthy,
    UsageError,
)

# A call that the service answered with one of these may have had its effect all the same.
_UNCLEAR = frozenset(
    {"ServiceError", "InternalError", "InternalFailure", "ConnectionError", "TimeoutError"}
)
_GONE = frozenset(
    {"NotFoundError", "SandboxTerminatedError", "SandboxTimeoutError", "ClientClosed"}
)


def names_of(error: BaseException) -> frozenset[str]:
    """Of its class and of those that it is a case of."""
    return frozenset(kind.__name__ for kind in type(error).__mro__)


def is_clash(error: BaseException) -> bool:
    """The name is taken."""
    return "AlreadyExistsError" in names_of(error)


def is_gone(error: BaseException) -> bool:
    return bool(names_of(error) & _GONE)


def meaning(error: Exception, what: str) -> HostError:
    """The error of ours for one of the library. Messages of Modal hold no secrets of ours."""
    names = names_of(error)
    text = f"modal: {what}: {type(error).__name__}: {error}"
    if "ImageBuildError" in names:
        return BuildFailed(text, 1)
    if names & {"AuthError", "PermissionDeniedError"}:
        return Credentials(f"{text}; check MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")
    if "ResourceExhaustedError" in names:
        scarce = "capacity" in str(error).lower()
        return Capacity(text) if scarce else RateLimit(text)
    if "ConflictError" in names or names & _GONE:
        # A call to a sandbox that has finished.
        return Lost(text)
    if names & {"VersionError", "InvalidError", "UnimplementedError", "RequestSizeError"}:
        return UsageError(text)
    if names & {"VolumeUploadTimeoutError", "MountUploadTimeoutError", "DataLossError"}:
        return Transfer(text)
    if names & _UNCLEAR or isinstance(error, (OSError, TimeoutError)):
        return DaemonLost(text)
    return Unhealthy(text)


def is_unclear(meant: HostError) -> bool:
    """Whether a sandbox may have been made all the same. Refusals are clear."""
    return isinstance(meant, Transient) and not isinstance(meant, (Capacity, RateLimit, Lost))


@contextmanager
def calls(what: str) -> Iterator[None]:
    """Errors of the library become ours; our own pass."""
    try:
        yield
    except HostError:
        raise
    # The other side is a library that is built on two others: whatever it raises has to get a meaning.
    except Exception as error:
        raise meaning(error, what) from error
