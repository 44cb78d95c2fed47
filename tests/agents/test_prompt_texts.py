"""Prompts byte for byte: recorded runs find their answers by the digest of a request, and an
endpoint's prefix cache by its first bytes.

To change a text on purpose, write the files of tests/agents/prompt_texts anew, and read the
difference: `python -m tests.agents.test_prompt_texts`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.siblings import WrittenDraft
from agents.prompting.system_text import CandidateMachine, TaskFacts
from core.doubles import CLEAN, entry
from core.persona import Persona
from core.records import Brief, Entry, ErrorInfo, Parent, SplitSpec
from core.skill import Skill
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.recognise.spec import inspect_competition
from tests.task import folders

TEXTS = Path(__file__).with_name("prompt_texts")
DESCRIPTION = """# Machines

## Evaluation

Submissions are evaluated on the area under the ROC curve.

## Prizes

A trip to the moon.

## Data

- **a** - what the sensor has measured
"""
FIRST = '''import numpy as np
# %% DATA
def table(name):
    """Reads a table."""
    frame = read(name)
    frame = frame.fillna(0)
    frame = frame.drop_duplicates()
    return frame
# %% MODEL
model = Ridge(alpha=2)
# %% TRAIN
model.fit(table("train"))
# %% POSTPROCESS
write(model.predict(table("test")))
'''
SECOND = FIRST.replace("Ridge(alpha=2)", "Boosting(depth=4)").replace("fillna(0)", "dropna()")
FAULT = ErrorInfo(
    "KeyError",
    "'b'",
    "Traceback (most recent call last):\n  File \"/srv/ws/working/s3/solution.py\", line 7\nKeyError: 'b'",
)
SLOW = ErrorInfo("TimeoutError", "stopped at its time limit (131 s)", "")
PERSONA = Persona(
    "bold",
    role="You are bold.",
    strategy={"draft": "Take what nobody takes.", "tune": "Double it."},
)
LESSONS = (
    Skill("k1", "MODEL: raise alpha, as from 2 to 4.", "MODEL: alpha 2 -> 4", "MODEL", {}, (), 0.3),
    Skill("k2", "Shallow trees pay.", "shallow trees", None, {}, (), 0.1, origin="trees"),
)


def steps() -> list[Entry]:
    """Three drafts, of which one failed, one that was too slow, and a change that helped."""
    limit = dataclasses.replace(
        CLEAN,
        killed_for="deadline",
        timed_out=True,
        duration_s=131.7,
        peak_rss_mb=900.0,
        error=SLOW,
    )
    broken = dataclasses.replace(CLEAN, error=FAULT)
    tuned = entry("s0005", 0.83, kind="tune", parents=("s0001",), locus="MODEL")
    return [
        entry("s0001", 0.81),
        dataclasses.replace(entry("s0002", 0.82), plan="boosted trees on counts"),
        entry("s0003", None, outcome=broken),
        entry("s0004", None, outcome=limit),
        dataclasses.replace(tuned, plan="linear model (alpha 3) [MODEL: ALPHA 2 -> 3]"),
    ]


def knowledge(brief: Brief, most: int) -> Sequence[str]:
    return [f"### Piece {number}\n{'advice, ' * 60}more.\n" for number in range(most)]


def builder(folder: Path) -> PromptBuilder:
    root = folders.binary_rows(folder)
    spec = inspect_competition(root, DESCRIPTION, Hints.of())
    split = SplitSpec("group", 5, 10, 0, 1, "", group_column="b")
    machine = CandidateMachine("3.11.9", {"pandas": "3.0", "numpy": "2.2", "zlib_ng": "1"}, 2, 8192)
    drafts = [
        WrittenDraft("linear model (alpha 2)", by_recipes=True),
        WrittenDraft("boosted trees on counts", by_recipes=False),
    ]
    learned = RunProgress(steps, lambda: drafts, knowledge)
    warnings = ("a single column nearly gives the answer: a",)
    return PromptBuilder(TaskFacts(spec, look(spec), split, warnings), machine, learned)


def parent(name: str, program: str, error: ErrorInfo | None = None) -> Parent:
    return Parent(name, program, f"plan {name}", None if error else 0.81234567, error)


GOOD, OTHER = parent("s0001", FIRST), parent("s0002", SECOND)
PLAN = (("DATA", "s0001"), ("MODEL", "s0002"), ("TRAIN", "s0001"), ("POSTPROCESS", "s0001"))
BRIEFS = {
    "draft": Brief(
        6, "draft", 3, siblings=("plan s0001", "boosted trees on counts", ""), seconds=137.0
    ),
    "rewrite": Brief(6, "rewrite", 3, (GOOD,), seconds=137.0),
    "rebuild": Brief(6, "draft", 3, (GOOD, OTHER), seconds=137.0),
    "mutate": Brief(7, "mutate", 3, (GOOD,), "MODEL", "loss", skills=LESSONS),
    "merge": Brief(8, "merge", 3, (GOOD, OTHER), gene_plan=PLAN, seconds=137.0),
    "debug": Brief(9, "debug", 3, (parent("s0003", FIRST, FAULT),), seconds=137.0),
    "tune": Brief(10, "tune", 3, (GOOD,), "MODEL", persona=PERSONA, skills=LESSONS[1:]),
    "shrink": Brief(11, "shrink", 3, (parent("s0004", FIRST, SLOW),), seconds=100.0),
}
REPAIRED = dataclasses.replace(BRIEFS["draft"], persona=PERSONA)
REASONS = ("line 3: uses the absolute path '/srv/data/x/y.csv'",)


def texts(folder: Path) -> dict[str, str]:
    """Name of a file -> text, for a competition that is written into an empty folder."""
    prompts = builder(folder)
    return {kind: prompts.write(brief) for kind, brief in BRIEFS.items()} | {
        "system": prompts.system(),
        "plans": prompts.plans(3, 90.0),
        "repair": prompts.repair(BRIEFS["mutate"], FIRST, REASONS),
        "repair_empty": prompts.repair(REPAIRED, "", ("no program",)),
    }


def test_every_prompt_is_the_same_text_as_before(tmp_path: Path) -> None:
    written = texts(tmp_path / "machines")
    assert set(written) == {path.stem for path in TEXTS.iterdir()}
    for name, text in written.items():
        assert text.encode() == (TEXTS / f"{name}.txt").read_bytes(), name


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room:
        for title, prompt in texts(Path(room) / "machines").items():
            (TEXTS / f"{title}.txt").write_text(prompt, encoding="utf-8")
