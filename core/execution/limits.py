"""How long a program may run: from what its probe cost and from what remains. Pure arithmetic,
seconds throughout.
"""

from __future__ import annotations

import math

SHORT_CELLS = 200_000
SHORT_RUN_S = 15.0
STARTUP_S = 1.0
LOWER_EXPONENT, UPPER_EXPONENT = 1.0, 2.0
SLACK = 1.5
MIN_GRANT_S = 10.0
MIN_START_S = 3.0
UNKNOWN_SHARE = 1 / 3
_MIN_WORK_S = 0.05
# How much longer than its author was told a program may take before anything is measured.
TOLD_SLACK = 1.25
# Programs that should fit into a whole search where a model writes; what is left of it is shared by
# ever fewer of them, so that the first runs are short and later ones may be long.
AIM, LEAST_AIM = 24.0, 2.0
# A program that is asked for less spends it on imports.
MIN_TOLD_S = 10.0


def skip_probe(rows: int, columns: int, relative_s: float | None) -> bool:
    """True when a run on the search view is short anyway, so that a probe would cost more than it
    saves.

    rows, columns: of the search view's train table. relative_s: measured time of a parent on a
    search view, if any.
    """
    if relative_s is not None:
        return relative_s <= SHORT_RUN_S
    return rows * columns <= SHORT_CELLS


def extrapolate(
    probe_s: float, rows_probe: int, rows_search: int, startup_s: float = STARTUP_S
) -> tuple[float, float]:
    """(lower, upper) time of a search run: what the probe took beyond its start grows with rows**1
    to rows**2.

    startup_s: interpreter and imports, which do not grow. The upper value is the one to plan with.
    """
    startup = min(startup_s, probe_s)
    work = max(probe_s - startup, _MIN_WORK_S)
    ratio = max(rows_search / max(rows_probe, 1), 1.0)
    return startup + work * ratio**LOWER_EXPONENT, startup + work * ratio**UPPER_EXPONENT


def grant(
    predicted_s: float | None,
    search_remaining_s: float,
    timeout_max: float = math.inf,
    waves: int = 1,
    slack: float = SLACK,
) -> float:
    """The limit of one execution; never more than what remains, 0 when nothing does.

    predicted_s: upper estimate, None when unknown (then a share of what remains, so that one
    program cannot eat the run). waves: executions that must still run one after another, this one
    included: folds of a candidate divided by what runs at once. timeout_max: the user's cap in
    seconds. slack: how much longer than predicted it may take.
    """
    available = max(search_remaining_s, 0.0) / max(waves, 1)
    if predicted_s is None:
        wanted = max(available * UNKNOWN_SHARE, MIN_GRANT_S)
    else:
        wanted = max(slack * predicted_s, MIN_GRANT_S)
    return min(wanted, available, timeout_max)


def should_start(limit_s: float, lower_s: float | None) -> bool:
    """False when not even the lower estimate fits the granted limit, or when the limit is too short
    for anything.

    A program that only may be too slow is started: stopped at its deadline with a valid submission
    it still counts.
    """
    return limit_s >= MIN_START_S and (lower_s is None or lower_s <= limit_s)


def seconds_to_tell(left_s: float, folds: int, workers: int, progress: float) -> float:
    """What an author is told that its program may take on one search view.

    left_s: seconds of the search that remain. folds: search views, which a program goes through one
    after another. progress: share of the search that is over, 0 to 1. Never more than lets all
    folds of one program end in time.
    """
    aim = max(LEAST_AIM, AIM * (1.0 - progress) ** 2)
    wanted = max(left_s * workers / (folds * aim), MIN_TOLD_S)
    return min(wanted, left_s / folds)
