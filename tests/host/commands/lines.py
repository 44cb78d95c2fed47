"""The command lines of specification 000, for whatever runs them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILE = Path(__file__).with_name("spec_000.txt")
PLACEHOLDER = re.compile(r"<\w+>|\.\.\.")
# What runs the lines of a program; it asks `of` for them, or the script the file itself.
RUN_BY = {
    "docker": "tests/host/faces/test_spec_000.py",
    "mlebench": "tests/host/mle_bench/test_genuine.py",
    "python": "tests/host/commands/test_commands.py",
    "uv": "scripts/test_host_uv.sh",
    ".venv/bin/python": "scripts/test_host_uv.sh",
}


def every() -> list[str]:
    """Each line once, in the document's order."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def program(line: str) -> str:
    return line.split()[0]


def of(*programs: str) -> list[str]:
    """Lines that start one of these programs."""
    return [line for line in every() if program(line) in programs]


def filled(line: str, *values: str) -> str:
    """A line with its placeholders replaced, one value for each. Raises ValueError for another count."""
    if len(PLACEHOLDER.findall(line)) != len(values):
        raise ValueError(f"{line!r} has not {len(values)} placeholders")
    left = iter(values)
    return PLACEHOLDER.sub(lambda _: next(left), line)
