"""A made-up competition that is written by arithmetic alone: half-hourly demand of power and the
temperature, the last weeks to be predicted.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from pathlib import Path

from tests.task import folders

STEPS, TRAIN = 4800, 4128
START = datetime(2014, 1, 6)
DESCRIPTION = """# Demand of power

## Overview

The operator of a small grid plans its purchases some weeks ahead. From the calendar and the
temperature (observed, and for the test period a forecast) predict the demand of each half hour, in MW.

## Evaluation

Submissions are scored by the root mean squared error (RMSE) between predicted and observed demand.

### Submission File

For each `id` in the test set predict `demand`.

## Data

- **id** - number of the half hour
- **when** - begin of the half hour, local time
- **temperature** - degrees Celsius at the largest town
- **demand** - mean demand of the half hour in MW, in train only
"""


def write(root: Path) -> Path:
    rng, rows, warm = random.Random(5), [], 12.0
    for step in range(STEPS):
        when = START + timedelta(minutes=30 * step)
        hour, day = when.hour + when.minute / 60, step / 48
        air = (
            12 - 9 * math.cos(2 * math.pi * day / 365) - 4 * math.cos(2 * math.pi * (hour - 3) / 24)
        )
        air += 3 * math.sin(day / 2.3) + rng.gauss(0, 0.7)
        warm += 0.04 * (air - warm)
        load = (
            3.2
            - 0.9 * math.cos(2 * math.pi * (hour - 4) / 24)
            - 0.5 * math.cos(4 * math.pi * (hour - 8) / 24)
        )
        load -= 0.45 * (when.weekday() >= 5) * math.sin(math.pi * hour / 24)
        load += 0.07 * max(14 - warm, 0) + 0.05 * max(air - 21, 0) * (
            1 + math.sin(math.pi * hour / 24)
        )
        load += rng.gauss(0, 0.06)
        rows.append((step, when.isoformat(" "), round(air, 1), round(load, 3)))
    folders.put(root / "train.csv", ("id", "when", "temperature", "demand"), rows[:TRAIN])
    folders.put(root / "test.csv", ("id", "when", "temperature"), [row[:3] for row in rows[TRAIN:]])
    folders.put(
        root / "sample_submission.csv", ("id", "demand"), [(row[0], 3.0) for row in rows[TRAIN:]]
    )
    return root
