"""Running the real commands on small competitions, as a user would."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEYS = (
    "API_KEY",
    "API_BASE",
    "MODEL_NAME",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "LLM_MODEL",
)

DESCRIPTION = """# Widgets

Predict which widgets fail. Accuracy of the sensors is high.

## Evaluation

Submissions are evaluated on area under the ROC curve between the predicted probability and the observed target.

### Submission File

For each id in the test set, predict a probability for `fails`.
"""


def write_competition(folder: Path, rows: int = 240, description: str | None = DESCRIPTION) -> Path:
    """A binary table competition whose target depends on two columns; 60 test rows."""
    draw = random.Random(5)
    folder.mkdir(parents=True)

    def row(number: int) -> dict[str, object]:
        size, colour = draw.gauss(0, 1), draw.choice(["red", "green", "blue"])
        chance = size + (colour == "red") + draw.gauss(0, 0.7)
        return {
            "id": f"w{number}",
            "size": f"{size:.4f}",
            "colour": colour,
            "age": draw.randint(1, 9),
            "fails": chance > 0.4,
        }

    made = [row(number) for number in range(rows + 60)]
    for item in made:
        item["fails"] = int(bool(item["fails"]))
    features = ["id", "size", "colour", "age"]
    write_csv(folder / "train.csv", made[:rows], [*features, "fails"])
    write_csv(folder / "test.csv", made[rows:], features)
    write_csv(
        folder / "sample_submission.csv",
        [item | {"fails": 0.5} for item in made[rows:]],
        ["id", "fails"],
    )
    if description is not None:
        (folder / "description.md").write_text(description)
    return folder


def write_csv(path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def report(self) -> dict[str, Any]:
        return json.loads((self.out / "logs" / "run.json").read_text())

    @property
    def submission(self) -> Path:
        return self.out / "submission" / "submission.csv"

    @property
    def events(self) -> list[dict[str, Any]]:
        return events(self.out)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


def events(out: Path) -> list[dict[str, Any]]:
    path = out / "logs" / "journal.jsonl"
    if not path.exists():
        return []
    return [
        json.loads(line)
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.endswith("}")
    ]


def start(
    words: Sequence[object], environ: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A command of ours in its own session, with no key in its environment."""
    clean = {name: value for name, value in os.environ.items() if name not in KEYS}
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=clean | dict(environ or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], out: Path, seconds: float = 180) -> Ended:
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise AssertionError(
            f"not done after {seconds} s:\n{stdout[-2000:]}\n{stderr[-2000:]}"
        ) from None
    return Ended(process.returncode, stdout, stderr, out)


QUICK = "tests/e2e/quick_agent.py"


def solve(
    data: Path,
    out: Path,
    *words: object,
    environ: Mapping[str, str] | None = None,
    agent: str = QUICK,
    seconds: float = 180,
) -> Ended:
    """A run to its end. agent: main.py, or its twin with quick programs."""
    return finish(start([agent, "--data", data, "--out", out, *words], environ), out, seconds)


def model_words(address: str, vendor: str = "openai") -> list[str]:
    """Configuration of both models. address: as a user would give it."""
    values = {
        "provider": vendor,
        "base_url": address,
        "api_key": "key-of-a-test",
        "model": "some-model",
    }
    return [
        f"llm.{role}.{name}={value}"
        for role in ("code", "feedback")
        for name, value in values.items()
    ]


def adapter_words(data: Path, out: Path) -> list[str]:
    """The adapter's container paths, moved below `out`."""
    return [
        "run_mle_adapter.py",
        f"data.data_dir={data}",
        f"project.workspace_dir={out / 'workspace'}",
        f"project.log_dir={out / 'logs'}",
        f"output.submission_dir={out / 'submission'}",
        f"output.code_dir={out / 'code'}",
        "grading.validate_url=null",
    ]


def wait_for(
    condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120
) -> None:
    """Returns once the condition holds; fails when the process ends before or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, (
            f"ended early with {process.returncode}: {process.stderr and process.stderr.read()}"
        )
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def check_submission(path: Path, data: Path) -> None:
    """The form that a grader accepts: every id of the sample once, a probability each."""
    rows, sample = read_csv(path), read_csv(data / "sample_submission.csv")
    assert [row["id"] for row in rows] == [row["id"] for row in sample]
    assert all(0.0 <= float(row["fails"]) <= 1.0 for row in rows)
    assert not path.is_symlink()
