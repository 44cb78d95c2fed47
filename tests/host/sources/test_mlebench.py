"""Prepared data of mle-bench. Its package here is a stand-in of the same modules and names;
tests/host/mle_bench has the genuine one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.errors import GradingFailed, UnknownName, UsageError
from swarm_host.grading.workers import GradingWorkers
from swarm_host.sources.mlebench import MleBenchSource

from tests.host.hostile import hostile

# The modules that the grading program imports, as mle-bench has them.
STAND_IN = {
    "__init__": "",
    "utils": """
import pandas as pd
def read_csv(*args, **kwargs):
    try:
        return pd.read_csv(*args, **{"float_precision": "round_trip", **kwargs})
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
def load_answers(path):
    return read_csv(path)
""",
    "grade_helpers": """
class InvalidSubmissionError(Exception):
    pass
class Grader:
    def __init__(self, grade_fn):
        self.grade_fn = grade_fn
    def __call__(self, submission, answers):
        try:
            return round(self.grade_fn(submission, answers), 5)
        except Exception:
            return None
""",
    "registry": """
from pathlib import Path
from types import SimpleNamespace
import mlebench
from mlebench.grade_helpers import Grader, InvalidSubmissionError
def mean_error(submission, answers):
    if set(submission.columns) != {"id", "y"}:
        raise InvalidSubmissionError("Submission needs the columns id and y.")
    if sorted(submission.id) != sorted(answers.id):
        raise InvalidSubmissionError("Submission needs every id once.")
    both = answers.merge(submission, on="id")
    if not (both.y_y.astype(float).abs() < 1e300).all():
        raise InvalidSubmissionError("Predictions must be finite.")
    return (both.y_x - both.y_y.astype(float)).abs().mean()
class Registry:
    def __init__(self, data=None):
        self.data = data
    def set_data_dir(self, data):
        return Registry(data)
    def get_competition(self, name):
        folder = Path(mlebench.__file__).parent / "competitions" / name
        private = self.data / name / "prepared" / "private"
        return SimpleNamespace(
            id=name,
            grader=Grader(mean_error),
            answers=private / "answers.csv",
            sample_submission=private.parent / "public" / "strange name.csv",
            leaderboard=folder / "leaderboard.csv",
        )
registry = Registry()
""",
    "grade": """
import pandas as pd
from types import SimpleNamespace
from mlebench.utils import load_answers, read_csv
def grade_csv(path, competition):
    score = competition.grader(read_csv(path), load_answers(competition.answers))
    board = pd.read_csv(competition.leaderboard).score
    lower = bool(board.iloc[0] < board.iloc[-1])
    gold = score is not None and (score <= board.iloc[0] if lower else score >= board.iloc[0])
    report = dict(
        competition_id=competition.id, score=score, gold_threshold=float(board.iloc[0]),
        any_medal=bool(gold), gold_medal=bool(gold), submission_exists=True,
        valid_submission=score is not None, is_lower_better=lower,
        submission_path=str(path),
    )
    return SimpleNamespace(to_dict=lambda: report)
""",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "mle-bench" / "mlebench"
    (package / "competitions" / "own").mkdir(parents=True)
    (package / "competitions" / "other").mkdir()
    for name, text in STAND_IN.items():
        (package / f"{name}.py").write_text(text)
    (package / "competitions" / "own" / "leaderboard.csv").write_text("score\n0.1\n0.5\n2\n")
    return package.parent


@pytest.fixture
def data(tmp_path: Path) -> Path:
    prepared = tmp_path / "data" / "own" / "prepared"
    (prepared / "public").mkdir(parents=True)
    (prepared / "private").mkdir()
    rows = "".join(f"{number},{number}\n" for number in range(1, 6))
    (prepared / "private" / "answers.csv").write_text(f"id,y\n{rows}")
    rows = "".join(f"{number},0.5\n" for number in range(1, 6))
    (prepared / "public" / "strange name.csv").write_text(f"id,y\n{rows}")
    return tmp_path / "data"


def left(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "submission.csv"
    path.write_bytes(data)
    return path


def test_medals_come_from_the_leaderboard(
    graders: GradingWorkers, checkout: Path, data: Path
) -> None:
    source = MleBenchSource(data, graders, checkout)
    assert source.names() == ["own"]
    own = source.prepare("own")
    assert own.public == str(data / "own" / "prepared" / "public")
    answers = data / "own" / "prepared" / "private" / "answers.csv"
    best = source.grade("own", answers)
    assert best.report["submission_path"] == str(answers)
    assert (best.valid, best.score, best.lower_is_better, best.passed) == (True, 0.0, True, True)
    assert best.report["gold_medal"] is True
    sample = source.grade("own", Path(own.public) / "strange name.csv")
    assert (sample.valid, sample.score, sample.passed) == (True, 2.5, False)


@pytest.mark.parametrize("kind", ["missing", "pointer"])
def test_without_a_leaderboard_there_are_no_medals(
    graders: GradingWorkers, checkout: Path, data: Path, kind: str
) -> None:
    board = checkout / "mlebench" / "competitions" / "own" / "leaderboard.csv"
    board.unlink()
    if kind == "pointer":
        board.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    source = MleBenchSource(data, graders, checkout)
    grade = source.grade("own", data / "own" / "prepared" / "public" / "strange name.csv")
    assert (grade.valid, grade.score, grade.passed) == (True, 2.5, None)
    assert grade.lower_is_better is None
    assert grade.report["any_medal"] is None
    assert "no medals" in grade.message
    assert ("git lfs pull" in grade.message) is (kind == "pointer")


def test_the_graders_own_words_are_told(
    graders: GradingWorkers, checkout: Path, data: Path, tmp_path: Path
) -> None:
    source = MleBenchSource(data, graders, checkout)
    grade = source.grade("own", left(tmp_path, b"id,z\n1,2\n"))
    assert (grade.valid, grade.score) == (False, None)
    assert grade.message == "Submission needs the columns id and y."
    assert grade.report["valid_submission"] is False


def test_hostile_submissions_are_judged(
    graders: GradingWorkers, checkout: Path, data: Path, tmp_path: Path
) -> None:
    right = (data / "own" / "prepared" / "public" / "strange name.csv").read_bytes()
    source, wrong = MleBenchSource(data, graders, checkout), {}
    for name, (content, gradable) in hostile(right).items():
        grade = source.grade("own", left(tmp_path, content))
        if (grade.valid, grade.score is not None) != (gradable, gradable):
            wrong[name] = grade
        assert grade.valid or grade.message, name
    assert wrong == {}


def test_a_grader_that_breaks_on_everything_is_not_the_agents_fault(
    graders: GradingWorkers, checkout: Path, data: Path, tmp_path: Path
) -> None:
    source = MleBenchSource(data, graders, checkout)
    (data / "own" / "prepared" / "private" / "answers.csv").write_text("no,columns\n1,2\n")
    with pytest.raises(GradingFailed, match="AttributeError"):
        source.grade("own", data / "own" / "prepared" / "public" / "strange name.csv")


def test_a_checkout_that_is_none_is_told(
    graders: GradingWorkers, data: Path, tmp_path: Path
) -> None:
    source = MleBenchSource(data, graders, tmp_path / "nothing")
    with pytest.raises(GradingFailed, match="mlebench"):
        source.grade("own", data / "own" / "prepared" / "public" / "strange name.csv")


def test_competitions_that_are_not_prepared_get_their_cure(
    graders: GradingWorkers, checkout: Path, data: Path
) -> None:
    source = MleBenchSource(data, graders, checkout)
    with pytest.raises(UsageError, match="mlebench prepare -c other"):
        source.prepare("other")
    for name in ("owm", "../own", ""):
        with pytest.raises(UnknownName, match="there are: own"):
            source.prepare(name)
    for path in (data / "own" / "prepared" / "private").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="mlebench prepare -c own"):
        source.prepare("own")


def test_a_folder_without_competitions_is_told_by_the_source_itself(
    tmp_path: Path, graders: GradingWorkers
) -> None:
    source = MleBenchSource(tmp_path, graders)
    (tmp_path / "own" / "data").mkdir(parents=True)
    with pytest.raises(UsageError, match=f"prepared in {tmp_path} as NAME/prepared/public/"):
        source.names()
    # The name of one that is asked for stands in the cure.
    with pytest.raises(UsageError, match="`mlebench prepare -c own`"):
        source.prepare("own")
