"""Builds the image of a run, without running it."""

import logging
import os
import time

from swarm_host.backends.docker.backend import DockerBackend
from swarm_host.records import RunConfig, Stream
from swarm_host.words.redact import Redactor, build_secret_values


def build(config: RunConfig, logger: logging.Logger) -> int:
    """Builds what config.build says, tagged as the run's image. 0, or the builder's own exit status.

    Raises UsageError when there is nothing to build, or no docker.
    """
    from swarm_host.errors import BuildFailed, UsageError

    if config.build is None:
        raise UsageError("the file has no build: block")
    tag = config.build.tag or config.agent_image or ""
    lines = _LinesTo(logger, Redactor(build_secret_values(config.build, os.environ)))
    try:
        DockerBackend(os.environ, time.time).build(config.build, tag, lines)
    except BuildFailed as error:
        logger.error("%s", error)
        return error.exit_code
    finally:
        lines.close()
    logger.info("built %s", tag)
    return 0


class _LinesTo:
    """A sink that hands whole lines to a logger, without secrets."""

    def __init__(self, logger: logging.Logger, redactor: Redactor) -> None:
        self._logger = logger
        self._redactor = redactor
        self._rest = b""

    def write(self, stream: Stream, data: bytes, mark: str | None = None) -> None:
        *whole, self._rest = (self._rest + self._redactor.feed(data)).split(b"\n")
        for line in whole:
            self._logger.info("%s", line.decode("utf-8", "replace").rstrip())

    def mark(self, stream: Stream) -> str | None:
        return None

    def close(self) -> None:
        """Tells of an unfinished last line."""
        last = self._rest + self._redactor.flush()
        if last:
            self._logger.info("%s", last.decode("utf-8", "replace"))
