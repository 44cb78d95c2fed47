"""Policies are played through the product's loop, within the same number of executions, and can be
played again.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark import report
from benchmark.__main__ import main
from benchmark.competitions import references, registry
from benchmark.errors import NotRunError
from benchmark.study import compare, tables, tiers
from benchmark.study.case import make_case, open_case
from benchmark.study.compare import measure
from benchmark.study.evaluations import EvaluationStore
from benchmark.study.paired_figures import gains, interval, misses, regrets
from benchmark.study.policies import (
    ABLATED,
    COMPARED,
    EVOLVED,
    GREEDY,
    RANDOM,
    SearchPolicy,
    policies_named,
)
from benchmark.study.replay import Meter, Table, play
from benchmark.study.tables import ablate_table, search_table
from tests.benchmark.filling import small_case
from tests.benchmark.made_up import TINY, fill_by_hand
from utils.errors import DataError, UsageError

pytestmark = pytest.mark.whole

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """A case that is filled with made-up evaluations, in memory and in its cache."""
    competitions, models = registry.COMPETITIONS, dict(references.REFERENCES)
    folder = tmp_path_factory.mktemp("policies")
    small_case(folder / "cache", folder / "pack")
    tiers.TIERS["tiny"] = TINY
    case = open_case(folder / "cache", TINY, "churn")
    assert case is not None
    fill_by_hand(case)
    yield Table(case)
    del tiers.TIERS["tiny"]
    registry.COMPETITIONS = competitions
    references.REFERENCES.update(models)


def cache_of(table: Table) -> Path:
    return table.case.folder.parent.parent


@pytest.mark.parametrize("policy", [*COMPARED, *ABLATED], ids=lambda policy: policy.name)
def test_no_policy_has_more_executions_than_the_others(table: Table, policy: SearchPolicy) -> None:
    played = play(table, policy, 3, 40)
    assert played.executions <= 40
    assert played.executions >= 35
    assert played.complete >= 3
    assert 0.5 < played.private <= 1.0
    assert (played.winner == "ensemble") <= policy.ensemble


@pytest.mark.long
def test_without_racing_every_program_runs_on_every_view(table: Table) -> None:
    for policy in (GREEDY, RANDOM, ABLATED[3]):
        played = play(table, policy, 0, 40)
        assert (played.steps, played.complete, played.executions) == (8, 8, 40)
    assert play(table, EVOLVED, 0, 40).steps > 8


@pytest.mark.long
def test_the_same_seed_plays_the_same_run_and_another_seed_another(table: Table) -> None:
    first = play(table, EVOLVED, 1, 40)
    assert play(table, EVOLVED, 1, 40) == first
    again = play(Table(table.case), EVOLVED, 1, 40)
    assert again == first
    assert play(table, EVOLVED, 2, 40) != dataclasses.replace(first, seed=2)


@pytest.mark.long
@pytest.mark.parametrize(
    "switched", [policy for policy in ABLATED[1:] if policy.ensemble], ids=lambda p: p.name
)
def test_every_switch_of_the_search_changes_some_run(table: Table, switched: SearchPolicy) -> None:
    """Without the ensemble, which takes most of the time of a replay."""
    full, other = (
        dataclasses.replace(policy, name="", ensemble=False) for policy in (ABLATED[0], switched)
    )
    assert any(play(table, full, seed, 100) != play(table, other, seed, 100) for seed in range(4))


def test_the_meter_ends_a_race_in_the_middle(table: Table) -> None:
    """Seven executions: one whole program, and two folds of another, which is no result."""
    played = play(table, GREEDY, 0, 7)
    assert (played.steps, played.complete, played.executions) == (1, 1, 7)
    meter = Meter(2)
    view = table.case.search[0]
    meter.count(view)
    assert (meter.share, meter.worth_starting()) == (0.5, True)
    meter.count(view)
    assert (meter.limit(None, view), meter.worth_starting()) == (0.0, False)  # type: ignore[arg-type]
    assert meter.limit(None, table.case.final[0]) > 0  # type: ignore[arg-type]


def test_the_final_pick_is_scored_on_folds_that_no_search_saw(table: Table) -> None:
    played = play(table, EVOLVED, 0, 40)
    assert played.picked is not None
    assert played.picked_stderr is not None
    assert played.best_finalist >= played.private


@pytest.mark.long
def test_figures_become_tables_and_a_file(
    table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "churn",
        "--tier",
        "tiny",
        "--cache",
        str(cache_of(table)),
        "--workers",
        "1",
        "--seeds",
        "2",
    ]
    target = tmp_path / "search.json"
    assert main(["search", *words, "--json", str(target)]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 done" in said
    kept = json.loads(target.read_text())
    assert search_table(kept) in said
    assert kept["command"] == "python -m benchmark search churn --tier tiny --seeds 2"
    assert len(kept["runs"]) == 6
    assert {budget: len(runs) for budget, runs in kept["earlier"].items()} == {"10": 6}
    assert max(run["executions"] for run in kept["earlier"]["10"]) <= 10
    assert len({run["executions"] <= 40 for run in kept["runs"]}) == 1
    assert main(["ablate", *words[:-1], "1", "--policy", "no merge"]) == 0
    shown = capsys.readouterr().out
    assert "| no merge |" in shown
    assert "no racing" not in shown


def test_a_case_that_is_not_filled_is_left_out_and_stays_empty(table: Table) -> None:
    kept = EvaluationStore(table.case)
    path = kept.path(table.case.keys()[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    try:
        with pytest.raises(DataError, match="churn: 1 of 500 evaluations are missing"):
            Table(table.case)
        compare._table.cache_clear()
        with pytest.raises(NotRunError, match="nothing to compare .* run `fill` first"):
            measure(cache_of(table), TINY, ["churn"], COMPARED, 1, 1, print)
    finally:
        path.write_bytes(whole)
    found = {"policies": ["evolved"], "absent": ["grants"], "libraries": {}, "runs": []}
    assert "| grants | | | |" in tables._scores(found)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_comparison_that_is_stopped_ends_at_once_and_leaves_no_worker(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "tests.benchmark.waiting", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        assert comes(lambda: len(list(tmp_path.iterdir())) == 2)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        process.send_signal(number)
        assert process.wait(20) != 0
        assert comes(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers))
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        process.kill()


def comes(true: Callable[[], bool]) -> bool:
    """Whether it comes within a minute."""
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize("damage", ["cut", "gone"])
@pytest.mark.parametrize(
    "name", ["data/private/test.csv", "workspace/answers/search0.npz", "views"]
)
def test_what_a_comparison_reads_is_checked_and_mended(
    table: Table, tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(cache_of(table), tmp_path / "cache", symlinks=True)
    folder = tmp_path / "cache" / "tiny" / "churn"
    path = folder / (name if name != "views" else "workspace/views/search1/sample_submission.csv")
    path.parent.chmod(0o755)
    text = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(text[:100])
    with pytest.raises(DataError, match="missing or damaged: `fill` makes them again"):
        open_case(tmp_path / "cache", TINY, "churn")
    with pytest.raises(NotRunError, match="missing or damaged"):
        measure(tmp_path / "cache", TINY, ["churn"], COMPARED, 1, 1, print)
    case = make_case(tmp_path / "cache", TINY, "churn", cache_of(table).parent / "pack")
    assert not case.damaged()
    assert EvaluationStore(case).missing(case.keys()) == []
    assert open_case(tmp_path / "cache", TINY, "churn") == case


def test_a_comparison_says_how_long_it_took(table: Table) -> None:
    times = iter([100.0, 190.0])
    found = measure(
        cache_of(table), TINY, ["churn"], [RANDOM], 1, 1, print, clock=lambda: next(times)
    )
    assert found["minutes"] == 1.5


def test_evaluations_of_nobody_knows_what_are_kept(table: Table, tmp_path: Path) -> None:
    shutil.copytree(cache_of(table), tmp_path / "cache", symlinks=True)
    (tmp_path / "cache" / "tiny" / "churn" / "case.json").unlink()
    with pytest.raises(DataError, match="case.json is gone"):
        make_case(tmp_path / "cache", TINY, "churn", cache_of(table).parent / "pack")
    assert len(list((tmp_path / "cache").glob("*/churn/evaluations/*/*.npz"))) == len(
        table.case.keys()
    )


def test_unknown_words_are_refused(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="no policy is called 'x'"):
        policies_named(["x"], COMPARED)
    assert [policy.name for policy in policies_named(["random"], COMPARED)] == ["evolved", "random"]
    assert main(["search", "--tier", "huge"]) == 2
    assert main(["fill", "nothing", "--tier", "tiny"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    for words in (
        ["search", "--seeds", "0"],
        ["fill", "--workers", "0"],
        ["ablate", "--workers", "two"],
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*words, "--tier", "tiny"])
        assert "is not a whole number above 0" in capsys.readouterr().err
    for target in ("/dev/null/x.json", str(ROOT)):
        with pytest.raises(SystemExit, match="2"):
            main(["search", "--tier", "tiny", "--json", target])
        assert "is no file that can be written" in capsys.readouterr().err


def test_an_empty_cache_is_not_run(
    table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "--tier", "tiny", "--cache", str(tmp_path)]) == 3
    said = capsys.readouterr()
    assert said.err.startswith("NOT RUN: nothing to compare")
    assert "nothing is filled; run `fill` first" in said.err
    assert said.out == ""


# ---------------------------------------------------------------- sums


def run(policy: str, seed: int, private: float, **fields: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "competition": "c",
        "policy": policy,
        "seed": seed,
        "private": private,
        "alone": private,
        "stderr": 0.5,
        "picked": private,
        "picked_stderr": 0.0,
        "best_finalist": private,
        "winner": "draft",
        "steps": 9,
    }
    return usual | fields


def measured(direction: str, *runs: dict[str, object]) -> dict[str, object]:
    best = 3.0 if direction == "maximize" else 1.0
    library = {"direction": direction, "median": 2.0, "best": best, "metric": "m", "programs": 4}
    known = {"policies": ["a", "b"], "absent": [], "libraries": {"c": library}}
    return known | {"executions": 40, "earlier": {}, "runs": runs}


def test_lesson_29_what_merging_is_worth_was_measured_and_is_shown() -> None:
    kept = json.loads((report.RESULTS / "ablate.json").read_text(encoding="utf-8"))
    assert {len(kept["libraries"]) * kept["seeds"]} == {
        sum(run["policy"] == policy for run in kept["runs"]) for policy in ("full", "no merge")
    }
    assert "| no merge |" in report.BENCHMARKS.read_text(encoding="utf-8")


def test_gains_are_paired_by_seed_and_better_is_plus() -> None:
    runs = (
        run("a", 0, 2.5),
        run("b", 0, 2.0),
        run("a", 1, 2.5),
        run("b", 1, 3.0),
        run("a", 2, 9.0),
    )
    assert gains(measured("maximize", *runs), "a", "b") == [0.5, -0.5]
    assert gains(measured("minimize", *runs), "a", "b") == [-0.5, 0.5]


def test_regret_and_misses_are_in_standard_errors() -> None:
    runs = [run("a", 0, 2.0, best_finalist=2.5, picked=3.5, picked_stderr=1.2)]
    up, down = ({"c": {"direction": direction}} for direction in ("maximize", "minimize"))
    assert regrets(runs, up) == [1.0]
    assert regrets([run("a", 0, 2.5, best_finalist=2.0)], down) == [1.0]
    assert misses(runs, up) == [(3.0, pytest.approx(1.5 / 1.3))]
    assert misses(runs, down)[0][0] == -3.0
    assert misses([run("a", 0, 2.0, picked=None)], up) == []


def test_an_interval_holds_its_median_and_narrows() -> None:
    wide, narrow = interval([0.0, 1.0, 2.0] * 3), interval([0.0, 1.0, 2.0] * 100)
    assert wide[0] <= 1.0 <= wide[1]
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_tables_say_what_is_met() -> None:
    better = [run("a", seed, 3.0) for seed in range(9)] + [run("b", seed, 2.0) for seed in range(9)]
    found = measured("maximize", *better)
    found["policies"] = ["a", "random"]
    found["runs"] = [one | {"policy": "random" if one["policy"] == "b" else "a"} for one in better]
    found["earlier"] = {"10": [one | {"private": 2.0, "steps": 3} for one in found["runs"]]}
    table = search_table(found)
    assert "> 0 with its interval: met" in table
    assert "| 10 | 3 | a over random | +0.000 (+0.000 to +0.000) |" in table
    assert "| 40 | 9 | a over random | +1.000 (+1.000 to +1.000) |" in table
    assert "<= 0.5: met" in table
    found["runs"] = [
        one | {"private": 2.0, "best_finalist": 3.0, "picked": 5.0} for one in found["runs"]
    ]  # type: ignore[attr-defined]
    table = search_table(found)
    assert "> 0 with its interval: missed" in table
    assert "<= 0.5: missed" in table
    assert ">= 0.9: missed" in table
    assert "| random | +0.000" in ablate_table(found)
    assert "Minutes" not in table
    for minutes, tier, words in (
        (1.9, "quick", "1.9 (target 2: met)."),
        (2.4, "quick", "2.4 (target 2: missed)."),
        (9.0, "full", "9.0."),
    ):
        timed = found | {"minutes": minutes, "tier": tier}
        assert f"Minutes that this comparison took: {words}" in search_table(timed)
        assert ablate_table(timed).endswith(words)


def test_one_run_has_no_interval() -> None:
    found = measured("maximize", run("a", 0, 3.0), run("random", 0, 2.0)) | {
        "policies": ["a", "random"]
    }
    table = search_table(found)
    assert (
        "| a over random, what is published | +1.000 | +1.000 | 1, 0, 0 | not measured: one run has no interval |"
        in table
    )
