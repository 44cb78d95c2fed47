"""The scripted server as a process of its own, as a run in a container uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark.scripted_server import read_script
from core.llm.endpoint import EndpointSettings
from core.records import Message, Request
from tests.house.source import ROOT
from tests.llm.rig import ENDPOINTS, VENDORS


@contextmanager
def served(*words: str) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmark.scripted_server", "--port", "0", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.match(r"listening on (\S+)", process.stdout.readline())
            assert found is not None
            yield found.group(1)
        finally:
            process.terminate()


def ask(vendor: str, address: str, schema: dict[str, object] | None = None) -> str:
    url = f"{address}/v1" if vendor == "openai" else address
    asked = Request("s", (Message("user", "hi"),), "p", 0.0, schema)
    return ENDPOINTS[vendor](EndpointSettings("m", url, 100)).send(asked, "k", 30.0).text


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_script_then_one_program_for_ever(vendor: str, tmp_path: Path) -> None:
    program, script = tmp_path / "program.py", tmp_path / "script.jsonl"
    program.write_text("print('hi')\n")
    script.write_text('"first"\n{"text": "second", "finish": "length"}\n')
    with served("--script", str(script), "--program", str(program)) as address:
        answers = [ask(vendor, address) for _ in range(4)]
        schema = {
            "type": "object",
            "properties": {"plan": {"type": "string"}, "program": {"type": "string"}},
        }
        data = json.loads(ask(vendor, address, schema))
    assert answers[:2] == ["first", "second"]
    assert answers[2] == answers[3] == "PLAN: the scripted program\n\n```python\nprint('hi')\n```\n"
    assert data == {"plan": "PLAN: the scripted program", "program": "print('hi')\n"}


def test_a_script_names_faults(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(
        '{"fault": "hang"}\n\n{"status": 429, "headers": {"Retry-After": "1"}}\n'
    )
    first, second = read_script(tmp_path / "s")
    assert (first.fault, second.status, second.headers) == ("hang", 429, {"Retry-After": "1"})
