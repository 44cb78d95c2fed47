"""What the errors of Daytona's library mean. Told by the names of their classes, without the library."""

from __future__ import annotations

import re
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

# Quotas come as 400 and 403, so that the words decide.
_SCARCE = re.compile(
    r"quota|limit exceeded|exceeds? .*limit|no available runners?|capacity|insufficient resources",
    re.IGNORECASE,
)
_BUILD = re.compile(r"build[ _-]?failed|failed to build|error building", re.IGNORECASE)
# Of a program or a file in the sandbox, not of the sandbox.
_INSIDE = frozenset(
    {
        "DaytonaSessionEndedError",
        "DaytonaCommandAlreadyCompletedError",
        "DaytonaProcessNotFoundError",
        "DaytonaFileNotFoundError",
        "DaytonaFileReadFailedError",
        "DaytonaFileAccessDeniedError",
        "DaytonaProcessExecutionTimeoutError",
    }
)
_REFUSED = frozenset({"DaytonaBadRequestError", "DaytonaUnprocessableEntityError"})
_GONE = frozenset({"DaytonaNotFoundError", "DaytonaGoneError", "DaytonaSpotEvictedError"})
_AWAY = frozenset(
    {
        "DaytonaConnectionError",
        "DaytonaTimeoutError",
        "DaytonaInternalServerError",
        "DaytonaBadGatewayError",
        "DaytonaServiceUnavailableError",
        # Of the HTTP library below.
        "HTTPError",
        "TransportError",
    }
)


def is_clash(error: BaseException) -> bool:
    """The name is taken."""
    return "DaytonaConflictError" in names_of(error)


def meaning(error: Exception, what: str) -> HostError:
    """The error of ours for one of the library. Messages of Daytona hold no secrets of ours."""
    names = names_of(error)
    text = f"daytona: {what}: {type(error).__name__}: {error}"
    if "DaytonaRateLimitError" in names:
        return RateLimit(text)
    if "DaytonaQueueTimeoutError" in names or _SCARCE.search(str(error)):
        return Capacity(text)
    if _BUILD.search(str(error)):
        return BuildFailed(text, 1)
    if names & _INSIDE:
        return Transfer(text)
    if names & {"DaytonaAuthenticationError", "DaytonaForbiddenError"}:
        return Credentials(
            f"{text}; check DAYTONA_API_KEY, which needs the right to write and delete sandboxes"
        )
    if names & _GONE:
        return Lost(text)
    if names & _REFUSED:
        return UsageError(text)
    if names & _AWAY or isinstance(error, (OSError, TimeoutError)):
        return DaemonLost(text)
    return Unhealthy(text)


def calls(what: str) -> AbstractContextManager[None]:
    """Errors of Daytona's library become ours; our own pass."""
    return translated(meaning, what)
