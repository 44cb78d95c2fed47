"""Data folders and leaderboards of two registered competitions, made up: in one a high score is good, in the
other a low one. Nothing of them comes from the competitions but names and columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_TEAMS = 20


@dataclass(frozen=True)
class MadeUp:
    """Rows have the id first. leaderboard: one score for each team, the best first."""

    name: str
    columns: tuple[str, ...]
    answers: Sequence[tuple[object, ...]]
    sample: Sequence[tuple[object, ...]]
    # Good enough for a medal, and not for gold.
    good: Sequence[tuple[object, ...]]
    leaderboard: Sequence[float]
    lower_is_better: bool
    # Scores of the sample and of the good rows, in five decimals.
    scores: tuple[float, float]
    medal_of_good: str


def accuracy() -> MadeUp:
    """Sixty passengers; a third is transported."""
    names = [f"{number:04}_01" for number in range(60)]
    answers = [(name, number % 3 == 0) for number, name in enumerate(names)]
    # Six of sixty are wrong.
    good = [(name, truth != (number >= 54)) for number, (name, truth) in enumerate(answers)]
    return MadeUp(
        name="spaceship-titanic",
        columns=("PassengerId", "Transported"),
        answers=answers,
        sample=[(name, False) for name in names],
        good=good,
        leaderboard=[round(0.99 - 0.02 * team, 2) for team in range(_TEAMS)],
        lower_is_better=False,
        scores=(0.66667, 0.9),
        medal_of_good="bronze_medal",
    )


def logarithmic_error() -> MadeUp:
    """Forty materials with two numbers each."""
    answers = [(number, 0.1 * (number % 5), 0.5 * (number % 7)) for number in range(1, 41)]

    def off_by(error: float) -> Callable[[float], float]:
        return lambda value: (1 + value) * math.exp(error) - 1

    good, bad = off_by(0.07), off_by(0.5)
    return MadeUp(
        name="nomad2018-predict-transparent-conductors",
        columns=("id", "formation_energy_ev_natom", "bandgap_energy_ev"),
        answers=answers,
        sample=[(row, bad(first), bad(second)) for row, first, second in answers],
        good=[(row, good(first), good(second)) for row, first, second in answers],
        leaderboard=[round(0.05 + 0.01 * team, 2) for team in range(_TEAMS)],
        lower_is_better=True,
        scores=(0.5, 0.07),
        medal_of_good="silver_medal",
    )


def all_of_them() -> tuple[MadeUp, ...]:
    return accuracy(), logarithmic_error()


def table(one: MadeUp, rows: Sequence[tuple[object, ...]]) -> str:
    """Rows as a CSV file has them."""
    lines = [one.columns, *rows]
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


def write_data(one: MadeUp, data: Path) -> Path:
    """What `mlebench prepare` would leave; returns the folder `prepared`. Another user can read it."""
    prepared = data / one.name / "prepared"
    for part in ("public", "private"):
        (prepared / part).mkdir(parents=True)
    (prepared / "public" / "sample_submission.csv").write_text(table(one, one.sample))
    (prepared / "public" / "description.md").write_text("Made up for a test.\n")
    (prepared / "private" / "test.csv").write_text(table(one, one.answers))
    for folder in (data, prepared.parent, prepared, prepared / "public"):
        folder.chmod(0o755)
    return prepared


def write_leaderboard(one: MadeUp, checkout: Path) -> None:
    """In place of the checkout's own, which is a pointer of git-lfs in most checkouts."""
    path = checkout / "mlebench" / "competitions" / one.name / "leaderboard.csv"
    rows = [f"{team},{score}\n" for team, score in enumerate(one.leaderboard)]
    path.write_text("teamId,score\n" + "".join(rows))
