"""How an agent ended, from what docker says of its container."""

from __future__ import annotations

import json
from typing import Any

import pytest
from swarm_host.backends.docker.ending import how_it_ended, parse_container, parse_image, seconds
from swarm_host.errors import Lost, NeverStarted
from swarm_host.records import Ending

from tests.host.backends.docker.fake import image, inspected


def ended(
    code: int = 0, notes: dict[str, bytes] | None = None, outage: bool = False, **state: Any
) -> Ending | None:
    status = state.pop("status", "exited")
    labels = {"swarm-evo.start": state.pop("start", "durable")}
    container = parse_container(inspected(status, code, labels, **state).encode())
    return how_it_ended(container, notes or {}, outage)


@pytest.mark.parametrize("code", [0, 1, 7, 125, 126, 127, 255])
def test_an_exit_status_is_the_agents_own(code: int) -> None:
    assert ended(code) == Ending(code, "exit", 600.5, 1000.0)
    # The daemon was away meanwhile, and the agent went on.
    assert ended(code, outage=True) == Ending(code, "exit", 600.5, 1000.0)


@pytest.mark.parametrize(
    ("code", "oom", "stopped", "outage", "cause"),
    [
        (137, True, False, False, "oom"),
        (137, True, True, True, "oom"),
        # A program of the agent was killed for memory, and the agent went on.
        (0, True, False, False, "exit"),
        (1, True, False, False, "exit"),
        (0, False, True, False, "stopped"),
        (137, False, True, False, "stopped"),
        (143, False, True, True, "stopped"),
        (137, False, False, False, "killed"),
        (143, False, False, False, "killed"),
        (137, False, False, True, "daemon_lost"),
        (143, False, False, True, "daemon_lost"),
    ],
)
def test_causes(code: int, oom: bool, stopped: bool, outage: bool, cause: str) -> None:
    notes = {"stopped": b""} if stopped else {}
    found = ended(code, notes, outage, OOMKilled=oom)
    assert found is not None
    assert (found.cause, found.exit_code) == (cause, code)


@pytest.mark.parametrize("status", ["running", "paused", "restarting", "stopping"])
def test_what_runs_has_no_end(status: str) -> None:
    assert ended(status=status) is None


@pytest.mark.parametrize("status", ["created", "configured", "removing", "dead", ""])
def test_what_never_ran_or_is_no_more_is_lost(status: str) -> None:
    with pytest.raises(Lost, match="has no end"):
        ended(status=status)


def test_the_agents_own_start_counts() -> None:
    assert ended(0, {"agent-started": b"700.25\n"}) == Ending(0, "exit", 700.25, 1000.0)
    assert ended(0, {"agent-started": b"rubbish"}) == Ending(0, "exit", 600.5, 1000.0)


def test_a_plain_agent_may_be_root_and_forges_nothing() -> None:
    notes = {"start-failed": b"try me again", "agent-started": b"1"}
    assert ended(125, notes, start="plain") == Ending(125, "exit", 600.5, 1000.0)


def test_an_agent_that_was_never_started_is_the_images_fault() -> None:
    notes = {"start-failed": b"the server did not answer\n"}
    with pytest.raises(NeverStarted, match="the server did not answer"):
        ended(125, notes)
    # An agent may end so as well: then it was started.
    assert ended(125, {"agent-started": b"700"}) == Ending(125, "exit", 700.0, 1000.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.25Z", 10.25),
        ("1970-01-01T01:00:10.123456789+01:00", 10.123456789),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times(text: str, value: float | None) -> None:
    assert seconds(text) == (None if value is None else pytest.approx(value))


def test_images() -> None:
    made = parse_image(image(["/entrypoint.sh"], None, "arm64").encode())
    assert (made.entrypoint, made.command) == (("/entrypoint.sh",), ())
    assert made.platform == "linux/arm64"
    text = json.dumps([{"Os": "linux", "Architecture": "arm", "Variant": "v7", "Config": None}])
    assert parse_image(text.encode()).platform == "linux/arm/v7"


@pytest.mark.parametrize("parse", [parse_image, parse_container])
def test_an_empty_answer_is_a_loss(parse: Any) -> None:
    for text in (b"", b"[]"):
        with pytest.raises(Lost):
            parse(text)
