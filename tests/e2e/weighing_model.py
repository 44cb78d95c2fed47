"""A scripted model for long runs: it writes programs with a weight in each part, and coaches those
who write them.
"""

from __future__ import annotations

import json
import random
import re

from benchmark.scripted_server import HttpRequest, Turn
from core.evolution.briefs import tasks
from core.genome import LOCI

PROGRAM = """import csv

# %% DATA
AGE_WEIGHT = @DATA@
with open("input/train.csv", newline="") as file:
    train = list(csv.DictReader(file))
with open("input/test.csv", newline="") as file:
    test = {row["id"]: row for row in csv.DictReader(file)}
with open("input/sample_submission.csv", newline="") as file:
    ids = [row["id"] for row in csv.DictReader(file)]
# %% MODEL
SIZE_WEIGHT = @MODEL@
# %% TRAIN
COLOUR_WEIGHT = @TRAIN@
rates = {}
for colour in {row["colour"] for row in train}:
    same = [float(row["fails"]) for row in train if row["colour"] == colour]
    rates[colour] = sum(same) / len(same)
# %% POSTPROCESS
ID_WEIGHT = @POSTPROCESS@
with open("submission/submission.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "fails"])
    for name in ids:
        row = test[name]
        value = SIZE_WEIGHT * float(row["size"]) + COLOUR_WEIGHT * rates.get(row["colour"], 0.5)
        value += AGE_WEIGHT * float(row["age"]) / 9 + ID_WEIGHT * (int(name[1:]) % 7) / 7
        writer.writerow([name, 0.5 + 0.5 * value / (1 + abs(value))])
"""
NAMES = {
    "DATA": "AGE_WEIGHT",
    "MODEL": "SIZE_WEIGHT",
    "TRAIN": "COLOUR_WEIGHT",
    "POSTPROCESS": "ID_WEIGHT",
}
FIRST = {"DATA": 0.3, "MODEL": 0.2, "TRAIN": 0.2, "POSTPROCESS": 0.3}
# Age and id say nothing about the target, size and colour do.
BETTER = {"DATA": 0.6, "MODEL": 1.6, "TRAIN": 1.6, "POSTPROCESS": 0.6}
ROLE = "You are a weigher: you look for the weights that matter."
LESSON = "Give more weight to what the target depends on."


def weighing(seen: HttpRequest) -> Turn:
    """An answer to any request of a run. Two changes of three go the way that helps."""
    if seen.schema is not None:
        return Turn(json.dumps(_coached(seen.schema["properties"])))
    content = seen.body["messages"][-1]["content"]
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    task = text.partition("# Your task")[2] or text
    known = {
        locus: float(value)
        for locus in LOCI
        for value in re.findall(rf"{NAMES[locus]} = ([\d.]+)", task)[:1]
    }
    draw = random.Random(seen.number)
    if re.search("Improve this program|Tune this program", task) and known:
        return _changed(_locus(task, known, draw), known, draw)
    weights = {
        locus: round(known.get(locus, FIRST[locus]) * draw.uniform(0.7, 1.4), 4) for locus in LOCI
    }
    program = PROGRAM
    for locus, value in weights.items():
        program = program.replace(f"@{locus}@", str(value))
    return Turn(
        f"PLAN: weighted sum, {draw.choice(['plain', 'careful', 'bold'])} start\n```python\n{program}```\n"
    )


def _coached(wanted: dict[str, object]) -> dict[str, object]:
    if "lesson" in wanted:
        return {"lesson": LESSON}
    return {
        "role": ROLE,
        "strategy": dict.fromkeys(tasks(), LESSON),
    }


def _locus(task: str, known: dict[str, float], draw: random.Random) -> str:
    asked = [locus for locus in known if re.search(rf"\b{locus}\b part", task)]
    return asked[0] if asked else draw.choice(sorted(known))


def _changed(locus: str, known: dict[str, float], draw: random.Random) -> Turn:
    factor = BETTER[locus] if draw.random() < 2 / 3 else 1 / BETTER[locus]
    before, after = known[locus], round(known[locus] * factor * draw.uniform(0.9, 1.1), 4)
    line = f"{NAMES[locus]} = "
    plan = f"PLAN: weighted sum [{locus}: {NAMES[locus]} {before} -> {after}]"
    return Turn(
        f"{plan}\n<<<<<<< SEARCH\n{line}{before}\n=======\n{line}{after}\n>>>>>>> REPLACE\n"
    )
