"""protocols.Backend on any service that has sandboxes. What differs is a words.Provider."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from swarm_host.backends.cloud import data, frames, inside, naming, preflight, staging, starting
from swarm_host.backends.cloud.starting import ACT_S, COPY_S
from swarm_host.backends.cloud.words import Answer, Box, NoRoom, Provider
from swarm_host.disk.intake import Intake
from swarm_host.errors import HostError, Lost, Transfer, Transient, Unhealthy, UsageError
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
    Secret,
    Stream,
    UnitSpec,
)
from swarm_host.words.redact import reveal

_log = logging.getLogger("swarm_host")
# Between two connections to an agent's output.
_AGAIN_S = 0.5
# An agent that cannot be told to stop for so long ends with its sandbox.
_DEAF_S = 60.0


class CloudBackend:
    """Any process may call it: all state is in the sandboxes and in their labels."""

    def __init__(
        self,
        provider: Provider,
        environ: Mapping[str, str],
        clock: Clock,
        home: str | None = None,
        place: str = inside.PLACE,
    ) -> None:
        """environ: this side's variables, for secrets. home: only sandboxes that were started with the
        same word are found again; None: all of the project. place: folder for our files in sandboxes.
        """
        self.name = provider.name
        self._provider = provider
        self._environ = environ
        self._clock = clock
        self._home = home
        self._place = place
        # Since when an agent could not be told to stop, by handle.
        self._deaf: dict[str, float] = {}

    def preflight(self, run: RunConfig) -> Sequence[Problem]:
        return [*self._provider.problems(run), *preflight.problems(run, self._environ)]

    def plan(self, unit: UnitSpec, attempt: int) -> Sequence[Sequence[str]]:
        """The calls of the service's library, with names in place of secrets."""
        run = unit.run
        secret = sorted(key for key, value in run.env.items() if isinstance(value, Secret))
        with starting.staged(run, self._environ) as built:
            order = starting.order_of(self._provider, unit, attempt, self._home, built)
            found = list(self._provider.plan(order, secret))
            for mount in starting.sent(order):
                found.append(["send", mount.source, f"{order.name}:{mount.target}"])
            command = starting.command_of(run, built) or ("(the image's own command)",)
            where = inside.folder(order.name, self._place)
            found.append(["run", *starting.launch_words(order, where, command)])
        return found

    def build(self, build: BuildConfig, tag: str, sink: Sink) -> None:
        """Only what is built at the service comes here: preflight refuses the rest."""
        with staging.staged(build, self._environ) as staged:
            self._provider.build(build, staged, sink)

    def start(self, unit: UnitSpec, attempt: int) -> Handle:
        """Also raises PrivateMount, Credentials, SpecError: nothing was started then."""
        run = unit.run
        starting.refuse_answers(run, self._environ)
        values = reveal(run.env, self._environ)
        with starting.staged(run, self._environ) as built:
            command = starting.command_of(run, built)
            if not command:
                raise UsageError("command is missing, and the image's own is not known here")
            order = starting.order_of(self._provider, unit, attempt, self._home, built)
            variables = starting.variables_of(run, values)
            placed = starting.placed(self._provider, order, variables)
        handle = Handle(self.name, naming.unit_name(unit, attempt), placed.id)
        try:
            starting.begin(self._provider.box(handle.id), self._where(handle), order, command)
        except UsageError:
            self.remove(handle)
            raise
        return handle

    def follow(self, handle: Handle, sink: Sink, stop: Stop) -> None:
        """A connection that breaks is made again here: the sink may hold bytes back, so that only this
        call knows how much of the output it was given. Raises Lost.
        """
        have = {stream: int(sink.mark(stream) or 0) for stream in frames.STREAMS.values()}
        while not stop.is_set():
            box = self._box(handle)
            try:
                if box is not None and self._follow(box, handle, sink, stop, have):
                    return
            # A lost program in the sandbox too: whether the sandbox is lost, is asked above.
            except (HostError, frames.Broken) as error:
                _log.info("the output of %s is asked for again: %s", handle.name, error)
            stop.wait(_AGAIN_S)

    def poll(self, handle: Handle) -> Ending | None:
        try:
            box = self._provider.box(handle.id)
            answer = self._act(box, handle, "poll")
        except Lost as error:
            return self._ending_of_lost(handle, error)
        if answer.code != 0:
            raise Transfer(f"the sandbox of {handle.name} did not answer: {answer.text}")
        return inside.parse_standing(answer.out)

    def stop(self, handle: Handle, grace_s: float) -> None:
        """An agent that ends takes nothing with it: its sandbox stays until its files are here."""
        seconds = str(max(0, math.ceil(grace_s)))
        now = self._clock()
        try:
            box = self._provider.box(handle.id)
            answer = self._act(box, handle, "stop", seconds, seconds=grace_s + ACT_S)
        except Lost:
            return
        except Transient:
            since = self._deaf.setdefault(handle.name, now)
            if since == now or self._clock() - since < _DEAF_S:
                raise
            self._provider.note_stopped(handle.id)
            self._provider.remove(handle.id)
            return
        self._deaf.pop(handle.name, None)
        if answer.code != 0:
            raise Unhealthy(f"the agent of {handle.name} does not end: {answer.text}")

    def collect(
        self, handle: Handle, run: RunConfig, into: Path, limits: CollectLimits
    ) -> Collected:
        """Folders that the agent may write to come back to their places on this side as well.

        Of a sandbox that we ended because it did not answer, nothing comes, and that is its agent's own
        end. Raises Lost for any other that is no more.
        """
        try:
            box = self._provider.box(handle.id)
        except Lost:
            ended = self._provider.ended(handle.id)
            if ended is None or not ended.stopped:
                raise
            return Collected(0, 0, ("everything: its sandbox did not answer, and was ended",))
        intake = Intake(into, limits)
        where = self._where(handle)
        outputs = run.outputs
        most = limits.submission_bytes
        _bring(box, where, intake, outputs.submission, "submission", most=most)
        _bring(box, where, intake, outputs.code, "code")
        _bring(box, where, intake, outputs.logs, "logs")
        if run.mle_bench:
            _bring(box, where, intake, f"{where}/entrypoint.log", "logs")
        found = [intake.result()]
        for mount in run.mounts:
            source = Path(mount.source)
            if not mount.read_only and source.is_dir():
                back = Intake(source.parent, limits)
                _bring(box, where, back, mount.target, source.name, data.OURS)
                found.append(back.result())
        # What the packing could not read.
        complaints = Intake(into, limits)
        _bring(box, where, complaints, f"{where}/pack.log", "logs")
        return _sum(found)

    def remove(self, handle: Handle) -> None:
        self._deaf.pop(handle.name, None)
        if handle.id:
            self._provider.remove(handle.id)

    def find(self, group: str | None = None) -> Sequence[Handle]:
        found = []
        for placed in self._provider.listed(naming.searched(group, self._home)):
            handle = naming.handle(self.name, placed.id, placed.labels)
            if handle is not None:
                found.append(handle)
        return found

    def isolation(self, run: RunConfig) -> Isolation:
        return "remote"

    # ------------------------------------------------------------ while it runs

    def _box(self, handle: Handle) -> Box | None:
        """None while the service does not answer. Raises Lost."""
        try:
            return self._provider.box(handle.id)
        except Lost:
            raise
        except HostError as error:
            _log.info("the sandbox of %s is asked for again: %s", handle.name, error)
            return None

    def _follow(
        self, box: Box, handle: Handle, sink: Sink, stop: Stop, have: dict[Stream, int]
    ) -> bool:
        """One connection. True: all output came."""
        known = [str(have[stream]) for stream in frames.STREAMS.values()]
        words = inside.act(self._where(handle), "follow", *known, str(inside.FOLLOW_S))
        with closing(box.lines(words, stop)) as lines:
            for line in lines:
                frame = frames.parse(line)
                if frame.kind == "data":
                    new = frames.new_part(frame, have[frame.stream])
                    have[frame.stream] += len(new)
                    sink.write(frame.stream, new, str(have[frame.stream]))
                if frame.kind == "end":
                    return True
                if stop.is_set():
                    return False
        return False

    def _act(self, box: Box, handle: Handle, *words: str, seconds: float = ACT_S) -> Answer:
        return box.call(inside.act(self._where(handle), *words), seconds)

    def _where(self, handle: Handle) -> str:
        """The folder of our files in its sandbox."""
        return inside.folder(naming.shortened(handle.name), self._place)

    def _ending_of_lost(self, handle: Handle, error: Lost) -> Ending:
        """The services give 137 for both ends: which one it was, we wrote down. Raises Lost."""
        ended = self._provider.ended(handle.id)
        if ended is None:
            raise error
        if ended.stopped:
            return Ending(137, "stopped", None, None)
        if ended.overdue:
            raise Lost(f"the sandbox of {handle.name} outlived its time, and was ended") from error
        raise Lost(f"the sandbox of {handle.name} was ended by somebody else") from error


def _bring(
    box: Box,
    where: str,
    intake: Intake,
    path: str | None,
    folder: str,
    skip: Sequence[str] = (),
    most: int | None = None,
) -> None:
    """One folder or file of the sandbox, without the names `skip` at its top. One that is not there is
    not missed.
    """
    if path is None:
        return
    words = inside.pack(where, path, intake.limits)
    try:
        with box.archive(words, COPY_S) as stream:
            if stream is not None:
                intake.take(folder, stream, most=most, skip=skip)
    except NoRoom as error:
        intake.leave_out(folder, str(error))


def _sum(parts: Sequence[Collected]) -> Collected:
    found = Collected(0, 0)
    for part in parts:
        found = Collected(
            found.files + part.files, found.bytes + part.bytes, found.left_out + part.left_out
        )
    return found
