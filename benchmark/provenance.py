"""Where figures come from: what a folder of a measurement was made with, and the command, commit and
machine of what is kept, so that no figure is shown under another command or commit.
"""

from __future__ import annotations

import datetime
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from utils.errors import DataError, UsageError
from utils.files import write_atomic
from utils.hardware import memory_mb, usable_cpus
from utils.text import human_bytes

# This checkout.
ROOT = Path(__file__).resolve().parents[1]
_RECORD = "made.json"


@dataclass(frozen=True, slots=True)
class Provenance:
    """words: overrides of the configuration. commit: of this checkout when the folder was worked
    on, or several.
    """

    minutes: float
    words: tuple[str, ...]
    commit: str


def head() -> str:
    """The commit of this checkout, "" outside of a repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def claim(out: Path, minutes: float, words: Sequence[str] = ()) -> Provenance:
    """The record in `out`, written where the folder is new.

    Raises UsageError when the folder was made with another time or other words, DataError when
    nobody knows with what.
    """
    wanted = Provenance(minutes, tuple(words), head())
    # Hidden: what a kill left of writing the record.
    if not out.exists() or all(path.name.startswith(".") for path in out.iterdir()):
        write_atomic(out / _RECORD, json.dumps(asdict(wanted), indent=1))
        return wanted
    found = provenance_of(out)
    if found is None:
        raise DataError(f"{out} does not say what it was made with: use another --out")
    if (found.minutes, found.words) != (wanted.minutes, wanted.words):
        raise UsageError(
            f"{out} was made with {_words_of(found)}, not {_words_of(wanted)}: use another --out"
        )
    return found


def go_on(out: Path, provenance: Provenance) -> Provenance:
    """The record of a folder that is worked on now: another commit than before is added to it."""
    if head() in provenance.commit.split(", "):
        return provenance
    provenance = replace(provenance, commit=f"{provenance.commit}, {head()}")
    write_atomic(out / _RECORD, json.dumps(asdict(provenance), indent=1))
    return provenance


def provenance_of(out: Path) -> Provenance | None:
    """The record in `out`; None where there is none that can be read."""
    try:
        found = json.loads((out / _RECORD).read_text(encoding="utf-8"))
        return Provenance(float(found["minutes"]), tuple(found["words"]), str(found["commit"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _words_of(provenance: Provenance) -> str:
    return " ".join(
        [f"{provenance.minutes:g} minutes", *(f"--set {word}" for word in provenance.words)]
    )


def keep_figures(path: Path, command: str, figures: Mapping[str, Any]) -> None:
    """Writes figures with the command, commit, date and machine that they come from.

    figures: may name commits of their own, where they were made earlier.
    """
    source = {
        "command": command,
        "commit": head(),
        "date": datetime.date.today().isoformat(),
        "machine": f"{len(usable_cpus())} cores, {human_bytes(memory_mb() << 20)}",
    }
    write_atomic(path, json.dumps(source | dict(figures), indent=1) + "\n")
