"""The real main.py with programs that need a tenth of a second: stdlib only, one parameter,
different for each step.

Everything else is real: box, views, judge, journal, signals. Used where a test is not about the
recipes.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.doubles import proposal
from core.records import Brief, Proposal
from core.settings import Surroundings
from main import main

PROGRAM = """import csv

# %% DATA
with open("input/train.csv", newline="") as file:
    train = list(csv.DictReader(file))
with open("input/test.csv", newline="") as file:
    test = {row["id"]: row for row in csv.DictReader(file)}
with open("input/sample_submission.csv", newline="") as file:
    ids = [row["id"] for row in csv.DictReader(file)]
# %% MODEL
SLOPE = @SLOPE@
# %% TRAIN
rates = {}
for colour in {row["colour"] for row in train}:
    same = [float(row["fails"]) for row in train if row["colour"] == colour]
    rates[colour] = sum(same) / len(same)
# %% POSTPROCESS
with open("submission/submission.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "fails"])
    for name in ids:
        value = rates.get(test[name]["colour"], 0.5) + SLOPE * float(test[name]["size"])
        writer.writerow([name, min(max(value, 0.0), 1.0)])
"""


class QuickProposer:
    """A slope that grows with the step: later programs rank better."""

    def propose(self, brief: Brief) -> Proposal:
        return proposal(brief, PROGRAM.replace("@SLOPE@", f"{0.002 * (brief.step + 1):.3f}"))


def quick_proposer(around: Surroundings) -> QuickProposer:
    return QuickProposer()


if __name__ == "__main__":
    sys.exit(main(recipes=quick_proposer))
