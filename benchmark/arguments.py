"""Parts that the commands share: a parser with a description, and numbers that are refused before
anything runs.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import Any


def subcommand(commands: Any, name: str, does: str) -> argparse.ArgumentParser:
    """commands: the sub-parsers of `python -m benchmark`. does: shown in the list of commands and
    above its options.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=does, description=does)
    return parser


def positive(text: str) -> float:
    """A finite number above 0. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def count(text: str) -> int:
    """A whole number from 1. Raises ArgumentTypeError."""
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def result_file(text: str) -> Path:
    """A file that can be written, though its folder may not be there yet. Raises ArgumentTypeError."""
    path = Path(text)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} is no file that can be written")
    return path
