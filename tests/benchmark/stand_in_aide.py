"""What the peer's driver needs of aideml, made anew in a folder: the same names, and programs that are
one word. FOLDER gets a package `aide` and an interpreter that finds it.
"""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = """
import subprocess, sys, time
from types import SimpleNamespace as Node

PROGRAMS = ["good", "silent", "error", "better", "hang"]


class Journal:
    def __init__(self):
        self.nodes = []


class Interpreter:
    def __init__(self, workspace, timeout, format_tb_ipython, agent_file_name):
        self.workspace = workspace

    def run(self, code, reset):
        if code == "hang":
            subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"])
        if code in ("good", "better"):
            (self.workspace / "working" / "submission.csv").write_text(code)
        return code

    def cleanup_session(self):
        pass


class Agent:
    def __init__(self, task_desc, cfg, journal):
        self.cfg, self.journal = cfg, journal

    def step(self, exec_callback):
        from aide import backend
        code = PROGRAMS[len(self.journal.nodes)]
        backend.provider_to_query_func["openai"](system_message=self.cfg.agent.code.model, user_message=None)
        ran = exec_callback(code, True)
        if code == "error" and len(self.journal.nodes) == 2:
            PROGRAMS[2] = "silent"
            raise RuntimeError("the child died")
        metric = Node(value={"good": 0.6, "better": 0.7}.get(ran), maximize=True)
        self.journal.nodes.append(
            Node(stage_name="draft", is_buggy=metric.value is None, metric=metric, exec_time=0.1, analysis="")
        )
"""
_CONFIG = """
from pathlib import Path
from types import SimpleNamespace as Part


def _load_cfg(use_cli_args):
    limits = Part(timeout=3600, format_tb_ipython=False, agent_file_name="runfile.py")
    return Part(exec=limits, agent=Part(code=Part(), feedback=Part()))


def prep_cfg(cfg):
    cfg.workspace_dir = Path(cfg.workspace_dir)
    return cfg


def load_task_desc(cfg):
    return Path(cfg.desc_file).read_text()


def prep_agent_workspace(cfg):
    (cfg.workspace_dir / "working").mkdir(parents=True)
"""
_BACKEND = """
def query(**asked):
    return "an answer", 0.1, 100, 20, {}


provider_to_query_func = {"openai": query}
"""


def write_stand_in(folder: Path) -> Path:
    """The interpreter."""
    texts = {
        "__init__": _PACKAGE,
        "backend": _BACKEND,
        "utils/__init__": "",
        "utils/config": _CONFIG,
    }
    for name, text in texts.items():
        path = folder / "aide" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python
