"""One recipes run as the benchmark does it: no network, an hour's work cut to a minute, results
graded on the host.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.container.checks import check_relay, check_trained
from tests.container.engine import COMPETITION_ID, Container, Relay, Results, first_program_s
from tests.container.figures import note

pytestmark = pytest.mark.container

LIMIT_S = 75
FIRST_CANDIDATE_S = 15
# After the time limit: reports, the end of helpers.
OVER_S = 5


@dataclass(frozen=True)
class Done:
    container: Container
    relay: Relay
    results: Results
    seconds: float


@pytest.fixture(scope="module")
def done(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A whole run, from the start of the container to the results on the host."""
    environ = {"TIME_LIMIT_SECS": str(LIMIT_S), "STEP_LIMIT": "100"}
    with Container(prepared, environ) as container:
        begin = time.monotonic()
        container.start()
        relay = container.run()
        results = container.copy_out(tmp_path_factory.mktemp("run"))
        yield Done(container, relay, results, time.monotonic() - begin)


def test_it_ends_in_time_with_a_graded_result(done: Done, prepared: Path) -> None:
    assert done.relay.code == 0, done.relay.text[-3000:]
    score = check_trained(done.container, done.results, prepared)
    report = done.results.report
    assert report["time"]["limit_s"] == LIMIT_S
    assert report["time"]["elapsed_s"] <= LIMIT_S + OVER_S
    note(private_score=score, steps=report["steps"]["done"], run_s=done.seconds, limit_s=LIMIT_S)


def test_the_first_candidate_runs_soon(done: Done) -> None:
    seconds = first_program_s(done.results.events, done.container.started)
    published = [event["t"] for event in done.results.events if event["type"] == "published"]
    note(first_candidate_s=seconds, first_trained_s=published[0] - done.container.started)
    assert seconds <= FIRST_CANDIDATE_S


def test_the_output_is_ascii_and_the_log_is_complete(done: Done) -> None:
    check_relay(done.relay)
    for line in (
        "hardware: ",
        "stage 1 of 10: configuration",
        "stage 10 of 10: results",
        "run ended: ok",
    ):
        assert line in done.relay.text
    log = (done.results.out / "logs" / "adapter.log").read_bytes()
    assert done.relay.output == bytes(byte for byte in log if byte in b"\t\n" or 32 <= byte < 127)
    # The scores are printed with their standard errors.
    assert " \u00b1 " in log.decode()


def test_the_logs_of_the_contract_are_there(done: Done) -> None:
    names = {path.name for path in (done.results.out / "logs").iterdir()}
    assert {"system.log", "journal.jsonl", "journal.json", "run.json", "adapter.log"} <= names
    nodes = json.loads((done.results.out / "logs" / "journal.json").read_text())["nodes"]
    assert len(nodes) == done.results.report["steps"]["done"]


def test_the_validation_server_saw_what_was_published_and_nothing_else(done: Done) -> None:
    assert {event["checked_by"] for event in done.results.of("published")} == {"server"}
    assert done.results.report["submission"]["checked_by"] == "server"
    log = done.container.root("cat", "/home/logs/entrypoint.log")
    requests = {line.split('"')[1].split()[1] for line in log.splitlines() if "HTTP/1.1" in line}
    assert requests == {"/health", "/validate"}


def test_the_competition_is_named_in_the_logs_only(done: Done) -> None:
    assert done.results.report["competition_id"] == COMPETITION_ID
    programs = list((done.results.out / "logs" / "programs").iterdir())
    assert programs
    assert not [path for path in programs if COMPETITION_ID in path.read_text()]


def test_what_is_closed_stayed_closed(done: Done) -> None:
    for command in (["ls", "/private"], ["touch", "/home/data/new"], ["touch", "/opt/conda/new"]):
        assert done.container.nonroot(*command).returncode != 0, command
    changed = done.container.root(
        "find", "/private", "/opt", "-newer", "/home/logs/entrypoint.log", "-type", "f"
    )
    assert changed == ""


def test_the_solution_rebuilds_the_submission(done: Done, tmp_path: Path) -> None:
    """On the libraries of the image, in a fresh folder."""
    command = "cd /home/code && conda run -n agent python solution.py --data /home/data --out /tmp/again.csv"
    made = done.container.nonroot("bash", "-c", command)
    assert made.returncode == 0, made.stdout + made.stderr
    first, second = (
        done.container.root("cat", path)
        for path in ("/home/submission/submission.csv", "/tmp/again.csv")
    )
    rows = list(zip(first.splitlines()[1:], second.splitlines()[1:], strict=True))
    assert rows
    for before, after in rows:
        (name, value), (same_name, same_value) = before.split(","), after.split(",")
        assert name == same_name
        assert float(value) == pytest.approx(float(same_value), abs=1e-6)
