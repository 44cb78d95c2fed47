"""protocols.Backend on Daytona."""

from __future__ import annotations

from collections.abc import Mapping

from swarm_host.backends.cloud import inside
from swarm_host.backends.cloud.backend import CloudBackend
from swarm_host.backends.daytona.provider import DaytonaProvider
from swarm_host.protocols import Clock


class DaytonaBackend(CloudBackend):
    """See CloudBackend."""

    def __init__(
        self,
        environ: Mapping[str, str],
        clock: Clock,
        home: str | None = None,
        place: str | None = None,
    ) -> None:
        """place: folder for our files in sandboxes; None: SWARM_HOST_PLACE, or below /var/tmp."""
        where = place or environ.get("SWARM_HOST_PLACE") or inside.PLACE
        super().__init__(DaytonaProvider(environ, where), environ, clock, home, where)
