"""What an agent says it cost is read without trust."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from swarm_host.life.usage import usage_of
from swarm_host.records import Ending, Usage

ENDED = Ending(0, "exit", 10.0, 12.5)


def test_seconds_come_from_us_and_the_rest_from_usage_json(tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text('{"usd": 0.5, "tokens": 1234, "requests": 5}')
    assert usage_of(tmp_path, ENDED) == Usage(2.5, 0.5, 1234, 5)


def test_swarm_evo_tells_it_in_run_json(tmp_path: Path) -> None:
    llm = {"requests": 5, "prompt_tokens": 100, "completion_tokens": 20, "cost_usd": None}
    (tmp_path / "run.json").write_text(json.dumps({"version": 1, "llm": llm}))
    assert usage_of(tmp_path, None) == Usage(None, None, 120, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"usd": -1, "tokens": "9", "requests": true}',
        '{"usd": NaN, "tokens": Infinity}',
        '{"usd": 1e999, "tokens": 1' + "0" * 400 + "}",
        "[" * 100_000,
        '{"llm": 3, "usd": null}',
    ],
)
def test_what_is_no_cost_is_not_known(tmp_path: Path, text: str) -> None:
    for name in ("usage.json", "run.json"):
        (tmp_path / name).write_text(text)
    assert usage_of(tmp_path, None) == Usage()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "huge"])
def test_only_a_small_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "usage.json"
    if kind == "link":
        (tmp_path / "real").write_text('{"usd": 1}')
        path.symlink_to(tmp_path / "real")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text('{"usd": 1' + " " * (2 << 20) + "}")
    assert usage_of(tmp_path, None) == Usage()
