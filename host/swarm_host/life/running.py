"""A unit while its agent runs: polled, stopped at its limit or by a wish, and what its end means."""

from __future__ import annotations

import logging

from swarm_host.errors import DaemonLost, Lost, Transient
from swarm_host.life import outcomes
from swarm_host.life.standing import Standing
from swarm_host.life.threads import Follower
from swarm_host.life.world import World
from swarm_host.records import Ending, Handle, UnitRow

_log = logging.getLogger("swarm_host")
# Polls in quick succession after the output ended; an agent may close it long before its end.
_QUICK_POLLS = 20


class RunningUnit(Standing):
    """What the life of a unit does between start and collection."""

    def __init__(self, world: World, owner: str, row: UnitRow) -> None:
        super().__init__(world, owner, row)
        self._silent_since: float | None = None
        self._was_silent = False

    def _until_it_ends(self, handle: Handle, follower: Follower) -> Ending:
        world, policy = self._world, self._world.policy
        began = next_poll = next_look = next_stop = world.clock()
        quick_polls = _QUICK_POLLS
        while True:
            now = world.clock()
            if follower.ended.is_set() and quick_polls:
                quick_polls, next_poll = quick_polls - 1, now
            if now >= next_poll:
                next_poll = now + policy.poll_s
                ending = self._poll(handle)
                if ending is not None:
                    return ending
                if follower.ended.is_set() and not quick_polls:
                    follower.go_on()
            if now >= next_look:
                next_look = now + policy.look_s
                self._look()
            if now >= next_stop and self._is_stop_due(now):
                self._stop(handle)
                next_poll, next_stop = now, now + policy.poll_s
            world.halt.wait(outcomes.pause_s(now - began, policy))

    def _poll(self, handle: Handle) -> Ending | None:
        """Raises Lost; DaemonLost, also for an end that nobody explains while nobody answered."""
        now = self._world.clock()
        try:
            ending = self._foreign(self._backend().poll, handle)
        except Lost:
            raise
        except Transient as error:
            self._silent_since = self._silent_since or now
            self._was_silent = True
            if now - self._silent_since > self._world.policy.patience_s:
                raise
            _log.warning("%s: asked again later: %s", handle.name, error)
            return None
        self._silent_since = None
        if ending is None:
            return None
        if ending.cause == "daemon_lost" or (ending.cause == "killed" and self._was_silent):
            raise DaemonLost("the service behind the backend went away while the agent ran")
        return ending

    def _is_stop_due(self, now: float) -> bool:
        """The agent must be told to stop. Why is written down before it is told."""
        past, started = self._past, self._past.started
        reason = outcomes.stop_reason(
            now, now if started is None else started, self._run.timeout, self._row.cancel, past.stop
        )
        if reason is not None and past.stop is None:
            self._note("stop", {"reason": reason})
        return reason is not None

    def _stop(self, handle: Handle) -> None:
        """Where nobody answers, it is told again later."""
        try:
            self._foreign(self._backend().stop, handle, self._world.policy.grace_s)
        except Transient as error:
            _log.warning("%s: told to stop again later: %s", handle.name, error)
