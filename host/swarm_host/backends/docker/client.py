"""Runs the docker command: with a time limit, away from our terminal, and with its failures told apart."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarm_host.errors import Capacity, DaemonLost, HostError, Lost, UsageError
from swarm_host.protocols import Clock

# Answers come in milliseconds. A daemon that needs longer than this is as good as gone.
ANSWER_S = 120.0
# Clocks of a daemon and of this side differ; containers end a little before we notice.
_SKEW_S = 5.0

_NO_DAEMON = re.compile(
    r"Cannot connect to (the Docker daemon|Podman)|Is the docker daemon running|unexpected EOF"
    r"|error during connect|(^|: )EOF$|dial unix|connection reset by peer|broken pipe"
    r"|(server|daemon) is shutting down",
    re.MULTILINE | re.IGNORECASE,
)
_NO_CONTAINER = re.compile(r"No such (container|object)|no container with (name|ID)", re.IGNORECASE)
_NO_IMAGE = re.compile(r"No such image|image not known|does not exist in local", re.IGNORECASE)
_NO_PLATFORM = re.compile(r"does not match the specified platform", re.IGNORECASE)
_NO_GPU = re.compile(
    r"could not select device driver|nvidia-container-cli|unresolvable CDI|gpu", re.IGNORECASE
)
_NO_ROOM = re.compile(
    r"no space left|disk quota exceeded|cannot allocate memory|resource temporarily unavailable"
    r"|too many open files|no available IPv4|address pools",
    re.IGNORECASE,
)
_NO_RIGHT = re.compile(r"permission denied.*(docker API|docker daemon|socket)", re.IGNORECASE)
_TAKEN = re.compile(r"name \S+ is already in use", re.IGNORECASE)
_NO_FILE = re.compile(r"Could not find the file|no such file or directory", re.IGNORECASE)
_BEING_REMOVED = re.compile(r"removal of container .* is already in progress", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DockerAnswer:
    """What a docker command said."""

    code: int
    out: bytes
    err: str

    @property
    def name_is_taken(self) -> bool:
        return self.code != 0 and bool(_TAKEN.search(self.err))

    @property
    def no_container(self) -> bool:
        return self.code != 0 and bool(_NO_CONTAINER.search(self.err))

    @property
    def no_file(self) -> bool:
        return self.code != 0 and bool(_NO_FILE.search(self.err)) and not self.no_container

    @property
    def being_removed(self) -> bool:
        return self.code != 0 and bool(_BEING_REMOVED.search(self.err))


def daemon_is_gone(err: str) -> bool:
    """The words of a docker command that did not reach its daemon, or lost it."""
    return bool(_NO_DAEMON.search(err)) and not _NO_RIGHT.search(err)


def failure(what: str, err: str) -> HostError:
    """The error that a failed docker command means.

    What the daemon says about a container's options it will say again: that is the user's to mend.
    """
    said = last_words(err)
    if _NO_RIGHT.search(err):
        return UsageError(f"{what}: {said}; cure: add yourself to the group docker, or use sudo")
    if daemon_is_gone(err):
        return DaemonLost(f"{what}: the docker daemon does not answer: {said}")
    if _NO_CONTAINER.search(err):
        return Lost(f"{what}: {said}")
    if _NO_ROOM.search(err):
        return Capacity(f"{what}: {said}")
    if _NO_IMAGE.search(err):
        return UsageError(f"{what}: {said}; cure: build it or pull it, it is not here")
    if _NO_PLATFORM.search(err):
        return UsageError(f"{what}: {said}; cure: build or pull the image for that platform")
    if "docker-init" in err:
        return UsageError(
            f"{what}: {said}; cure: install tini (Debian) or docker-init for the daemon"
        )
    if _NO_GPU.search(err):
        return UsageError(
            f"{what}: {said}; cure: install the NVIDIA container toolkit, or ask for no gpus"
        )
    return UsageError(f"{what}: {said}")


def last_words(err: str, most: int = 600) -> str:
    """The end of what a command said, on one line."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    # docker names the container once more on a line of its own.
    kept = [line for line in lines if not line.startswith("Error: failed to start containers")]
    text = "; ".join((kept or lines)[-3:]) or "it said nothing"
    return text if len(text) <= most else f"...{text[-most:]}"


class Outages:
    """When the daemon did not answer, as far as this process noticed. Safe for several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # Begin and end; the end is None while it lasts.
        self._spans: list[tuple[float, float | None]] = []

    def gone(self) -> None:
        with self._lock:
            if not self._spans or self._spans[-1][1] is not None:
                self._spans.append((self._clock(), None))

    def answered(self) -> None:
        with self._lock:
            if self._spans and self._spans[-1][1] is None:
                self._spans[-1] = (self._spans[-1][0], self._clock())

    def covers(self, moment: float | None) -> bool:
        """The daemon went away about then. Not known when: any outage counts."""
        with self._lock:
            spans = list(self._spans)
        if moment is None:
            return bool(spans)
        for begin, end in spans:
            if begin - _SKEW_S <= moment and (end is None or moment <= end + _SKEW_S):
                return True
        return False


class NoCommand(UsageError):
    """The docker command cannot be started. what, cure: the two parts of its text."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what, cure)
        self.what, self.cure = what, cure

    def __str__(self) -> str:
        return f"{self.what}; cure: {self.cure}"


class DockerCommand:
    """The docker command: `prefix` and, for each call, a verb with its words.

    environ: what the command finds in its environment. answer_s: time limit of a call that names
    none.
    """

    def __init__(
        self,
        prefix: Sequence[str],
        environ: Mapping[str, str],
        outages: Outages,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._prefix = tuple(prefix)
        self._environ = dict(environ)
        self._answer_s = answer_s
        self.outages = outages

    def run(
        self,
        words: Sequence[str],
        *,
        seconds: float | None = None,
        more: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> DockerAnswer:
        """The answer, also a refusal. more: further variables of the command's environment.

        Raises NoCommand, and DaemonLost when the daemon does not answer.
        """
        limit = self._answer_s if seconds is None else seconds
        process = self.open(words, more=more, stdin=stdin is not None)
        try:
            out, err = process.communicate(stdin, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.outages.gone()
            raise DaemonLost(f"docker {words[0]} did not answer within {limit:.0f} s") from None
        return self.judge(
            words[0], DockerAnswer(process.returncode, out, err.decode(errors="replace"))
        )

    def judge(self, verb: str, answer: DockerAnswer) -> DockerAnswer:
        """Notes whether the daemon is there. Raises DaemonLost when it is not."""
        if answer.code == 0:
            self.outages.answered()
        elif daemon_is_gone(answer.err):
            self.outages.gone()
            raise failure(f"docker {verb}", answer.err)
        return answer

    def ask(
        self,
        words: Sequence[str],
        *,
        seconds: float | None = None,
        more: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> bytes:
        """As run; standard output. Raises what a refusal means."""
        answer = self.run(words, seconds=seconds, more=more, stdin=stdin)
        if answer.code != 0:
            raise failure(f"docker {words[0]}", answer.err)
        return answer.out

    def open(
        self,
        words: Sequence[str],
        *,
        more: Mapping[str, str] | None = None,
        stdin: bool = False,
        merged: bool = False,
    ) -> subprocess.Popen[bytes]:
        """A command whose streams are read as they come. merged: both in one pipe.

        It gets a session of its own: an interrupt from the terminal is ours to answer. Raises NoCommand.
        """
        errors = subprocess.STDOUT if merged else subprocess.PIPE
        try:
            return subprocess.Popen(
                [*self._prefix, *words],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**self._environ, **(more or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise NoCommand(
                f"there is no command {self._prefix[0]} here ({error.strerror})",
                "install docker (https://docs.docker.com/engine/), or name another command in "
                "SWARM_HOST_DOCKER",
            ) from error
