"""Drives aideml as its own command does, without its screen. Runs in a worker process, with aideml's
own packages.

Needs nothing of this project: python peer_program.py JOB.json (see benchmark.measures.peer.PeerJob).
Leaves in <folder>: calls.jsonl, a line per request with both texts; steps.jsonl, a line per program;
programs/ and submissions/, by number of the step.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Steps in a row that end in an error of aideml itself, after which it is given up.
_MOST_ERRORS = 5
# As many as the time allows.
_STEPS = 100_000


def main(job: dict[str, Any], begin: float) -> None:
    """begin: time.monotonic at the start. Returns once the time is up between two steps."""
    from aide import Agent, Interpreter, Journal
    from aide.utils.config import load_task_desc, prep_agent_workspace

    folder = Path(job["folder"])
    for name in ("programs", "submissions"):
        (folder / name).mkdir(exist_ok=True)
    _count_calls(folder / "calls.jsonl")
    config = configured(job)
    prep_agent_workspace(config)
    journal = Journal()
    agent = Agent(task_desc=load_task_desc(config), cfg=config, journal=journal)
    limits = config.exec
    interpreter = Interpreter(
        config.workspace_dir, limits.timeout, limits.format_tb_ipython, limits.agent_file_name
    )
    answer = Path(config.workspace_dir) / "working" / "submission.csv"
    errors = step = 0
    while time.monotonic() - begin < job["seconds"] and errors < _MOST_ERRORS:
        step += 1
        run = _kept(interpreter.run, answer, folder, step)
        facts: dict[str, Any] = {"step": step}
        try:
            agent.step(exec_callback=run)
            errors = 0
            facts |= _facts(journal)
        except Exception as error:
            errors += 1
            facts["error"] = f"{type(error).__name__}: {error}"
        facts["t"] = time.monotonic() - begin
        _append(folder / "steps.jsonl", facts)
    interpreter.cleanup_session()


def configured(job: dict[str, Any]) -> Any:
    """Everything as aideml comes, but for what is asked, where, for how long and whom."""
    from aide.utils.config import _load_cfg, prep_cfg

    folder, config = Path(job["folder"]), _load_cfg(use_cli_args=False)
    config.data_dir = job["data"]
    config.desc_file = job["description"]
    config.log_dir = str(folder / "logs")
    config.workspace_dir = str(folder / "workspaces")
    config.exp_name = "peer"
    config.generate_report = False
    config.exec.timeout = int(job["program_s"])
    config.agent.steps = _STEPS
    config.agent.code.model = config.agent.feedback.model = job["model"]
    return prep_cfg(config)


def _kept(run: Callable[..., Any], answer: Path, folder: Path, step: int) -> Callable[..., Any]:
    """Runs a program and keeps it, and the submission that it left, by number."""

    def kept(code: str, *rest: Any) -> Any:
        answer.unlink(missing_ok=True)
        (folder / "programs" / f"{step:03d}.py").write_text(code, encoding="utf-8")
        found = run(code, *rest)
        if answer.is_file():
            (folder / "submissions" / f"{step:03d}.csv").write_bytes(answer.read_bytes())
        return found

    return kept


def _facts(journal: Any) -> dict[str, Any]:
    """Of the program that was tried last."""
    node = journal.nodes[-1]
    return {
        "kind": node.stage_name,
        "good": not node.is_buggy,
        "metric": node.metric.value,
        "maximize": node.metric.maximize,
        "seconds": node.exec_time,
        "analysis": node.analysis,
    }


def _count_calls(path: Path) -> None:
    """Writes every answered request down."""
    from aide import backend

    query = backend.provider_to_query_func["openai"]

    def counted(**asked: Any) -> Any:
        begin = time.time()
        found = query(**asked)
        output, _, prompt_tokens, completion_tokens, _ = found
        line = {
            "begin": begin,
            "end": time.time(),
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "system": asked.get("system_message"),
            "user": asked.get("user_message"),
            "answer": output,
        }
        _append(path, line)
        return found

    backend.provider_to_query_func["openai"] = counted


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), time.monotonic())
