"""A stand-in for mle-bench's grading server: GET /health, POST /validate against the private
answers.

As there, every upload goes into one file, and the answer names no score.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from flask import Flask, Response, jsonify, request

UPLOAD = Path("/tmp/submission_to_validate.csv")
ANSWERS = (
    Path("/private/data")
    / os.environ.get("COMPETITION_ID", "")
    / "prepared"
    / "private"
    / "test.csv"
)

app = Flask(__name__)


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """(columns, rows). Raises OSError, ValueError when it is no table."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def objection(submission: Path, answers: Path) -> str:
    """Why the submission cannot be graded; empty when it can."""
    try:
        columns, rows = read(submission)
    except ValueError as error:
        return f"not a csv table: {error}"
    wanted, truth = read(answers)
    if columns != wanted:
        return f"columns {columns}, expected {wanted}"
    if sorted(row[0] for row in rows if row) != sorted(row[0] for row in truth):
        return "ids differ from the sample submission"
    try:
        values = [float(cell) for row in rows for cell in row[1:]]
    except ValueError as error:
        return str(error)
    return "" if all(0.0 <= value <= 1.0 for value in values) else "values outside [0, 1]"


@app.route("/validate", methods=["POST"])
def validate() -> Response | tuple[Response, int]:
    request.files["file"].save(UPLOAD)
    try:
        why = objection(UPLOAD, ANSWERS)
    except OSError as error:
        return jsonify({"error": "An unexpected error occurred.", "details": str(error)}), 500
    return jsonify({"result": f"Submission invalid! {why}" if why else "Submission is valid."})


@app.route("/health", methods=["GET"])
def health() -> Response:
    return jsonify({"status": "running"})


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000)
