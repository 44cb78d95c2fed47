"""What the errors of Modal's library mean. Told by the names of their classes, without the library."""

from __future__ import annotations

from contextlib import AbstractContextManager

from swarm_host.backends.cloud.errors import names_of, translated
from swarm_host.errors import (
    BuildFailed,
    Capacity,
    Credentials,
    DaemonLost,
    HostError,
    Lost,
    RateLimit,
    Transfer,
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


def is_clash(error: BaseException) -> bool:
    """The name is taken."""
    return "AlreadyExistsError" in names_of(error)


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


def calls(what: str) -> AbstractContextManager[None]:
    """Errors of Modal's library become ours; our own pass."""
    return translated(meaning, what)
