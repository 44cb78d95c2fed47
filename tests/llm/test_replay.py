"""A recorded run gives its answers again, failures too, without a network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from core.events import LlmCall, revive
from core.llm.replay import ReplayModel
from core.records import Answer
from tests.llm.rig import KEY, SCHEMA, Rig, keep, request
from utils.errors import ConfigError, ModelError


def outcome(ask: object, *words: object) -> Answer | tuple[str, bool, str]:
    try:
        return ask(*words)  # type: ignore[operator,no-any-return]
    except ModelError as error:
        return str(error).partition(": ")[2], error.permanent, error.kind


SCRIPT = [
    Turn(status=500, error="broken"),
    Turn("first"),
    Turn("second, cut", finish="length"),
    Turn(" off"),
    Turn("no json at all"),
    Turn('{"good": true, "score": 1}'),
    Turn("I will not.", finish="refusal"),
    Turn(status=404, error="The model does not exist"),
]
ASKED = [request("a"), request("b"), request("c", SCHEMA), request("d"), request("e")]


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Rig, list[Answer | tuple[str, bool, str]], Path]:
    with Server(SCRIPT) as server:
        rig = Rig("openai", server)
        outcomes = [outcome(rig.ask, asked) for asked in ASKED]
    return rig, outcomes, keep(rig, tmp_path / "logs")


def test_replay_gives_the_same_answers_failures_and_ledger(
    recorded: tuple[Rig, list[Answer | tuple[str, bool, str]], Path],
) -> None:
    rig, outcomes, folder = recorded
    events: list[LlmCall] = []
    texts: list[str] = []
    model = ReplayModel(folder, "code", events.append, lambda text: texts.append(text) or "")  # type: ignore[func-returns-value]
    assert [outcome(model.complete, asked) for asked in ASKED] == outcomes
    assert [isinstance(found, Answer) for found in outcomes] == [True, True, True, False, False]
    assert events == rig.events
    assert set(texts) == set(rig.texts.values())
    assert not model.available
    with pytest.raises(ModelError, match="holds no further answer") as caught:
        model.complete(request("a"))
    assert caught.value.permanent


def test_the_order_of_the_requests_may_change(
    recorded: tuple[Rig, list[Answer | tuple[str, bool, str]], Path],
) -> None:
    _, outcomes, folder = recorded
    model = ReplayModel(folder, "code", lambda event: None)
    assert [outcome(model.complete, asked) for asked in reversed(ASKED)] == outcomes[::-1]


def test_another_request_gets_the_answer_of_its_purpose_or_the_next(tmp_path: Path) -> None:
    asked = [
        request(text, purpose=purpose) for text, purpose in (("a", "s1"), ("b", "s2"), ("c", "s3"))
    ]
    with Server(["one", "two", "three"]) as server:
        rig = Rig("anthropic", server)
        for each in asked:
            rig.ask(each)
    model = ReplayModel(keep(rig, tmp_path / "logs"), "code", lambda event: None)
    assert model.complete(request("changed", purpose="s2")).text == "two"
    assert model.complete(request("changed", purpose="s9")).text == "one"
    assert model.complete(asked[2]).text == "three"


def test_a_question_about_the_run_takes_no_program_and_gives_none(tmp_path: Path) -> None:
    """A recording of before plans were asked for still gives its programs to their steps."""
    with Server(["program", "1. trees"]) as server:
        rig = Rig("openai", server)
        rig.ask(request("a", purpose="s0002 draft"))
        rig.ask(request("b", purpose="metric"))
    folder = keep(rig, tmp_path / "logs")
    model = ReplayModel(folder, "code", lambda event: None)
    assert model.complete(request("changed", purpose="plans")).text == "1. trees"
    with pytest.raises(ModelError, match="holds no further answer"):
        model.complete(request("changed", purpose="plans"))
    assert model.complete(request("changed", purpose="s0003 mutate")).text == "program"


def test_roles_are_kept_apart(
    recorded: tuple[Rig, list[Answer | tuple[str, bool, str]], Path],
) -> None:
    _, _, folder = recorded
    assert not ReplayModel(folder, "feedback", lambda event: None).available


def test_threads_may_have_mixed_the_calls(tmp_path: Path) -> None:
    with Server([Turn("a1 ", finish="length"), "a2", Turn(status=500), "b"]) as server:
        rig = Rig("openai", server)
        answers = [rig.ask(request("a")), rig.ask(request("b"))]
    a1, a2, b1, b2 = rig.events
    rig.events[:] = [b1, a1, b2, a2]
    model = ReplayModel(keep(rig, tmp_path / "logs"), "code", lambda event: None)
    assert [model.complete(request("a")), model.complete(request("b"))] == answers


def test_a_folder_without_a_recording_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^llm\.replay_dir: cannot read .*journal\.jsonl: No such file"
    ):
        ReplayModel(tmp_path, "code", lambda event: None)
    (tmp_path / "journal.jsonl").write_text('{"type": "run_started"}\n{"torn')
    with pytest.raises(ConfigError, match="holds no call"):
        ReplayModel(tmp_path, "code", lambda event: None)


def test_a_lost_answer_is_told(
    recorded: tuple[Rig, list[Answer | tuple[str, bool, str]], Path],
) -> None:
    rig, _, folder = recorded
    (folder / "answers" / f"{rig.events[1].answer}.txt").unlink()
    with pytest.raises(ModelError, match="the recording lacks"):
        ReplayModel(folder, "code", lambda event: None).complete(ASKED[0])


def test_lines_turn_back_into_calls(
    recorded: tuple[Rig, list[Answer | tuple[str, bool, str]], Path],
) -> None:
    rig, _, folder = recorded
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert [revive(line) for line in lines] == rig.events
    assert KEY not in (folder / "journal.jsonl").read_text()
    assert all(dataclasses.asdict(event)["attempt"] >= 1 for event in rig.events)
