"""The start of a unit in a sandbox, step by step. Each step done twice is done once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from swarm_host.backends.cloud import data, inside, naming, staging
from swarm_host.backends.cloud.words import (
    Answer,
    Box,
    NameTaken,
    NotClear,
    Order,
    Placed,
    Provider,
    Staged,
    Variables,
)
from swarm_host.errors import PrivateMount, Transfer, Unhealthy, UsageError
from swarm_host.records import Mount, RunConfig, Secret, UnitSpec
from swarm_host.words import mounts

# A program of ours in the sandbox that says little.
ACT_S = 60.0
# Gigabytes there or back.
COPY_S = 3600.0


@contextmanager
def staged(run: RunConfig, environ: Mapping[str, str]) -> Iterator[Staged | None]:
    """The flattened Dockerfile; None where the image is pulled. Raises UsageError."""
    if run.image_source != "flatten" or run.build is None:
        yield None
        return
    with staging.staged(run.build, environ) as found:
        yield found


def command_of(run: RunConfig, built: Staged | None) -> tuple[str, ...]:
    """Of the run, or of the Dockerfile; empty: unknown on this side."""
    own = built.command if built is not None else ()
    return run.command or own


def order_of(
    provider: Provider, unit: UnitSpec, attempt: int, home: str | None, built: Staged | None
) -> Order:
    kept = {}
    for mount in unit.run.mounts:
        name = provider.keeps(mount) if unit.competition is not None else None
        if name is not None:
            kept[name] = mount
    return Order(
        name=naming.sandbox_name(unit, attempt),
        labels=naming.labels(unit, attempt, home),
        run=unit.run,
        ttl_s=naming.ttl_s(unit.run),
        built=built,
        kept=kept,
    )


def sent(order: Order) -> list[Mount]:
    """Mounts that are copied into the sandbox itself."""
    kept = set(order.kept.values())
    return [mount for mount in order.run.mounts if mount not in kept]


def launch_words(order: Order, where: str, command: Sequence[str]) -> list[str]:
    """What starts the agent in its sandbox. It ends there when nobody outside ends it before."""
    run = order.run
    return inside.launch(where, run.timeout + naming.LATE_S, run.mle_bench, command)


def variables_of(run: RunConfig, values: Mapping[str, str]) -> Variables:
    """values: of all variables, secrets revealed."""
    plain, secret = dict(values), {}
    for name, value in run.env.items():
        if isinstance(value, Secret):
            secret[name] = plain.pop(name)
    return Variables(plain, secret)


def refuse_answers(run: RunConfig, environ: Mapping[str, str]) -> None:
    """Raises PrivateMount, whoever forgot to ask preflight, and whatever allow_private says."""
    for one in mounts.exposed(run.mounts, mounts.data_roots(environ)):
        if isinstance(one, mounts.Exposed):
            shown = f"the mount {one.mount.source} holds answers of a competition"
            raise PrivateMount(f"{shown}: they stay on this machine")


def placed(provider: Provider, order: Order, variables: Variables) -> Placed:
    """The sandbox of the order: made, or found under its name when it was there already.

    Raises UsageError when another program has the name.
    """
    try:
        return provider.create(order, variables)
    except (NameTaken, NotClear) as error:
        found = provider.look_up(order.name)
        if found is None and isinstance(error, NotClear):
            raise error.cause from error
        if found is None:
            raise Unhealthy(f"{provider.name} has no sandbox {order.name}: {error}") from error
        if not order.labels.items() <= found.labels.items():
            who = f"another sandbox at {provider.name} is called {order.name}"
            raise UsageError(f"{who}, and it is not ours") from error
        return found


def begin(box: Box, where: str, order: Order, command: Sequence[str]) -> None:
    """Brings our script and the data there, and starts the agent. Raises Transient errors."""
    script = io.BytesIO(inside.TOOL.encode())
    _checked("install", box.feed(inside.install(where), script, ACT_S))
    if not inside.is_absent(box.call(inside.act(where, "poll"), ACT_S).out):
        return
    for number, mount in enumerate(sent(order)):
        _send(box, where, mount, f"mount-{number}")
    answer = box.call(launch_words(order, where, command), ACT_S)
    if answer.code != 0:
        raise Unhealthy(f"the agent could not be started in its sandbox: {answer.text}")


def _send(box: Box, where: str, mount: Mount, mark: str) -> None:
    """An archive that broke off may look whole over there: the mark is set when all went well here."""
    leave_out = () if mount.read_only else data.OURS
    words = inside.act(where, "unpack", data.folder_of(mount), mark)
    with data.archive(mount, leave_out) as archive:
        _checked(f"send {mount.source}", box.feed(words, archive, COPY_S))
    _checked("mark", box.call(inside.act(where, "mark", mark), ACT_S))


def _checked(what: str, answer: Answer) -> None:
    if answer.code != 0:
        raise Transfer(f"{what}: exit status {answer.code} in the sandbox: {answer.text}")
