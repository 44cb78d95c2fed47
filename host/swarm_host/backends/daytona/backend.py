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
        place: str = inside.PLACE,
    ) -> None:
        super().__init__(DaytonaProvider(environ, place), environ, clock, home, place)
