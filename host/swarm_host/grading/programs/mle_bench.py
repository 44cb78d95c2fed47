"""Grades by mle-bench's own graders and leaderboards. Runs in a worker process of the interpreter
that has mle-bench's libraries; this file needs nothing else.

Arguments: the data folder, the competition, the submission; without the last, the competition's own
sample submission is graded.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlebench.grade import grade_csv
from mlebench.grade_helpers import InvalidSubmissionError
from mlebench.registry import registry
from mlebench.utils import load_answers, read_csv

# First words of a file that git-lfs has not fetched.
POINTER = b"version https://git-lfs"


def main(arguments: Sequence[str]) -> int:
    data, name, *submission = arguments
    competition = registry.set_data_dir(Path(data)).get_competition(name)
    path = competition.sample_submission
    if submission:
        path = Path(submission[0]).absolute()
    board = leaderboard(competition.leaderboard)
    if board:
        print(f"medals: {board}", file=sys.stderr)
        report = without_medals(competition, path)
    else:
        report = grade_csv(path, competition).to_dict()
    message = board
    if report["score"] is None:
        message = fault(competition, path)
    elif not math.isfinite(report["score"]):
        message = "the score is no finite number"
        report |= {"score": None, "valid_submission": False}
    line = {
        "valid": report["valid_submission"],
        "score": report["score"],
        "lower_is_better": report["is_lower_better"],
        "message": message,
        "passed": report["any_medal"],
        "report": report,
    }
    print(json.dumps(line))
    return 0


def leaderboard(path: Path) -> str:
    """Why there are no medals; "" where the leaderboard is there."""
    if not path.is_file():
        return "there is no leaderboard.csv, so no medals"
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            return "leaderboard.csv is a pointer of git-lfs, so no medals: run `git lfs pull`"
    return ""


def without_medals(competition: Any, path: Path) -> dict[str, Any]:
    """The keys of a report of mle-bench, None where only a leaderboard tells."""
    score = competition.grader(read_csv(path), load_answers(competition.answers))
    unknown = (
        "gold_threshold silver_threshold bronze_threshold median_threshold any_medal gold_medal"
        " silver_medal bronze_medal above_median is_lower_better"
    )
    return dict.fromkeys(unknown.split()) | {
        "competition_id": competition.id,
        "score": score,
        "submission_exists": True,
        "valid_submission": score is not None,
    }


def fault(competition: Any, path: Path) -> str:
    """What the grader has against a submission that it gave no score. Raises what a grader raises
    that does not call it invalid.
    """
    try:
        competition.grader.grade_fn(read_csv(path), load_answers(competition.answers))
    except InvalidSubmissionError as error:
        return str(error)
    return "the grader gives no score"
