"""The submission check: lessons 8 and 9, malformed files, ids, and what each metric asks of its
predictions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.judging.samples import Sample, load_sample
from core.judging.submission import CheckedSubmission, check_file
from core.records import CompetitionSpec, TableFile
from tests.judging.arena import make_spec

Check = Callable[..., CheckedSubmission]


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Sample]:
    def build(
        text: str = "id,target\na,0\nb,0\nc,0\n", ids: Sequence[str] = ("id",), **table: str
    ) -> Sample:
        path = tmp_path / "sample.csv"
        path.write_text(text, encoding=table.get("encoding", "utf-8"))
        return load_sample(tmp_path, TableFile("sample.csv", **table), ids)  # type: ignore[arg-type]

    return build


@pytest.fixture
def check(tmp_path: Path, sample: Callable[..., Sample]) -> Check:
    """Checks a submission given as text or bytes against a sample given as text."""

    def run(
        content: str | bytes, spec: CompetitionSpec | None = None, answer: str | None = None
    ) -> CheckedSubmission:
        path = tmp_path / "submission.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        spec = spec or make_spec("rmse")
        known = (
            sample(answer, spec.ids.columns) if answer is not None else sample(ids=spec.ids.columns)
        )
        return check_file(path, known, spec)

    return run


def good(checked: CheckedSubmission) -> list[list[float]]:
    assert checked.reasons == ()
    assert checked.values is not None
    return checked.values.tolist()


def only(checked: CheckedSubmission) -> str:
    """The one reason."""
    assert checked.values is None
    assert len(checked.reasons) == 1, checked.reasons
    assert "\n" not in checked.reasons[0]
    return checked.reasons[0]


# ---------------------------------------------------------------- order, columns


def test_lesson_8_columns_and_rows_in_any_order(check: Check) -> None:
    checked = check("target,id\n3,c\n1,a\n2,b\n")
    assert good(checked) == [[1], [2], [3]]
    assert [line.split(" put")[0] for line in checked.warnings] == ["columns", "rows"]


def test_lesson_8_surplus_columns_are_dropped_also_unnamed_and_repeated_ones(check: Check) -> None:
    checked = check(",id,target,note,note\n0,a,1,x,y\n1,b,2,x,y\n2,c,3,x,y\n")
    assert good(checked) == [[1], [2], [3]]
    assert checked.warnings == ("3 surplus columns dropped: (unnamed), note, note",)


def test_a_clean_submission_has_no_warnings(check: Check) -> None:
    checked = check("id,target\na,1\nb,2\nc,3.5\n")
    assert good(checked) == [[1], [2], [3.5]]
    assert checked.warnings == ()


def test_a_missing_column_is_named(check: Check) -> None:
    assert (
        only(check("id,Target\na,1\nb,2\nc,3\n"))
        == "1 columns missing: target; the file has id, Target"
    )


def test_a_repeated_target_column_is_refused(check: Check) -> None:
    assert only(check("id,target,target\na,1,2\nb,1,2\nc,1,2\n")) == "columns occur twice: target"


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the submission file is empty"),
        (b" \n\n", "the submission file is empty"),
        (b"id,target\n", "the submission has a header and no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "the submission is binary, not text"),
        (b"id,target\n\xe9,1\nb,2\nc,3\n", "the submission is not utf-8 text"),
        (
            b"id;target\na;1\nb;2\nc;3\n",
            "columns are separated by ';'; the sample submission uses ','",
        ),
    ],
)
def test_malformed_files(check: Check, content: bytes, reason: str) -> None:
    assert only(check(content)) == reason


def test_ragged_rows_are_refused(check: Check) -> None:
    assert only(check("id,target\na,1\nb,2,5,6\nc,3\n")).startswith(
        "the submission is no proper csv"
    )
    assert only(check("id,target\na,1,0\nb,2,0\nc,3,0\n")).startswith(
        "the submission is no proper csv"
    )


def test_a_file_cut_in_the_middle_of_a_row_is_refused(check: Check) -> None:
    assert only(check("id,target\na,1\nb,2\nc")) == (
        "1 of 3 predictions are NaN or empty (e.g. 'nan' in column 'target', id 'c')"
    )


def test_a_byte_order_mark_is_read_over(check: Check) -> None:
    checked = check(b"\xef\xbb\xbfid,target\r\na,1\r\nb,2\r\nc,3\r\n")
    assert good(checked) == [[1], [2], [3]]
    assert checked.warnings == ("the file starts with a byte order mark",)


def test_the_separator_of_the_sample_or_a_comma(
    tmp_path: Path, sample: Callable[..., Sample]
) -> None:
    known = sample("id;target\na;0\nb;0\n", delimiter=";")
    for separator in ";,":
        path = tmp_path / "submission.csv"
        path.write_text(f"id{separator}target\na{separator}1\nb{separator}2\n", encoding="utf-8")
        assert good(check_file(path, known, make_spec("rmse"))) == [[1], [2]]


def test_the_encoding_of_the_sample(tmp_path: Path, sample: Callable[..., Sample]) -> None:
    known = sample("id,target\né,0\nb,0\n", encoding="latin-1")
    path = tmp_path / "submission.csv"
    path.write_text("id,target\né,1\nb,2\n", encoding="latin-1")
    assert good(check_file(path, known, make_spec("rmse"))) == [[1], [2]]


def test_no_file_a_folder_a_link_and_a_pipe(tmp_path: Path, sample: Callable[..., Sample]) -> None:
    known, spec = sample(), make_spec("rmse")
    proper = tmp_path / "proper.csv"
    proper.write_text("id,target\na,1\nb,2\nc,3\n", encoding="utf-8")
    link, pipe, folder = tmp_path / "link.csv", tmp_path / "pipe.csv", tmp_path / "folder.csv"
    link.symlink_to(proper)
    os.mkfifo(pipe)
    folder.mkdir()
    linked_parent = tmp_path / "submission"
    linked_parent.symlink_to(tmp_path)
    assert only(check_file(tmp_path / "none.csv", known, spec)) == "there is no submission file"
    assert only(check_file(link, known, spec)) == "link.csv is a link, not a regular file"
    assert only(check_file(pipe, known, spec)) == "pipe.csv is not a regular file"
    assert only(check_file(folder, known, spec)) == "folder.csv is not a regular file"
    assert (
        only(check_file(linked_parent / "proper.csv", known, spec))
        == "submission/ is a link, not a folder"
    )
    assert good(check_file(proper, known, spec)) == [[1], [2], [3]]


def test_an_enormous_sparse_file_is_refused_at_once(
    tmp_path: Path, sample: Callable[..., Sample]
) -> None:
    path = tmp_path / "submission.csv"
    with path.open("wb") as file:
        file.truncate(300 << 20)
    started = time.monotonic()
    assert only(check_file(path, sample(), make_spec("rmse"))).startswith(
        "submission.csv has 314572800 bytes"
    )
    assert time.monotonic() - started < 1.0


# ---------------------------------------------------------------- ids


def test_lesson_9_missing_extra_and_repeated_ids_are_counted_with_an_example(check: Check) -> None:
    checked = check("id,target\na,1\na,2\nz,3\ny,4\n")
    assert checked.reasons == (
        "1 ids occur more than once (e.g. 'a')",
        "2 of 3 ids are missing (e.g. 'b')",
        "2 ids are not in the sample submission (e.g. 'z')",
    )


@pytest.mark.parametrize("written", ["1", "1.0", "001", "+1"])
def test_whole_number_ids_are_equal_by_value(check: Check, written: str) -> None:
    checked = check(f"id,target\n{written},5\n20,6\n", answer="id,target\n00001,0\n20,0\n")
    assert good(checked) == [[5], [6]]


def test_exact_text_goes_before_the_value(check: Check) -> None:
    """Two ids of the sample have the same value: only their text tells them apart."""
    answer = "id,target\n1,0\n001,0\n"
    assert good(check("id,target\n001,5\n1,6\n", answer=answer)) == [[6], [5]]
    assert (
        "ids are not in the sample" in check("id,target\n001,5\n1.0,6\n", answer=answer).reasons[-1]
    )


def test_text_ids_are_never_equal_by_value(check: Check) -> None:
    checked = check("id,target\n1.0,5\nx,6\n", answer="id,target\n1,0\nx,0\n")
    assert checked.reasons[-1] == "1 ids are not in the sample submission (e.g. '1.0')"


def test_ids_that_look_like_missing_values_and_ids_over_several_lines(check: Check) -> None:
    answer = 'id,target\nNA,0\n"two\nlines, quoted",0\n,0\n'
    assert good(check('target,id\n2,"two\nlines, quoted"\n1,NA\n3,\n', answer=answer)) == [
        [1],
        [2],
        [3],
    ]


def test_composite_ids(check: Check) -> None:
    spec = make_spec("rmse", id_columns=("day", "shop"))
    answer = "day,shop,target\n1,a,0\n1,b,0\n2,a,0\n"
    assert good(check("shop,day,target\na,2,3\nb,1,2\na,1,1\n", spec, answer)) == [[1], [2], [3]]


def test_ids_that_the_sample_repeats_are_matched_in_order(check: Check) -> None:
    answer = "id,target\nx,0\ny,0\nx,0\n"
    assert good(check("id,target\nx,1\nx,2\ny,3\n", answer=answer)) == [[1], [3], [2]]
    assert not check("id,target\nx,1\ny,2\ny,3\n", answer=answer).reasons == ()


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            ("1", "nan", "3"),
            "1 of 3 predictions are NaN or empty (e.g. 'nan' in column 'target', id 'b')",
        ),
        (
            ("1", "", ""),
            "2 of 3 predictions are NaN or empty (e.g. 'nan' in column 'target', id 'b')",
        ),
        (
            ("inf", "-inf", "3"),
            "2 of 3 predictions are infinite (e.g. 'inf' in column 'target', id 'a')",
        ),
        (
            ("1", "2", "[3]"),
            "1 of 3 predictions are no numbers (e.g. '[3]' in column 'target', id 'c')",
        ),
    ],
)
def test_lesson_9_values_that_are_no_finite_numbers(
    check: Check, cells: Sequence[str], reason: str
) -> None:
    rows = "".join(f"{name},{cell}\n" for name, cell in zip("abc", cells, strict=True))
    assert only(check("id,target\n" + rows)) == reason


def test_a_number_beyond_all_floats_is_refused(check: Check) -> None:
    """As infinite or as no number, depending on the version of pandas."""
    assert only(check("id,target\na,1\nb,1e999\nc,3\n")).startswith("1 of 3 predictions are ")


def test_a_constant_is_a_warning_and_an_error_for_correlations(check: Check) -> None:
    text = "id,target\na,1\nb,1\nc,1\n"
    assert check(text).warnings == ("the prediction is the same in all 3 rows",)
    assert only(check(text, make_spec("pearson"))) == (
        "the prediction is the same in all 3 rows; pearson has no value then"
    )


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "average_precision"])
def test_probabilities_outside_of_0_and_1(check: Check, metric: str) -> None:
    assert only(check("id,target\na,0\nb,1.5\nc,-1\n", make_spec(metric))) == (
        "2 of 3 probabilities lie outside [0, 1] (e.g. '1.5' in column 'target', id 'b')"
    )
    checked = check("id,target\na,0\nb,1.0000001\nc,-1e-9\n", make_spec(metric))
    assert good(checked) == [[0], [1], [0]]
    assert checked.warnings[0].startswith("2 probabilities clipped")


def test_negative_predictions_for_rmsle(check: Check) -> None:
    text = "id,target\na,0\nb,-0.5\nc,1\n"
    assert "negative" in only(check(text, make_spec("rmsle")))
    assert good(check(text, make_spec("rmse"))) == [[0], [-0.5], [1]]


ONE_HOT = make_spec(
    "log_loss", target_columns=("A", "B"), label_columns=("kind",), classes=("A", "B")
)


def test_lesson_46_rows_must_sum_to_one_although_the_text_says_they_are_rescaled(
    check: Check,
) -> None:
    answer = "id,A,B\nx,0.5,0.5\ny,0.5,0.5\n"
    assert only(check("id,A,B\nx,0.5,0.5\ny,0.5,0.9\n", ONE_HOT, answer)) == (
        "1 of 2 rows do not sum to 1 (e.g. 1.4 for id 'y')"
    )
    checked = check("id,A,B\nx,0.333,0.666\ny,0.25,0.75\n", ONE_HOT, answer)
    assert np.sum(good(checked), axis=1) == pytest.approx([1.0, 1.0], abs=1e-12)
    assert checked.warnings == ("1 rows rescaled to sum 1 (drift below 0.005)",)


def test_multi_label_probabilities_need_not_sum_to_one(check: Check) -> None:
    spec = make_spec("log_loss", target_columns=("A", "B"), label_columns=("A", "B"))
    assert good(check("id,A,B\nx,0.9,0.9\ny,0,0\n", spec, "id,A,B\nx,0,0\ny,0,0\n")) == [
        [0.9, 0.9],
        [0, 0],
    ]


# ---------------------------------------------------------------- labels


def test_labels_outside_of_the_training_classes(check: Check) -> None:
    spec = make_spec("accuracy", classes=("cat", "dog", "NA"))
    assert good(check("id,target\na,cat\nb,dog\nc,NA\n", spec)) == [["cat"], ["dog"], ["NA"]]
    assert only(check("id,target\na,cat\nb,Dog\nc,eel\n", spec)) == (
        "2 of 3 labels do not occur in the training data (e.g. 'Dog' in column 'target', id 'b')"
    )
    assert only(check("id,target\na,cat\nb,\nc,dog\n", spec)).startswith("1 of 3 labels are empty")


def test_numeric_labels_are_equal_by_value(check: Check) -> None:
    spec = make_spec("f1_macro", classes=("1", "2", "30"))
    assert good(check("id,target\na,1.0\nb,2\nc,30\n", spec)) == [[1], [2], [30]]
    assert "labels do not occur" in only(check("id,target\na,1.5\nb,2\nc,30\n", spec))


def test_truth_values_in_any_case(check: Check) -> None:
    spec = make_spec("accuracy", classes=("False", "True"))
    assert good(check("id,target\na,true\nb,FALSE\nc,True\n", spec)) == [
        ["True"],
        ["False"],
        ["True"],
    ]


def test_kappa_needs_integers(check: Check) -> None:
    spec = make_spec("quadratic_weighted_kappa", classes=("0", "1", "2"))
    assert good(check("id,target\na,0\nb,1.0\nc,2\n", spec)) == [[0], [1], [2]]
    assert "not integers" in only(check("id,target\na,0\nb,1.2\nc,2\n", spec))
    assert "labels do not occur" in only(check("id,target\na,0\nb,1\nc,7\n", spec))


def test_kappa_takes_half_grades_where_train_has_them(check: Check) -> None:
    spec = make_spec("quadratic_weighted_kappa", classes=("1.0", "1.5", "2.0"))
    assert good(check("id,target\na,1.5\nb,2\nc,1.0\n", spec)) == [[1.5], [2.0], [1.0]]
    assert "do not occur" in only(check("id,target\na,1.25\nb,2\nc,1\n", spec))
