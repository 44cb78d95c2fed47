"""Every synthetic folder is understood, gets a valid baseline, and its views show no held-out
label.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from core.records import CompetitionSpec, View
from tests.shapes.__main__ import measure
from tests.shapes.grading import InvalidSubmissionError, grade, read
from tests.shapes.pipeline import Pipeline
from tests.shapes.registry import BY_NAME, SHAPES
from tests.shapes.report import DOCUMENT, RESULTS, with_tables
from tests.shapes.runs import run
from tests.shapes.shape import Shape
from tests.shapes.unforeseen import UNFORESEEN
from tests.shapes.visible import Search
from tests.shapes.writing import Folder
from utils.errors import SwarmError
from utils.process import become_subreaper

pytestmark = pytest.mark.whole

# Folders that the harness cannot hold labels out of yet, and why. One that works must leave the
# list.
NOT_YET: dict[str, str] = {}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    found = Pipeline(tmp_path_factory.mktemp("shapes"))
    yield found
    found.close()


def test_there_are_twenty_two_shapes_and_they_differ() -> None:
    assert len(SHAPES) == 22 == len(BY_NAME)
    assert set(NOT_YET) <= set(BY_NAME)
    assert len({shape.quirk for shape in SHAPES}) == 22


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_folder_is_understood_and_its_views_hide_the_labels(
    shape: Shape, pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = shape.build(tmp_path)
    if shape.name not in NOT_YET:
        check(shape, folder, pipeline)
        return
    with pytest.raises((SwarmError, AssertionError)):
        check(shape, folder, pipeline)


def check(shape: Shape, folder: Folder, pipeline: Pipeline) -> None:
    assert Search(folder, shape.labels, folder.public).visible == set(folder.rows), (
        "the search itself is blind"
    )
    spec = pipeline.inspect(shape, folder.root)
    as_expected(shape, spec)
    split, views = pipeline.views(spec, folder.root)
    assert split.kind in shape.expected.splits
    assert split.holdout_rows > 0
    baseline = folder.root / "baseline.csv"
    pipeline.baseline(spec, baseline)
    grade(shape, baseline, folder.private / "answers.csv")
    hidden = [hidden_rows(shape, folder, view) for view in views]
    asked = [extra_rows(folder, view) for view in views]
    worth = [sum(folder.rows[row] for row in rows) for rows in hidden]
    if split.kind == "time":
        # What comes after a window is neither shown nor asked.
        assert all(0 < rows <= most for rows, most in zip(asked, worth, strict=True))
        return
    assert asked == worth
    assert sum(map(len, hidden)) == len(set().union(*hidden)), "a row is held out twice"
    assert len(views) == 1 or len(set().union(*hidden)) > 0.8 * len(folder.rows)


def as_expected(shape: Shape, spec: CompetitionSpec) -> None:
    asked = shape.expected
    assert (spec.metric.name, spec.metric.direction) == (asked.metric, asked.direction)
    assert spec.metric.source == "description"
    assert (spec.ids.columns, spec.answers.targets) == (asked.ids, asked.targets)
    assert spec.modality in asked.modalities


def hidden_rows(shape: Shape, folder: Folder, view: View) -> set[str]:
    """Train rows whose label is nowhere in the view."""
    hidden = set(folder.rows) - Search(folder, shape.labels, Path(view.path)).visible
    assert hidden
    tells_nothing(shape, sample_of(view), read(answer_sheet(folder)), Path(view.path))
    return hidden


def extra_rows(folder: Folder, view: View) -> int:
    """Rows that the view asks for beyond the official ones."""
    official = read(answer_sheet(folder))
    assert len(official) == len(read(folder.private / "answers.csv"))
    return len(sample_of(view)) - len(official)


def answer_sheet(folder: Folder) -> Path:
    """The official sample submission."""
    return next(path for path in sorted(folder.public.iterdir()) if "ubmission" in path.name)


def sample_of(view: View) -> pd.DataFrame:
    return read(Path(view.path) / view.sample.path)


def tells_nothing(shape: Shape, asked: pd.DataFrame, official: pd.DataFrame, root: Path) -> None:
    """Cells of the sample's targets are those of the official sample, or stand in the test table
    anyway.
    """
    for name in shape.expected.targets:
        known = set(official[name].map(_plain))
        strange = set(asked[name].map(_plain)) - known
        if strange:
            inputs = {
                cell for table in root.glob("*test*") for cell in read(table).to_numpy().ravel()
            }
            assert strange <= inputs, f"{name} shows {sorted(strange)[:5]}"


def _plain(cell: str) -> str:
    try:
        return f"{float(cell):.6g}"
    except ValueError:
        return cell


def test_a_leak_is_found_wherever_it_is(tmp_path: Path) -> None:
    """The search itself: a label in a table, in a name, in an archive, in another file's bytes."""
    shape = BY_NAME["image_labels_in_file_names"]
    folder = shape.build(tmp_path)
    row = next(iter(folder.rows))
    raw = (folder.public / "train" / f"{row}.jpg").read_bytes()
    view = tmp_path / "view"
    (view / "test").mkdir(parents=True)
    (view / "test" / "31.jpg").write_bytes(raw)
    assert Search(folder, shape.labels, view).visible == set()
    (view / "names.csv").write_text("file,label\n31,1\n")
    assert Search(folder, shape.labels, view).visible == {row}
    (view / "names.csv").unlink()
    with zipfile.ZipFile(view / "copy.zip", "w") as archive:
        archive.writestr(f"{row}.jpg", raw)
    assert Search(folder, shape.labels, view).visible == {row}


def test_grading_is_as_strict_as_the_official_graders(tmp_path: Path) -> None:
    shape = BY_NAME["text_one_hot_authors"]
    folder = shape.build(tmp_path)
    sample, answers = answer_sheet(folder), folder.private / "answers.csv"
    assert 1.0 < grade(shape, sample, answers) < 1.2
    given = read(sample)
    given["KLM"] = "0.5"
    given.to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(InvalidSubmissionError, match="sum to 1"):
        grade(shape, tmp_path / "given.csv", answers)
    read(sample)[1:].to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(InvalidSubmissionError, match="rows"):
        grade(shape, tmp_path / "given.csv", answers)


def test_the_document_holds_what_was_measured() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == with_tables(text)
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert [result["name"] for result in measured["shapes"]] == [shape.name for shape in SHAPES]
    assert sum(result["scored_by"] == "holdout" for result in measured["shapes"]) >= 20
    assert all(
        result["reason"] for result in measured["shapes"] if result["scored_by"] != "holdout"
    )
    assert [run["name"] for run in measured["unforeseen"]] == list(UNFORESEEN)


@pytest.mark.long
def test_at_least_twenty_are_scored_by_a_holdout(tmp_path: Path) -> None:
    become_subreaper()
    results = measure(list(BY_NAME), tmp_path)
    assert sum(result.scored_by == "holdout" for result in results) >= 20
    assert all(result.beats_baseline or result.reason for result in results)


@pytest.mark.long
@pytest.mark.parametrize("name", UNFORESEEN)
def test_an_unforeseen_structure_ends_with_the_baseline_or_better_and_says_why(
    name: str, tmp_path: Path
) -> None:
    ended = run(name, tmp_path / name)
    assert not ended.traceback
    assert ended.complete
    assert ended.reason
    if ended.exit == 1:
        assert (ended.status, ended.published) == ("baseline", "baseline")
    else:
        assert (ended.exit, ended.scored_by) == (0, "holdout")
        assert ended.status in ("ok", "degraded")
