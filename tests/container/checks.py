"""What must hold after every run in a container, whatever happened to it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.container.engine import Container, Relay, Results

# Below any trained program, far above the untrained submission's .5.
LEARNED = 0.75
# All that a machine which is busy with other work may take from a run: its programs are slower than
# was measured.
BUSY = "no final pick: no finalist could be scored in the time that was left"


def check_relay(relay: Relay) -> None:
    """mle-bench decodes the output chunk by chunk: one byte beyond ASCII can cost the whole run."""
    odd = bytes(
        sorted({byte for byte in relay.output if byte > 126 or (byte < 32 and byte not in b"\t\n")})
    )
    assert odd == b"", f"the relay holds the bytes {odd!r}"


def check_journal(results: Results) -> None:
    """Nothing that was finished is lost or repeated."""
    events = results.events
    assert [event["seq"] for event in events] == list(range(len(events)))
    for kind, name in (
        ("fold", lambda event: event["result"]["key"]),
        ("step", lambda event: event["id"]),
    ):
        names = [name(event) for event in events if event["type"] == kind]
        assert len(names) == len(set(names)), f"a {kind} is there twice"


def check_submission(results: Results, prepared: Path) -> float:
    """What is in the output folder is what the journal published last, and a grader takes it; its
    private score.
    """
    path = results.submission
    assert path.is_file()
    assert not path.is_symlink()
    placed = [event for event in results.events if event["type"] in ("published", "baseline")]
    # A kill can fall between the file and its line in the journal: then the file is the newer one.
    assert hashlib.sha256(path.read_bytes()).hexdigest() == placed[-1]["sha256"]
    return results.grade(prepared)


def check_trained(container: Container, results: Results, prepared: Path) -> float:
    """A run that ended with a trained result, in order and with nothing left behind; its private
    score.
    """
    assert results.report["reason"] in (None, BUSY)
    assert results.report["status"] == ("degraded" if results.report["reason"] else "ok")
    assert results.events[-1]["type"] == "run_ended"
    assert (
        results.report["submission"]["sha256"]
        == hashlib.sha256(results.submission.read_bytes()).hexdigest()
    )
    assert (results.out / "code" / "solution.py").is_file()
    check_journal(results)
    check_nothing_left(container)
    score = check_submission(results, prepared)
    assert score > LEARNED
    return score


def check_nothing_left(container: Container) -> None:
    """No process of the agent's user: a left-over one keeps the container busy."""
    assert container.processes() == {}
