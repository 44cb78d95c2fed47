"""Each shape of folder becomes the right CompetitionSpec."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from core.records import CompetitionSpec
from core.task.hints import Hints
from core.task.recognise.spec import inspect_competition
from tests.task import folders
from utils.errors import ConfigError
from utils.json_records import from_json, to_json

AUC = "## Evaluation\n\nSubmissions are evaluated on area under the ROC curve.\n"
RMSE = "## Evaluation\n\nSubmissions are scored on RMSE.\n"
LOGLOSS = "## Evaluation\n\nSubmissions are evaluated using multi-class logarithmic loss.\n"
MACRO_F1 = "## Evaluation\n\nSubmissions are evaluated using the macro F1 score.\n"


def inspect(root: Path, text: str = "", **overrides: object) -> CompetitionSpec:
    return inspect_competition(root, text, Hints.of(**overrides))


def paths(spec: CompetitionSpec) -> tuple[str | None, ...]:
    return tuple(
        table.path if table else None
        for table in (spec.tables.sample, spec.tables.train, spec.tables.test)
    )


def test_binary_rows(tmp_path: Path) -> None:
    spec = inspect(folders.binary_rows(tmp_path), AUC)
    assert paths(spec) == ("sample_submission.csv", "train.csv", "test.csv")
    assert (spec.ids.columns, spec.answers.targets, spec.answers.labels) == (
        ("id",),
        ("target",),
        ("target",),
    )
    assert (spec.metric.name, spec.metric.source, spec.metric.direction) == (
        "roc_auc",
        "description",
        "maximize",
    )
    assert (spec.modality, spec.value_kind, spec.answers.classes) == (
        "tabular",
        "probability",
        ("0", "1"),
    )
    assert spec.features.names == ("a", "b")
    assert (spec.tables.rows_train, spec.tables.rows_test) == (40, 20)
    assert "ROC" in spec.metric.why


def test_the_spec_survives_json(tmp_path: Path) -> None:
    spec = inspect(folders.files_by_id(tmp_path), MACRO_F1)
    assert from_json(CompetitionSpec, to_json(spec)) == spec


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "-2.5", "", "1e3"], False),
        (["$1,234.50", "12 %", "3.", ".5"], False),
        (["2021-01-31", "2021-02-01 10:00:00", "", ""], False),
        (["red", "green", "red", "blue"], True),
        (["1", "2", "unknown", "4"], True),
        (["", "", "", ""], True),
        (["1-2", "3-4", "1-2", "3-4"], True),
        (["01" * 20_000 + "x"] * 4, True),
    ],
    ids=range(8),
)
def test_columns_of_words_are_told_from_numbers_and_dates(
    tmp_path: Path, cells: list[str], words: bool
) -> None:
    for name, rows in (("train", 40), ("test", 20)):
        answer = (
            [["y"], *([str(i % 2)] for i in range(rows))] if name == "train" else [[]] * (rows + 1)
        )
        table = [
            ["id", "a", "b"],
            *([f"{name}{i}", str(i), f'"{cells[i % 4]}"'] for i in range(rows)),
        ]
        lines = [",".join([*row, *more]) for row, more in zip(table, answer, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    sample = "".join(f"test{i},0\n" for i in range(20))
    (tmp_path / "sample_submission.csv").write_text("id,y\n" + sample)
    assert inspect(tmp_path, AUC).features.words == words


def test_free_text_is_no_column_of_words(tmp_path: Path) -> None:
    spec = inspect(folders.one_hot_text(tmp_path), LOGLOSS)
    assert (spec.features.texts, spec.features.words) == (("text",), False)


def test_several_targets_mean_column_means(tmp_path: Path) -> None:
    spec = inspect(folders.several_targets(tmp_path), AUC)
    assert spec.answers.targets == spec.answers.labels == ("toxic", "rude", "kind")
    assert (spec.metric.name, spec.answers.classes, spec.answers.one_hot) == (
        "roc_auc",
        ("0", "1"),
        False,
    )


def test_several_real_targets(tmp_path: Path) -> None:
    spec = inspect(folders.several_targets(tmp_path, real=True), RMSE)
    assert (spec.value_kind, spec.answers.classes) == ("real", ())


@pytest.mark.parametrize("prefix", ["", "author_"])
def test_one_hot_sample_against_a_class_column(tmp_path: Path, prefix: str) -> None:
    spec = inspect(folders.one_hot_text(tmp_path, prefix=prefix), LOGLOSS)
    assert spec.answers.targets == (f"{prefix}MWS", f"{prefix}HPL", f"{prefix}EAP")
    assert (spec.answers.labels, spec.answers.classes) == (("author",), ("MWS", "HPL", "EAP"))
    assert spec.answers.one_hot
    assert (spec.modality, spec.features.texts, spec.value_kind) == (
        "text",
        ("text",),
        "probability",
    )


def test_target_first_and_the_key_is_a_text(tmp_path: Path) -> None:
    spec = inspect(folders.target_first_text_key(tmp_path), AUC)
    assert (spec.ids.columns, spec.answers.targets) == (("Date", "Comment"), ("Insult",))
    assert (spec.features.names, spec.features.texts, spec.modality) == (
        ("Date", "Comment"),
        ("Comment",),
        "text",
    )
    assert spec.tables.rows_train == 30


def test_features_that_the_sample_repeats_stay_features(tmp_path: Path) -> None:
    rows = [(i, i % 2, f"{0.37 * i:.2f}", f"{i % 7}.5") for i in range(60)]
    folders.put(tmp_path / "train.csv", ("", "Insult", "f1", "f2"), rows[:40])
    folders.put(
        tmp_path / "test.csv", ("", "f1", "f2"), [(i, *row[2:]) for i, row in enumerate(rows[40:])]
    )
    folders.put(
        tmp_path / "sample_submission_null.csv",
        ("Insult", "f1", "f2"),
        [(0, *row[2:]) for row in rows[40:]],
    )
    spec = inspect(tmp_path, AUC)
    assert (spec.ids.columns, spec.answers.targets) == (("f1", "f2"), ("Insult",))
    assert {"f1", "f2"} <= set(spec.features.names)


def test_unnamed_index(tmp_path: Path) -> None:
    spec = inspect(folders.unnamed_index(tmp_path), RMSE)
    assert (spec.ids.columns, spec.answers.targets, spec.features.names) == (
        ("",),
        ("load",),
        ("speed",),
    )


def test_sample_with_other_names(tmp_path: Path) -> None:
    spec = inspect(folders.renamed_sample(tmp_path), MACRO_F1)
    assert (spec.ids.columns, spec.ids.sources) == (("Id",), ("row",))
    assert (spec.answers.targets, spec.answers.labels) == (("Expected",), ("category_id",))
    assert spec.answers.classes == ("cat0", "cat1", "cat2")
    assert spec.features.names == ("speed",)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_separators(tmp_path: Path, delimiter: str) -> None:
    spec = inspect(folders.real_rows(tmp_path, delimiter=delimiter), RMSE)
    assert spec.tables.train is not None
    assert spec.tables.sample is not None
    assert (spec.tables.train.delimiter, spec.tables.sample.delimiter) == (delimiter, delimiter)
    assert (spec.answers.targets, spec.features.names) == (("price",), ("size", "kind"))


def test_targets_with_another_prefix_than_the_answers(tmp_path: Path) -> None:
    kinds = ("low", "mid", "high")
    rows = [(i, i % 7, *(int(i % 3 == k) for k in (1, 0, 2))) for i in range(60)]
    folders.put(tmp_path / "train.csv", ("id", "a", "is_mid", "is_low", "is_high"), rows[:40])
    folders.put(tmp_path / "test.csv", ("id", "a"), [row[:2] for row in rows[40:]])
    shown = [(row[0], 0.3, 0.3, 0.4) for row in rows[40:]]
    folders.put(
        tmp_path / "sample_submission.csv", ("id", *(f"prob_{kind}" for kind in kinds)), shown
    )
    spec = inspect(tmp_path, LOGLOSS)
    assert spec.answers.targets == ("prob_low", "prob_mid", "prob_high")
    assert spec.answers.labels == ("is_low", "is_mid", "is_high")
    assert spec.answers.exclusive


def test_tsv_and_zipped_and_gzipped_tables(tmp_path: Path) -> None:
    for suffix in (".tsv", ".csv.zip", ".csv.gz", ".csv.bz2", ".csv.xz"):
        root = folders.real_rows(
            tmp_path / suffix, suffix=suffix, delimiter="\t" if suffix == ".tsv" else ","
        )
        spec = inspect(root, RMSE)
        assert paths(spec) == tuple(
            f"{name}{suffix}" for name in ("sample_submission", "train", "test")
        )
        assert (spec.tables.rows_train, spec.features.names) == (40, ("size", "kind"))
        assert spec.tables.train is not None
        assert (spec.tables.train.member is not None) == (suffix == ".csv.zip")


def test_parquet(tmp_path: Path) -> None:
    spec = inspect(folders.parquet_rows(tmp_path), RMSE)
    assert spec.tables.train is not None
    assert (spec.tables.train.format, spec.tables.rows_train, spec.features.names) == (
        "parquet",
        40,
        ("size",),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    rows = [(i, f"caf\u00e9 {i}", i % 2) for i in range(30)]
    folders.put(tmp_path / "train.csv", ("id", "name", "y"), rows[:20], encoding=encoding)
    folders.put(
        tmp_path / "test.csv", ("id", "name"), [row[:2] for row in rows[20:]], encoding=encoding
    )
    folders.put(
        tmp_path / "sample_submission.csv", ("id", "y"), [(row[0], 0.5) for row in rows[20:]]
    )
    spec = inspect(tmp_path, AUC)
    assert spec.tables.train is not None
    assert (spec.tables.train.encoding, spec.features.names, spec.ids.columns) == (
        encoding,
        ("name",),
        ("id",),
    )


@pytest.mark.parametrize(
    ("suffix", "modality"),
    [(".png", "image"), (".wav", "audio"), (".txt", "text"), (".npy", "files")],
)
@pytest.mark.parametrize("id_is_name", [False, True])
def test_files_by_id(tmp_path: Path, suffix: str, modality: str, id_is_name: bool) -> None:
    spec = inspect(folders.files_by_id(tmp_path, suffix, id_is_name=id_is_name), MACRO_F1)
    assert spec.modality == modality
    assert spec.files.by_id is not None
    assert (spec.files.by_id.train_dirs, spec.files.by_id.test_dirs) == (("train",), ("test",))
    assert spec.files.by_id.suffix == ("" if id_is_name else suffix)
    assert (spec.ids.columns, spec.answers.targets, spec.answers.classes) == (
        ("id",),
        ("label",),
        ("kind0", "kind1", "kind2"),
    )
    assert (spec.tables.test, spec.features.names, spec.tables.rows_test) == (None, (), 12)


def test_files_in_nested_folders_with_a_test_table(tmp_path: Path) -> None:
    spec = inspect(
        folders.files_by_id(tmp_path, ".jpg", train=60, nested=True, test_csv=True), MACRO_F1
    )
    assert spec.files.by_id is not None
    assert (spec.files.by_id.train_dirs, spec.files.by_id.test_dirs) == (("train",), ("test",))
    assert spec.tables.test is not None


def test_a_folder_of_one_table_per_id_holds_no_train_table(tmp_path: Path) -> None:
    spec = inspect(folders.files_by_id(tmp_path, ".csv", train=40, test=35), MACRO_F1)
    assert paths(spec) == ("sample_submission.csv", "train.csv", None)
    assert spec.files.by_id is not None


def test_label_table_by_another_name(tmp_path: Path) -> None:
    root = folders.files_by_id(tmp_path, labels="train_labels.csv")
    folders.put(
        root / "labels.csv", ("label_id", "description"), [(f"kind{k}", "a kind") for k in range(3)]
    )
    assert paths(inspect(root, MACRO_F1))[1] == "train_labels.csv"


def test_train_only_columns_are_no_features(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    rows = [(i, i % 7, "c0", i % 2, i % 2) for i in range(40)]
    folders.put(root / "train.csv", ("id", "a", "b", "leak", "target"), rows)
    assert inspect(root, AUC).features.names == ("a", "b")


def test_without_a_sample_the_target_is_what_test_lacks(tmp_path: Path) -> None:
    root = folders.real_rows(tmp_path)
    (root / "sample_submission.csv").unlink()
    spec = inspect(root, RMSE)
    assert (spec.tables.sample, spec.ids.columns, spec.answers.targets, spec.tables.rows_test) == (
        None,
        ("id",),
        ("price",),
        20,
    )


# ---------------------------------------------------------------- metric


def test_no_description_falls_back_by_kind_of_values(tmp_path: Path) -> None:
    found = {
        "rmse": inspect(folders.real_rows(tmp_path / "a")),
        "roc_auc": inspect(folders.binary_rows(tmp_path / "b")),
        "log_loss": inspect(folders.one_hot_text(tmp_path / "c")),
        "accuracy": inspect(folders.files_by_id(tmp_path / "d")),
    }
    assert {name: spec.metric.name for name, spec in found.items()} == {
        name: name for name in found
    }
    assert {spec.metric.source for spec in found.values()} == {"fallback"}
    assert inspect(folders.several_targets(tmp_path / "e")).metric.name == "roc_auc"


def test_unknown_metric_is_a_proxy_and_says_so(tmp_path: Path) -> None:
    spec = inspect(folders.real_rows(tmp_path), "## Evaluation\n\nScored by the Brier skill.\n")
    assert (spec.metric.name, spec.metric.source) == ("rmse", "fallback")
    assert "Brier" in spec.metric.why
    assert any("rmse stands in" in note for note in spec.notes)


def test_a_weighted_metric_is_stood_in_for_by_its_plain_scorer(tmp_path: Path) -> None:
    weighted = (
        "## Evaluation\n\nSubmissions are evaluated on the weighted mean absolute error (WMAE).\n"
    )
    spec = inspect(folders.real_rows(tmp_path / "a"), weighted)
    assert (spec.metric.name, spec.metric.source) == ("mae", "fallback")
    assert "weighted mean absolute error" in spec.metric.why
    assert any("mae without its weights stands in" in note for note in spec.notes)
    unfit = inspect(
        folders.real_rows(tmp_path / "b"),
        weighted.replace("mean absolute error (WMAE)", "accuracy per class, or AUC"),
    )
    assert (unfit.metric.name, unfit.metric.source) == ("rmse", "fallback")


def test_lesson_03_a_metric_that_the_labels_cannot_have_is_not_believed(tmp_path: Path) -> None:
    spec = inspect(folders.one_hot_text(tmp_path), RMSE)
    assert (spec.metric.name, spec.metric.source) == ("log_loss", "fallback")
    assert "rmse" in spec.metric.why


def test_lesson_03_an_rmse_task_that_speaks_of_accuracy_stays_one(tmp_path: Path) -> None:
    text = "# Overview\n\nThe accuracy of prices, between 0 and 1, matters.\n\n" + RMSE
    spec = inspect(folders.real_rows(tmp_path), text)
    assert (spec.metric.name, spec.metric.direction, spec.value_kind) == (
        "rmse",
        "minimize",
        "real",
    )


def test_class_names_of_several_words_are_no_lists(tmp_path: Path) -> None:
    rows = [(f"i{i}", i % 7, ("A one", "B-two", "C of three")[i % 3]) for i in range(60)]
    folders.put(tmp_path / "train.csv", ("id", "x", "kind"), rows)
    folders.put(tmp_path / "test.csv", ("id", "x"), [(f"t{i}", i % 7) for i in range(9)])
    folders.put(
        tmp_path / "sample_submission.csv", ("id", "kind"), [(f"t{i}", "A one") for i in range(9)]
    )
    spec = inspect(tmp_path, "## Evaluation\n\nScored by macro averaged F1.\n")
    assert (spec.metric.name, spec.metric.source) == ("f1_macro", "description")
    assert spec.answers.classes == ("A one", "B-two", "C of three")


def test_f1_of_lists_is_scored_word_by_word(tmp_path: Path) -> None:
    rows = [(f"i{i}", " ".join(str(k) for k in range(i % 4 + 1))) for i in range(40)]
    folders.put(tmp_path / "train.csv", ("id", "tags"), rows)
    folders.put(
        tmp_path / "sample_submission.csv", ("id", "tags"), [(f"t{i}", "0 1") for i in range(9)]
    )
    spec = inspect(tmp_path, "## Evaluation\n\nScored by micro averaged F1.\n")
    assert (spec.metric.name, spec.metric.source, spec.value_kind) == (
        "f1_micro",
        "description",
        "list",
    )
    assert spec.answers.classes == ()


def test_overrides_win(tmp_path: Path) -> None:
    root = folders.real_rows(tmp_path)
    spec = inspect(
        root, RMSE, metric="mae", group_column="kind", time_column="size", id_column="id"
    )
    assert (spec.metric.name, spec.metric.source) == ("mae", "config")
    assert (spec.features.group, spec.features.time) == ("kind", "size")
    assert inspect(root, RMSE, target_columns=("price",)).answers.targets == ("price",)
    assert inspect(root, RMSE, metric=None, direction=None, id_column=None).metric.name == "rmse"


@pytest.mark.parametrize(
    "overrides",
    [
        {"metric": "nonsense"},
        {"direction": "up"},
        {"metric": "rmse", "direction": "maximize"},
        {"metric": "log_loss"},
        {"target_columns": ("prize",)},
        {"group_column": "nobody"},
    ],
)
def test_wrong_overrides_are_config_errors(tmp_path: Path, overrides: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        inspect(folders.real_rows(tmp_path), RMSE, **overrides)


def test_direction_alone_chooses_the_proxy(tmp_path: Path) -> None:
    assert inspect(folders.binary_rows(tmp_path), direction="minimize").metric.name == "log_loss"


# ---------------------------------------------------------------- digest, cost


def test_the_digest_follows_names_sizes_and_table_contents(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    before = inspect(root, AUC).data_digest
    assert inspect(root, AUC).data_digest == before
    text = (root / "train.csv").read_text()
    (root / "train.csv").write_text(text.replace("c1", "c9", 1))
    changed = inspect(root, AUC).data_digest
    (root / "notes.bin").write_bytes(b"x")
    assert len({before, changed, inspect(root, AUC).data_digest}) == 3


def test_files_by_id_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folders.files_by_id(tmp_path)
    opened: list[str] = []
    whole = Path.open

    def spy(self: Path, *args: object, **kwargs: object) -> object:
        opened.append(self.name)
        return whole(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", spy)
    inspect(root, MACRO_F1)
    assert {name for name in opened if name.endswith(".png")} == set()
    assert "train.csv" in opened


def test_notes_tell_every_decision(tmp_path: Path) -> None:
    notes = "\n".join(inspect(folders.binary_rows(tmp_path)).notes)
    for word in (
        "sample submission:",
        "test table:",
        "ids:",
        "labels:",
        "metric:",
        "modality:",
        "values:",
    ):
        assert word in notes


def test_a_torn_gzip_is_no_table(tmp_path: Path) -> None:
    root = folders.binary_rows(tmp_path)
    (root / "more.csv.gz").write_bytes(gzip.compress(b"id,a\n" * 5000)[:-30])
    assert paths(inspect(root, AUC))[1] == "train.csv"
