"""The folder of a run group, in mle-bench's own shape, so that its tools read it unmodified.

`runs/<UTC>_run-group_<agent>/` holds metadata.json (for its make_submission), grading_report.json
(the keys of its `grade`), summary.json (ours), group.json, and one `<competition>_<uuid>/` per unit
with submission, code and logs. mle-bench cuts the name of a run at its first `_` to learn the
competition, so that names of competitions hold none here: `_` becomes `-` in a run's name, and
metadata.json says the real one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from swarm_host.disk import files
from swarm_host.life.outcomes import cancelled_in_queue, message_of_row, outcome_of_row
from swarm_host.records import Grade, Group, UnitRow
from swarm_host.states import FINAL, group_status
from swarm_host.words import jsonio

# Of mle-bench's report on one submission, in its order.
REPORT_KEYS = (
    "competition_id",
    "score",
    "gold_threshold",
    "silver_threshold",
    "bronze_threshold",
    "median_threshold",
    "any_medal",
    "gold_medal",
    "silver_medal",
    "bronze_medal",
    "above_median",
    "submission_exists",
    "valid_submission",
    "is_lower_better",
    "created_at",
    "submission_path",
)
# Of the competition, whatever was submitted; and what is false of no submission.
_OF_BOARD = (*(key for key in REPORT_KEYS if key.endswith("_threshold")), "is_lower_better")
_MEDALS = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median")
# Total over all reports: key of one report.
_TOTALS = {
    "total_medals": "any_medal",
    "total_gold_medals": "gold_medal",
    "total_silver_medals": "silver_medal",
    "total_bronze_medals": "bronze_medal",
    "total_above_median": "above_median",
}


# Written after the others: when it is newer than the last change, all of them are.
LAST_FILE = "summary.json"


def stamp(at: float) -> str:
    """A time as mle-bench writes it: 2026-11-30T18-00-15-GMT."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H-%M-%S-GMT")


# ---------------------------------------------------------------- files


def write(group: Group, rows: Sequence[UnitRow]) -> None:
    """All files of the group that follow from its units. Raises OSError; each is whole or old."""
    folder = Path(group.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("metadata.json", metadata(group, rows)),
        ("grading_report.json", grading_report(rows)),
        (LAST_FILE, summary(group, rows)),
    ):
        files.write_atomic(folder / name, jsonio.dumps(content, indent=2) + "\n", durable=False)


def metadata(group: Group, rows: Sequence[UnitRow]) -> Mapping[str, Any]:
    """mle-bench's metadata.json, with more said of each run. A run that has not ended is no success."""
    return {
        "run_group": Path(group.folder).name,
        "created_at": stamp(group.created),
        "runs": {Path(row.spec.folder).name: _run(row) for row in rows},
    }


def _run(row: UnitRow) -> Mapping[str, Any]:
    return {
        "success": outcome_of_row(row) == "ok",
        "competition": row.spec.competition,
        "seed": row.spec.seed,
        "unit": row.spec.unit_id,
        "state": row.state,
        "outcome": outcome_of_row(row),
    }


def grading_report(rows: Sequence[UnitRow]) -> Mapping[str, Any]:
    """mle-bench's totals and reports of the units that have ended.

    A medal needs a leaderboard. Where a competition has none, its medals are null, and totals count
    the others; with no leaderboard at all the totals are null too. `beats_references` says more.
    """
    graded = [row for row in rows if row.state in FINAL and row.spec.competition is not None]
    boards = leaderboards(graded)
    reports = [report(row, boards.get(row.spec.competition or "")) for row in graded]
    counts: dict[str, Any] = {"total_runs": len(reports)}
    counts["total_runs_with_submissions"] = sum(one["submission_exists"] for one in reports)
    counts["total_valid_submissions"] = sum(one["valid_submission"] for one in reports)
    for total, key in _TOTALS.items():
        known = [one[key] for one in reports if one[key] is not None]
        counts[total] = sum(map(bool, known)) if known else None
    return {**counts, "competition_reports": reports}


def leaderboards(rows: Sequence[UnitRow]) -> Mapping[str, Mapping[str, Any]]:
    """What mle-bench says of nothing at all on each competition whose leaderboard is known: its
    thresholds, and no medal.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        said = row.result.grade.report if row.result and row.result.grade else {}
        if said.get("any_medal") is not None:
            board = {key: said.get(key) for key in _OF_BOARD}
            found[row.spec.competition or ""] = board | dict.fromkeys(_MEDALS, False)
    return found


def report(row: UnitRow, board: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """mle-bench's report on the submission of one unit, and what we know more.

    board: what it says where there is no submission; None where the competition has no leaderboard.
    """
    result = row.result
    grade = result.grade if result else None
    # A grader of mle-bench says all of it, medals and thresholds as well.
    said = grade.report if grade else board or {}
    path = Path(row.spec.folder) / "submission" / "submission.csv"
    # A file of an earlier attempt is no submission of one that never began.
    exists = path.is_file() and not cancelled_in_queue(row)
    found: dict[str, Any] = {key: said.get(key) for key in REPORT_KEYS}
    ended = result.finished if result else row.updated
    found |= {
        "competition_id": row.spec.competition,
        "score": getattr(grade, "score", None),
        "submission_exists": exists,
        "valid_submission": bool(grade and grade.valid),
        "created_at": _iso(ended),
        "submission_path": str(path) if exists else None,
    }
    if grade is not None and grade.lower_is_better is not None:
        found["is_lower_better"] = grade.lower_is_better
    found |= {
        "beats_references": _beats_references(grade),
        "seed": row.spec.seed,
        "outcome": outcome_of_row(row),
    }
    return found


def _beats_references(grade: Grade | None) -> bool | Mapping[str, bool] | None:
    """As the source says it: of all references, or of each by its name. None: it says nothing."""
    if grade is None or not grade.valid:
        return None
    said = grade.report.get("beats_references")
    if isinstance(said, Mapping):
        return {str(name): bool(better) for name, better in said.items()}
    # With a leaderboard, `passed` speaks of medals.
    otherwise = None if grade.report.get("any_medal") is not None else grade.passed
    return said if isinstance(said, bool) else otherwise


def _iso(at: float) -> str:
    """As datetime.fromisoformat reads it, which is what mle-bench does."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def summary(group: Group, rows: Sequence[UnitRow]) -> Mapping[str, Any]:
    """What became of a group, for people and for `compare`: no number without where it comes from."""
    outcomes = [outcome_of_row(row) for row in rows]
    ended = [outcome for row, outcome in zip(rows, outcomes, strict=True) if row.state in FINAL]
    states = Counter(row.state for row in rows)
    known = Counter(outcome for outcome in ended if outcome)
    status = group_status([row.state for row in rows], ended)
    return {
        "group": group.group_id,
        "agent": group.agent,
        "sweep": group.sweep,
        "notes": group.notes,
        "created_at": _iso(group.created),
        "status": status,
        "states": dict(states),
        "outcomes": dict(known),
        "usage": used(rows),
        "units": list(map(_unit, rows)),
    }


def used(rows: Sequence[UnitRow]) -> dict[str, Any]:
    """Sums over units that have ended; null where no unit says it."""
    usages = [row.result.usage for row in rows if row.result]
    sums: dict[str, Any] = {}
    for name in ("seconds", "usd", "tokens", "requests"):
        known = [value for usage in usages if (value := getattr(usage, name)) is not None]
        sums[name] = sum(known) if known else None
    return sums


def _unit(row: UnitRow) -> Mapping[str, Any]:
    result = row.result
    grade = result.grade if result else None
    return {
        "unit": row.spec.unit_id,
        "run": Path(row.spec.folder).name,
        "competition": row.spec.competition,
        "seed": row.spec.seed,
        "state": row.state,
        "outcome": outcome_of_row(row),
        "message": message_of_row(row),
        "score": getattr(grade, "score", None),
        "valid": getattr(grade, "valid", None),
        "passed": getattr(grade, "passed", None),
        "lower_is_better": getattr(grade, "lower_is_better", None),
        "isolation": getattr(result, "isolation", None),
        "attempts": row.attempt,
        "usage": getattr(result, "usage", None),
    }
