"""The plainest peer beside this agent."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.__main__ import main
from benchmark.competitions import pack
from benchmark.competitions.competition import Competition
from benchmark.competitions.pack import PreparedCompetition
from benchmark.errors import NotRunError
from benchmark.measures import peer
from benchmark.measures.peer import (
    Contender,
    PeerJob,
    PeerPair,
    check_endpoint,
    measure_peer,
    paired,
    peer_table,
    ranked,
    read_log,
    run_peer,
    with_pair,
)
from benchmark.measures.real_model import ModelServer
from benchmark.provenance import head
from tests.benchmark.stand_in_aide import write_stand_in
from utils.errors import UsageError

SERVER = ModelServer("http://127.0.0.1:9/v1", "someone")


def job(tmp_path: Path, seconds: float) -> PeerJob:
    place = tmp_path / "aideml"
    place.mkdir()
    description = tmp_path / "description.md"
    description.write_text("Predict.")
    return PeerJob(str(place), str(tmp_path), str(description), "someone", seconds, 60.0)


def test_the_peer_runs_for_its_time_and_leaves_each_submission(tmp_path: Path) -> None:
    python, asked = write_stand_in(tmp_path / "venv"), job(tmp_path, 6.0)
    run_peer(python, asked, SERVER)
    place = Path(asked.folder)
    steps = read_log(place / "steps.jsonl")
    assert [step.get("metric") for step in steps] == [0.6, None, None, None, 0.7][: len(steps)]
    assert steps[2]["error"] == "RuntimeError: the child died"
    kept = {path.name: path.read_text() for path in (place / "submissions").iterdir()}
    # A program that left none is not given the one before.
    assert kept == {"001.csv": "good", "005.csv": "better"}
    calls = read_log(place / "calls.jsonl")
    assert {(call["system"], call["answer"]) for call in calls} == {("someone", "an answer")}
    assert (place / "programs" / "006.py").read_text() == "hang"
    left = subprocess.run(["pgrep", "-f", str(place / "job.json")], capture_output=True)
    assert left.stdout == b""
    # It is over: nothing runs again.
    run_peer(tmp_path / "no python", asked, SERVER)
    (place / "ended.json").unlink()
    with pytest.raises(UsageError, match="cut off"):
        run_peer(python, asked, SERVER)


def test_a_peer_that_tries_nothing_is_not_run(tmp_path: Path) -> None:
    python = write_stand_in(tmp_path / "venv")
    (tmp_path / "venv" / "aide" / "backend.py").unlink()
    with pytest.raises(NotRunError, match="tried no program: ImportError"):
        run_peer(python, job(tmp_path, 30.0), SERVER)


def test_without_an_endpoint_nothing_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peer", "churn", "--url", SERVER.url]) == 3
    assert capsys.readouterr().err.startswith(f"NOT RUN: no endpoint at {SERVER.url}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "no competition is called nosuch"),
        (["churn", "--url", ""], "--url"),
        (["churn", "--url", "127.0.0.1:9/v1"], "--url"),
        (["churn", "--url", "file:///"], "--url must begin with http"),
        (["churn", "--url", "http:///v1"], "--url must begin with http"),
        (["churn", "--url", "http://[::1"], "--url is no address"),
        (["churn", "--url", "http://127.0.0.1:port/v1"], "--url is no address"),
    ],
)
def test_what_is_wrong_with_the_words_is_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["peer", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {said}")


def test_a_server_that_speaks_no_http_is_no_endpoint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(b"220 mail.example\r\n")

        answered = pool.submit(answer)
        with pytest.raises(NotRunError, match="no endpoint at"):
            check_endpoint(f"http://127.0.0.1:{server.getsockname()[1]}/v1")
        answered.result(60)


def test_the_best_by_its_own_numbers_comes_first() -> None:
    def step(number: int, metric: float | None, good: bool = True, maximize: bool = False) -> dict:
        return {"step": number, "good": good, "metric": metric, "maximize": maximize}

    steps = [step(1, 0.5), step(2, 0.3), step(3, None), step(4, 0.1, good=False), step(5, 0.3)]
    assert [found["step"] for found in ranked(steps)] == [2, 5, 1]
    assert [found["step"] for found in ranked([step(1, 0.5, maximize=True)])] == [1]
    assert ranked([step(3, None)]) == []


def submission(prepared: PreparedCompetition, share: float) -> str:
    """The truth for a share of the rows, and the opposite for the others."""
    answers = pd.read_csv(prepared.public.parent / "private" / "test.csv")
    right = answers.index < share * len(answers)
    answers["churn"] = answers["churn"].where(right, 1 - answers["churn"])
    return str(answers.to_csv(index=False))


@pytest.fixture
def prepared(small: Competition, tmp_path: Path) -> PreparedCompetition:
    pack.prepare(small, tmp_path / "pack")
    return PreparedCompetition(small, tmp_path / "pack")


def test_a_pair_is_graded_with_its_paired_error(
    prepared: PreparedCompetition, tmp_path: Path
) -> None:
    peer, ours = tmp_path / "aideml", tmp_path / "ours" / "submission"
    (peer / "submissions").mkdir(parents=True)
    ours.mkdir(parents=True)
    lines = [
        {"step": 1, "kind": "draft", "good": True, "metric": 0.7, "maximize": True},
        {"step": 2, "kind": "improve", "good": True, "metric": 0.9, "maximize": True},
        {"step": 3, "error": "RuntimeError: x"},
    ]
    (peer / "steps.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"torn')
    (peer / "calls.jsonl").write_text('{"prompt_tokens": 5, "completion_tokens": 2}\n' * 4)
    # The best one left no submission that can be graded.
    (peer / "submissions" / "002.csv").write_text("id,churn\n1,0.5\n")
    (peer / "submissions" / "001.csv").write_text(submission(prepared, 0.7))
    (ours / "submission.csv").write_text(submission(prepared, 0.8))
    theirs = measure_peer(peer, prepared, 40.0)
    assert (theirs.own, theirs.programs, theirs.good, theirs.requests) == (0.7, 2, 2, 4)
    assert (theirs.prompt_tokens, theirs.completion_tokens) == (20, 8)
    mine = Contender(prepared.score(ours / "submission.csv"), 0.8, 9, 9, 9, 40.0, 1, 1)
    facts = {"minutes": 40.0, "cores": 2, "model": "m", "commit": "abc"}
    pair = paired(prepared, tmp_path, mine, theirs, facts)
    assert mine.private is not None
    assert theirs.private is not None
    assert pair.ahead == mine.private - theirs.private > 0
    assert pair.stderr is not None
    assert 0 < pair.stderr < 0.2
    table = peer_table({"pairs": [asdict(pair)]})
    assert f"{pair.ahead:+.4f}" in table
    assert "Ahead on 1 of 1" in table
    nothing = Contender(None, None, 0, 0, 0, 40.0, 0, 0)
    alone = paired(prepared, tmp_path, nothing, theirs, facts)
    assert alone.ahead is None
    assert "Ahead on 0 of 1, not behind by more than the paired standard error on 0." in peer_table(
        {"pairs": [asdict(alone)]}
    )


PAIR: dict[str, Any] = {
    "competition": "churn",
    "metric": "roc_auc",
    "ours": asdict(Contender(0.8, 0.8, 9, 9, 9, 40.0, 1, 1)),
    "peer": asdict(Contender(0.7, 0.7, 5, 5, 5, 40.0, 1, 1)),
    "ahead": 0.1,
    "stderr": 0.01,
    "commit": "abc",
    "spoilt": "",
}


def test_a_spoilt_pair_counts_for_nobody() -> None:
    spoilt = PAIR | {"competition": "grants", "spoilt": "the peer waited for 17 of its 40 minutes"}
    old = {key: value for key, value in PAIR.items() if key != "spoilt"}
    table = peer_table({"pairs": [old, spoilt]})
    assert "Ahead on 1 of 1, not behind by more than the paired standard error on 1." in table
    assert "grants does not count: the peer waited for 17 of its 40 minutes." in table
    (line,) = [line for line in table.splitlines() if line.startswith("| grants")]
    assert "| +0.1000 | 0.0100 | does not count |" in line


def test_a_pair_that_is_read_again_stays_spoilt() -> None:
    spoilt, other = PAIR | {"spoilt": "why"}, PAIR | {"competition": "grants"}
    assert with_pair([spoilt, other], dict(PAIR)) == [spoilt, other]
    new = PAIR | {"ahead": 0.2}
    assert with_pair([spoilt, other], new) == [new, other]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair is over at once."""

    def pair(prepared: PreparedCompetition, options: argparse.Namespace, *_: object) -> PeerPair:
        name = prepared.competition.name
        fields = PAIR | {"competition": name, "spoilt": dict(options.spoilt).get(name, "")}
        fields |= {"ours": Contender(**PAIR["ours"]), "peer": Contender(**PAIR["peer"])}
        facts = {
            "direction": "maximize",
            "minutes": 40.0,
            "cores": 2,
            "model": "m",
            "reference": {},
        }
        return PeerPair(**fields, **facts)

    monkeypatch.setattr(peer, "_pair", pair)
    monkeypatch.setattr(peer, "check_endpoint", lambda url: None)
    monkeypatch.setattr(peer, "environment", lambda *words: Path("python"))
    monkeypatch.setattr(peer, "open_prepared", PreparedCompetition)


def test_pairs_of_other_competitions_are_kept(
    played: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "peer.json"
    assert main(["peer", "churn", "--json", str(kept)]) == 0
    assert main(["peer", "grants", "--json", str(kept), "--spoilt", "grants", "why"]) == 0
    found = json.loads(kept.read_text())
    assert [pair["competition"] for pair in found["pairs"]] == ["churn", "grants"]
    assert [pair["spoilt"] for pair in found["pairs"]] == ["", "why"]
    options = "--model relay --minutes 40 --program-minutes 10"
    assert found["command"] == f"python -m benchmark peer churn grants {options}"
    capsys.readouterr()
    # One command stands for all: figures of another length are not put beside these.
    assert main(["peer", "transit", "--json", str(kept), "--minutes", "5"]) == 2
    assert "use another --json" in capsys.readouterr().err
    assert main(["peer", "transit", "--json", str(kept), "--spoilt", "churn", "why"]) == 2
    assert "--spoilt must name" in capsys.readouterr().err
    assert json.loads(kept.read_text()) == found
    kept.write_text("[]")
    assert main(["peer", "transit", "--json", str(kept)]) == 2
    assert "holds no pairs" in capsys.readouterr().err


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("theirs", [True, False])
def test_a_pair_that_is_over_keeps_its_commit(
    ours: bool,
    theirs: bool,
    prepared: PreparedCompetition,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who reads it later made nothing of it; who runs one side again made that side."""
    place = tmp_path / "out" / prepared.competition.name
    (place / "aideml").mkdir(parents=True)
    if theirs:
        (place / "aideml" / "ended.json").write_text("{}")
    (place / "made.json").write_text('{"minutes": 40.0, "words": [], "commit": "abc"}')
    nothing = Contender(None, None, 0, 0, 0, 40.0, 0, 0)
    for name, found in {
        "run_peer": None,
        "run_ours": None,
        "measure_ours": nothing,
        "measure_peer": nothing,
        "has_ended": ours or None,
    }.items():
        monkeypatch.setattr(peer, name, lambda *words, found=found: found)
    options = argparse.Namespace(
        out=tmp_path / "out", minutes=40.0, program_minutes=10.0, words=[], model="m", spoilt=[]
    )
    commit = "abc" if ours and theirs else f"abc, {head()}"
    assert peer._pair(prepared, options, SERVER, Path("python")).commit == commit
