"""Loads weights in a child process as a candidate would, without a network, and remembers how that
went.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.execution import program_output
from core.execution.box import BoxLimits
from core.execution.supervised import BoxResult
from core.execution.trial_box import TrialBox
from core.execution.weights_scan import WeightFiles, offline_environment, site_folders
from core.genome import digest
from utils.files import write_atomic

FILES = Path(__file__).with_name("weights_files")
_SECTION = re.compile(r"^# (inputs|load|apply)\n", re.MULTILINE)
_LIMITS = BoxLimits(disk_mb=256, file_mb=256)
_MARK = "SWARM_WEIGHTS_TRIED "
_REASON_CHARS = 200
# The second call is the one that counts: the first one pays for set-up.
_PROGRAM = """
import json, os, time
{inputs}
begin = time.perf_counter()
{load}
loaded = time.perf_counter()
{apply}
warm = time.perf_counter()
{apply}
done = time.perf_counter()
count, width = len(vectors), int(vectors.shape[-1]) if len(vectors.shape) else 0
print("\\n{mark}" + json.dumps(dict(width=width, load_s=loaded - begin, per_s=count / (done - warm))), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """How one trial went. reason: why it failed, "" when it went well. width: numbers per input.
    load_s: seconds.

    per_s: inputs per second on one core (a text of a dozen words, a picture of 224 pixels, a second
    of sound).
    """

    reason: str
    width: int = 0
    load_s: float = 0.0
    per_s: float = 0.0


def snippet(item: WeightFiles) -> str:
    """The lines that load and use an item; they start from an `import os`."""
    parts = _parts(item)
    return f"import os\n\n{parts['load'].strip()}\n{parts['apply'].strip()}\n"


class TrialCache:
    """Results in a JSON file, by everything that they depend on: the weights' path, size and time,
    the snippet, the interpreter and its packages. A file that cannot be read counts as empty.
    """

    def __init__(self, path: Path, interpreter: str) -> None:
        self._path = path
        self._machine = [
            interpreter,
            *(str(site.stat().st_mtime_ns) for site in site_folders(interpreter)),
        ]
        self._known = _read(path)

    def get(self, item: WeightFiles) -> Trial | None:
        try:
            return Trial(**self._known[self._key(item)])
        except (KeyError, TypeError):
            return None

    def put(self, item: WeightFiles, trial: Trial) -> None:
        """Raises OSError when the file cannot be written."""
        self._known[self._key(item)] = asdict(trial)
        write_atomic(self._path, json.dumps(self._known, indent=1))

    def _key(self, item: WeightFiles) -> str:
        return digest(
            json.dumps([item.path, item.size, item.mtime_ns, snippet(item), *self._machine])
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if isinstance(results, dict):
        return results
    return {}


def run_trial(
    item: WeightFiles, box: TrialBox, weights: Path, readable: tuple[Path, ...]
) -> tuple[Trial, bool]:
    """(how it went, whether it would go the same way again). A trial that ran out of time or was
    stopped would not.

    weights: the folder that becomes SWARM_WEIGHTS. readable: what links in it point into. Raises
    WorkerError when the box itself does not work, OSError when the workspace cannot be written.
    """
    variables = {"SWARM_WEIGHTS": str(weights), **offline_environment(weights)}
    with box.folder("weights") as folder:
        (folder / "trial.py").write_text(
            _PROGRAM.format(mark=_MARK, **_parts(item)), encoding="utf-8"
        )
        result = box.run(folder, "trial.py", _LIMITS, (weights, *readable), variables)
    if why := _cut_off(result):
        return Trial(why[:_REASON_CHARS]), False
    return _outcome(result), True


def _cut_off(result: BoxResult) -> str:
    """Why a trial says nothing of its item; "" when it does."""
    if result.killed_for == "supervisor_lost":
        return "lost"
    if result.killed_for is not None:
        return f"ended: {result.killed_for}"
    return result.problem


def _outcome(result: BoxResult) -> Trial:
    lines = [line for line in result.text.splitlines() if line.startswith(_MARK)]
    if result.exit_code == 0 and lines:
        return Trial("", **json.loads(lines[-1].removeprefix(_MARK)))
    error = program_output.classify(result.text, result.exit_code, result.signal, None)
    if error is None:
        return Trial("it did not come to its end")
    words = f"{error.type}: {error.message}".split()
    return Trial(" ".join(words)[:_REASON_CHARS])


def _parts(item: WeightFiles) -> dict[str, str]:
    """Sections of the kind's file, with the item's names filled in."""
    values = {"NAME": item.name, "ARCH": item.arch, "FILE": item.file}
    return {
        section: re.sub(r"\b(?:NAME|ARCH|FILE)\b", lambda match: values[match[0]], text)
        for section, text in _sections(f"{item.kind}_{item.modality}").items()
    }


@cache
def _sections(name: str) -> dict[str, str]:
    _, *parts = _SECTION.split((FILES / f"{name}.txt").read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))
