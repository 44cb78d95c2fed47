"""protocols.Backend on the docker command. Decisions are in the other modules of this room."""

from __future__ import annotations

import contextlib
import io
import math
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from swarm_host.backends.docker import argv, ending, preflight, start
from swarm_host.backends.docker.build import Builder
from swarm_host.backends.docker.client import (
    ANSWER_S,
    DockerAnswer,
    DockerCommand,
    Outages,
    failure,
    last_words,
)
from swarm_host.backends.docker.follow import LogFollower
from swarm_host.backends.docker.preflight import DockerFacts
from swarm_host.disk import tar
from swarm_host.disk.intake import Intake
from swarm_host.disk.tar import Readable
from swarm_host.errors import DaemonLost, HostError, Lost, PrivateMount, Transfer, UsageError
from swarm_host.protocols import Clock, Sink, Stop
from swarm_host.records import (
    BuildConfig,
    Collected,
    CollectLimits,
    Ending,
    Handle,
    Isolation,
    Problem,
    RunConfig,
    UnitSpec,
)
from swarm_host.words import mounts
from swarm_host.words.redact import reveal

# Stops of a container that does not die take the daemon some seconds beyond the grace.
_STOP_S = 60.0
# What a daemon has and can do changes by hand: seldom, and not within seconds.
_FACTS_S = 10.0
# docker leaves out a variable that it does not find in its environment, without a word.
_DROP_VARIABLES = frozenset({"sudo", "doas", "su", "ssh"})
# A display waits for it.
_PEEK_S = 5.0
# Gigabytes may have to come back.
_COPY_S = 3600.0


class DockerBackend:
    """See protocols.Backend. Any process may call it: all state is in the daemon.

    Only one thing is known to one process alone: when the daemon did not answer.
    """

    name = "docker"

    def __init__(self, environ: Mapping[str, str], clock: Clock, home: str | None = None) -> None:
        """environ: this side's variables; secrets are looked up there, and SWARM_HOST_DOCKER (the
        command, e.g. podman) and SWARM_HOST_RUNTIME (e.g. sysbox-runc). home: only containers that
        were started with the same word are found again; None: all of the project.

        Raises UsageError for a command that cannot be read, or would not get our variables.
        """
        self.environ = environ
        words = _command(environ.get("SWARM_HOST_DOCKER", ""))
        self._setup = argv.DockerSetup(words, environ.get("SWARM_HOST_RUNTIME") or None, home)
        self._clock = clock
        self._outages = Outages(clock)
        self._lock = threading.Lock()
        # What the daemon told lately, by image.
        self._known: dict[str, tuple[float, DockerFacts]] = {}
        self._client = DockerCommand(words, environ, self._outages)

    def preflight(self, run: RunConfig) -> Sequence[Problem]:
        return preflight.judge(run, self._facts(run), self._setup, self.environ)

    def plan(self, unit: UnitSpec, attempt: int) -> Sequence[Sequence[str]]:
        """Variables stand by name: docker reads their values from its environment, or from a file."""
        run, facts = unit.run, self._facts(unit.run)
        found = []
        if run.build is not None:
            tag = run.build.tag or run.agent_image or ""
            found.append(argv.build(run.build, tag, host_network=facts.has_no_bridge))
        outside, inside = _split(run, dict.fromkeys(run.env, ""))
        ways = argv.variables(outside)
        # A plan is made without a daemon too, and before the image is built.
        image = facts.image or argv.IMAGINED
        file = "ENV_FILE" if ways.by_file else None
        names = sorted(ways.by_environ)
        found.append(argv.create(unit, attempt, image, self._setup, names=names, env_file=file))
        name = argv.container_name(unit, attempt)
        if inside:
            found.append(["cp", "-", f"{name}:/"])
        found.append(["start", name])
        return [[*self._setup.words, *words] for words in found]

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        networks = preflight.networks_of(self._client, self._setup)
        # Without a bridge the steps of a build have a network only from the host.
        alone = networks is not None and "bridge" not in networks
        Builder(self._client, self.environ).build(build, tag, sink, host_network=alone)

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        """Also raises PrivateMount, Credentials, SpecError: nothing was started then."""
        run = unit.run
        _refuse_answers(run, self.environ)
        name = argv.container_name(unit, attempt)
        outside, inside = _split(run, reveal(run.env, self.environ))
        ways = argv.variables(outside)
        image = self._image(run)
        with _private_file(ways.by_file) as file:
            words = argv.create(
                unit, attempt, image, self._setup, names=sorted(ways.by_environ), env_file=file
            )
            answer = self._client.run(words, more=ways.by_environ)
        if answer.code == 0:
            handle = Handle(self.name, name, answer.out.decode().strip())
            self._begin(handle, inside)
            return handle
        if answer.name_is_taken:
            return self._adopt(unit, attempt, inside)
        raise failure("docker create", answer.err)

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        container = _container_of(handle)

        def runs() -> bool:
            return self._inspect(container).runs

        with _while_it_runs():
            LogFollower(self._client, container, sink, runs).follow(stop)

    def poll(self, handle: Handle) -> Ending | None:
        with _while_it_runs():
            container = self._inspect(_container_of(handle))
            if container.runs:
                return None
            notes = self._notes(handle)
        return ending.how_it_ended(container, notes, self._outages.covers(container.finished))

    def stop(self, handle: Handle, grace_s: float) -> None:
        container = _container_of(handle)
        note = start.note_archive(start.STOPPED)
        words = ["stop", "-t", str(max(0, math.ceil(grace_s))), container]
        with _while_it_runs():
            if not self._inspect(container).runs:
                return
            # Whoever looks at the end later must know that it was our wish. Not every image takes a note.
            self._client.run(["cp", "-", f"{container}:/"], stdin=note)
            self._client.ask(words, seconds=grace_s + _STOP_S)

    def collect(
        self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits
    ) -> Collected:
        intake = Intake(into, limits)
        outputs = run.outputs
        with _while_it_runs():
            self._bring(handle, outputs.submission, "submission", intake, limits.submission_bytes)
            self._bring(handle, outputs.code, "code", intake)
            self._bring(handle, outputs.logs, "logs", intake)
            if run.mle_bench:
                self._bring(handle, start.ENTRYPOINT_LOG, "logs", intake)
        return intake.result()

    def peek(self, handle: Handle, path: str, most: int) -> bytes | None:
        """See protocols.Peeking. docker copies out of a container that runs, and nothing starts in it."""
        with contextlib.suppress(HostError), self._copied(handle, path, _PEEK_S) as stream:
            return None if stream is None else tar.only_file(stream, most)
        return None

    def remove(self, handle: Handle) -> None:
        words = ["rm", "--force", "--volumes", _container_of(handle)]
        answer = self._client.run(words)
        if answer.code != 0 and not (answer.no_container or answer.being_removed):
            raise failure("docker rm", answer.err)

    def find(self, group: str | None = None) -> Sequence[Handle]:
        lines = self._client.ask(argv.find(self._setup, group)).decode().splitlines()
        pairs = [line.split(maxsplit=1) for line in lines]
        return [Handle(self.name, name, container) for container, name in pairs]

    def isolation(self, run: RunConfig) -> Isolation:
        return "open" if mounts.shows_private(run, self.environ) else "docker"

    def _image(self, run: RunConfig) -> argv.ImageFacts:
        """Only mle-bench's way of starting needs to know the image's own program."""
        if not run.mle_bench or run.agent_image is None:
            return argv.ImageFacts()
        answer = self._client.run(["image", "inspect", run.agent_image])
        if answer.code != 0:
            raise failure(f"the image {run.agent_image}", answer.err)
        return ending.parse_image(answer.out)

    def _facts(self, run: RunConfig) -> DockerFacts:
        """Asked once for the hundreds of units of a matrix, and again when they may have changed."""
        image, now = run.agent_image or "", self._clock()
        with self._lock:
            known = self._known.get(image)
            if known is None or now - known[0] > _FACTS_S:
                facts = preflight.gather(self._client, self._setup, image, self.environ)
                self._known[image] = known = (now, facts)
            return known[1]

    def _adopt(self, unit: UnitSpec, attempt: int, secrets: Mapping[str, str]) -> Handle:
        """The container of an earlier start of the same attempt, which is started only once."""
        name = argv.container_name(unit, attempt)
        container = self._inspect(name)
        if not container.is_of(argv.labels(unit, attempt, self._setup.home)):
            raise UsageError(
                f"another container is called {name}, and it is not ours; remove it: docker rm {name}"
            )
        handle = Handle(self.name, name, container.id)
        if container.ready:
            self._begin(handle, secrets)
        return handle

    def _begin(self, handle: Handle, secrets: Mapping[str, str]) -> None:
        """Starts a created container. One that cannot start is removed: nothing of it is left."""
        container = _container_of(handle)
        try:
            if secrets:
                archive = start.secrets_archive(secrets)
                self._client.ask(["cp", "-", f"{container}:/"], stdin=archive)
            self._client.ask(["start", container])
        except DaemonLost:
            raise
        except HostError:
            self.remove(handle)
            raise

    def _inspect(self, container: str) -> ending.ContainerFacts:
        words = ["inspect", "--type", "container", container]
        return ending.parse_container(self._client.ask(words))

    def _notes(self, handle: Handle) -> dict[str, bytes]:
        """What was noted in the container, by the name of the note."""
        with self._copied(handle, start.NOTES, ANSWER_S) as stream:
            return {} if stream is None else start.read_notes(stream)

    def _bring(
        self,
        handle: Handle,
        path: str | None,
        folder: str,
        intake: Intake,
        most: int | None = None,
    ) -> None:
        """One folder or file of the container. One that is not there is not missed."""
        if path is None:
            return
        with self._copied(handle, path, _COPY_S) as stream:
            if stream is not None:
                intake.take(folder, stream, strip=1, most=most)

    @contextmanager
    def _copied(self, handle: Handle, path: str, seconds: float) -> Iterator[Readable | None]:
        """The archive that docker makes of a folder or a file; None when it is not there.

        Raises Transfer, DaemonLost, Lost: what an archive that broke off means.
        """
        process = self._client.open(["cp", f"{_container_of(handle)}:{path}", "-"])
        assert isinstance(process.stdout, io.BufferedReader)
        overdue = threading.Timer(seconds, process.kill)
        overdue.start()
        try:
            if process.stdout.peek(1):
                yield process.stdout
                return
            answer = self._said(process)
            if not answer.no_file:
                raise _broken_off(answer)
            yield None
        except tar.CutOff as error:
            raise _broken_off(self._said(process)) from error
        finally:
            overdue.cancel()
            process.kill()
            process.communicate()

    def _said(self, process: subprocess.Popen[bytes]) -> DockerAnswer:
        """What a command without further output ended with. Raises DaemonLost."""
        _, err = process.communicate()
        answer = DockerAnswer(process.returncode, b"", err.decode(errors="replace"))
        return self._client.judge("cp", answer)


def _broken_off(answer: DockerAnswer) -> HostError:
    words = f"docker cp broke off: {last_words(answer.err)}"
    return Lost(words) if answer.no_container else Transfer(words)


def _command(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text)) or ("docker",)
    except ValueError as error:
        raise UsageError(f"SWARM_HOST_DOCKER: {error}: {text}") from error
    if Path(words[0]).name in _DROP_VARIABLES:
        raise UsageError(
            f"SWARM_HOST_DOCKER: {words[0]} does not hand variables on to docker, and agents would run "
            "without them; join the group docker, or set DOCKER_HOST=ssh://..."
        )
    return words


@contextmanager
def _while_it_runs() -> Iterator[None]:
    """An agent that was started is not lost because docker says something that we do not understand,
    or is not there while it is updated: then it is asked again later.
    """
    try:
        yield
    except UsageError as error:
        raise DaemonLost(str(error)) from error


def _container_of(handle: Handle) -> str:
    return handle.id or handle.name


def _split(run: RunConfig, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Variables of the whole container, and secrets that only the agent gets.

    Without mle-bench's start there is nobody inside to hand secrets over: then the container has them.
    """
    secret = argv.secret_names(run) if run.mle_bench else frozenset()
    outside = {name: value for name, value in values.items() if name not in secret}
    inside = {name: value for name, value in values.items() if name in secret}
    argv.variables(inside)
    return outside, inside


def _refuse_answers(run: RunConfig, environ: Mapping[str, str]) -> None:
    """Raises PrivateMount, whoever forgot to ask preflight."""
    if run.allow_private:
        return
    for problem in mounts.answers(run, environ):
        if problem.refuses:
            raise PrivateMount(f"{problem.what}; {problem.cure}")


@contextmanager
def _private_file(values: Mapping[str, str]) -> Iterator[str | None]:
    """A file of variables that nobody else can read, for as long as it is needed; None without."""
    if not values:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="swarm-host-"))
    try:
        path = folder / "env"
        lines = "".join(f"{name}={value}\n" for name, value in values.items())
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(lines)
        yield str(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
