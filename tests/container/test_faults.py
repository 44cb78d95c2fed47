"""What happens to runs: stops, kills, silence, full disks. Each must leave a result that can be
graded.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.container.checks import (
    check_journal,
    check_nothing_left,
    check_relay,
    check_submission,
    check_trained,
)
from tests.container.engine import Container, Results, docker

pytestmark = pytest.mark.container

ADAPTER = "python -u /home/agent/run_mle_adapter.py"
SERVER = "python /private/grading_server.py"
# Runs that end with their steps: seconds would judge the machine.
QUICK = {"TIME_LIMIT_SECS": "300", "STEP_LIMIT": "1"}


def of(events: list[dict], kind: str) -> list[dict]:
    return [event for event in events if event["type"] == kind]


def test_a_stopped_container_keeps_its_best_and_goes_on_when_started_again(
    prepared: Path, tmp_path: Path
) -> None:
    """The entrypoint does not hand on SIGTERM, so `docker stop` is a kill for the agent."""
    with Container(prepared, QUICK | {"STEP_LIMIT": "4"}) as container:
        container.start()
        agent = container.launch()
        container.wait_for("published")
        docker("stop", container.id)
        agent.finish(30)
        stopped = container.copy_out(tmp_path / "stopped")
        assert check_submission(stopped, prepared) > 0.6
        assert stopped.report["status"] == "running"
        check_journal(stopped)
        container.start()
        relay = container.run()
        assert relay.code == 0, relay.text[-3000:]
        results = container.copy_out(tmp_path / "ended")
        check_trained(container, results, prepared)
    assert len(results.of("resumed")) == 1
    before, after = ([event["id"] for event in found.of("step")] for found in (stopped, results))
    assert after[: len(before)] == before


def test_a_killed_adapter_is_started_again_and_resumes(prepared: Path, tmp_path: Path) -> None:
    with Container(prepared, QUICK | {"STEP_LIMIT": "4"}) as container:
        container.start()
        agent = container.launch()
        for times, kind in ((0, "published"), (1, "resumed")):
            container.wait_for(kind)
            container.signal("KILL", ADAPTER)
            container.wait_for("resumed", count=times + 1)
        relay = agent.finish(300)
        results = container.copy_out(tmp_path)
        assert relay.code == 0, relay.text[-3000:]
        check_trained(container, results, prepared)
    assert len(results.of("resumed")) == 2
    assert relay.text.count("it resumes") == 2
    assert results.report["steps"]["done"] == 4


def test_an_adapter_that_never_ends_is_ended_by_the_start_script(
    prepared: Path, tmp_path: Path
) -> None:
    """Frozen, it misses its own deadline; SIGTERM wakes and ends it, and what it had published
    stays.
    """
    limit, margin = 25, 5
    environ = {
        "TIME_LIMIT_SECS": str(limit),
        "START_MARGIN_SECS": str(margin),
        "START_GRACE_SECS": "10",
    }
    with Container(prepared, environ) as container:
        container.start()
        agent = container.launch()
        container.wait_for("published", seconds=limit)
        container.signal("STOP", ADAPTER)
        relay = agent.finish(limit + margin + 20)
        results = container.copy_out(tmp_path)
        check_nothing_left(container)
    assert relay.seconds >= limit
    assert check_submission(results, prepared) > 0.6
    check_journal(results)


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_dead_or_silent_validation_server_does_not_hold_the_run(
    prepared: Path, tmp_path: Path, signal: str
) -> None:
    with Container(prepared, QUICK) as container:
        container.start()
        container.signal(signal, SERVER, user="root")
        relay = container.run()
        results = container.copy_out(tmp_path)
        assert relay.code == 0, relay.text[-3000:]
        check_trained(container, results, prepared)
    assert results.report["submission"]["checked_by"] == "local"


def test_a_full_workspace_leaves_the_baseline_and_says_why(prepared: Path, tmp_path: Path) -> None:
    with Container(
        prepared, QUICK, options=["--tmpfs=/home/workspace:size=512k,mode=1777"]
    ) as container:
        container.start()
        relay = container.run()
        results = container.copy_out(tmp_path)
        check_nothing_left(container)
    assert relay.code == 1
    assert results.report["status"] == "baseline"
    assert "No space left" in results.report["reason"]
    assert check_submission(results, prepared) == pytest.approx(0.5)
    check_relay(relay)


def test_a_full_submission_folder_is_told(prepared: Path, tmp_path: Path) -> None:
    with Container(
        prepared, QUICK, options=["--tmpfs=/home/submission:size=4k,mode=1777"]
    ) as container:
        container.start()
        relay = container.run()
        held = container.root("ls", "/home/submission")
        results = container.copy_out(tmp_path)
        check_nothing_left(container)
    assert relay.code == 1
    assert "No space left" in relay.text
    assert results.report["status"] == "failed"
    assert held == ""


@pytest.mark.parametrize("word", ["agent.schr\u00f6dinger=1".encode(), b"agent.\xff\xfe=\xe2\x82"])
def test_bytes_beyond_ascii_do_not_reach_the_benchmark(
    prepared: Path, tmp_path: Path, word: bytes
) -> None:
    """A wrong word is quoted in the error; the untrained submission is there all the same."""
    with Container(prepared, QUICK) as container:
        container.start()
        relay = container.run(word)
        results = container.copy_out(tmp_path)
        check_nothing_left(container)
    assert relay.code == 2
    assert "error: " in relay.text
    check_relay(relay)
    assert any(byte > 127 for byte in (results.out / "logs" / "adapter.log").read_bytes())
    assert results.report["status"] == "baseline"
    assert results.grade(prepared) == pytest.approx(0.5)


def test_two_containers_at_once_do_not_meet(prepared: Path, tmp_path: Path) -> None:
    """The second one finds its description beside the data, as older versions of the benchmark
    place it.
    """
    bare = tmp_path / "bare"
    (bare / "public").mkdir(parents=True)
    for path in (prepared / "public").iterdir():
        if path.name != "description.md":
            (bare / "public" / path.name).write_bytes(path.read_bytes())
    (bare / "private").symlink_to(prepared / "private")
    description = f"--volume={prepared / 'public' / 'description.md'}:/home/description.md:ro"

    def solve(name: str, folder: Path, options: list[str]) -> Results:
        with Container(folder, QUICK, options) as container:
            container.start()
            relay = container.run()
            results = container.copy_out(tmp_path / name)
            assert relay.code == 0, relay.text[-3000:]
            check_trained(container, results, prepared)
            return results

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(solve, "first", prepared, [])
        second = pool.submit(solve, "second", bare, [description])
        results, other_results = first.result(), second.result()
    started = [found.of("run_started")[0]["t"] for found in (results, other_results)]
    ended = [found.of("run_ended")[0]["t"] for found in (results, other_results)]
    assert max(started) < min(ended)
    assert other_results.report["metric"]["source"] == "description"
