"""Every fragment runs in a real program, also on odd tables; the submission has the sample's ids,
order and columns.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from agents.recipes import catalog
from agents.recipes.assemble import Choice, Recipe, describe, program_text
from agents.recipes.problem import Problem, problem_of
from agents.recipes.space import Space
from core.genome import LOCI
from core.records import CompetitionSpec, FilesById, TableFile

pytestmark = pytest.mark.whole

PACKAGES = frozenset({"lightgbm", "xgboost", "PIL"})


def covering_recipes(problem: Problem) -> dict[str, Recipe]:
    """Few recipes in which each usable fragment stands at least once, by a name made of what is new
    in them.
    """
    space = Space(problem, PACKAGES)
    found: dict[str, Recipe] = {}
    for model in space.fragments("MODEL"):
        draft = space.safest(model)
        if draft is not None:
            found[model.key] = draft
    for locus in ("DATA", "TRAIN", "POSTPROCESS"):
        for fragment in space.fragments(locus):
            if all(recipe.at(locus).fragment != fragment.key for recipe in found.values()):
                found[fragment.key] = _with_fragment(space, fragment)
    return found


def _with_fragment(space: Space, fragment: catalog.Fragment) -> Recipe:
    partners = {
        locus: [fragment] if locus == fragment.locus else space.fragments(locus) for locus in LOCI
    }
    for model in sorted(partners["MODEL"], key=lambda item: item.cost):
        for train in partners["TRAIN"]:
            for data in partners["DATA"]:
                for post in partners["POSTPROCESS"]:
                    recipe = Recipe(tuple(Choice.of(part) for part in (data, model, train, post)))
                    if space.valid(recipe):
                        return recipe
    raise AssertionError(f"{fragment.key} goes with nothing")


def run_all(
    tools: Any, tmp_path: Path, spec: CompetitionSpec, most: int | None = None
) -> dict[str, pd.DataFrame]:
    problem = problem_of(spec)
    recipes = dict(list(covering_recipes(problem).items())[:most])
    programs = {name: program_text(recipe, problem) for name, recipe in recipes.items()}
    submissions = tools.run_many(tmp_path, programs, spec)
    for submission in submissions.values():
        tools.check(submission, spec)
    return submissions


def test_every_tabular_fragment_runs_and_learns(
    tools: Any, tmp_path: Path, binary: CompetitionSpec
) -> None:
    submissions = run_all(tools, tmp_path, binary)
    assert len(submissions) >= 18
    first = next(iter(submissions.values()))
    test = pd.read_csv(Path(binary.data_dir) / "test.csv", dtype={"id": str}).set_index("id")
    truth = (test["a"].fillna(0) + 0.3 * test["b"] > 0.3).loc[first["id"]].to_numpy()
    for name, submission in submissions.items():
        assert roc_auc_score(truth, submission["y"]) > 0.7, f"{name} ranks at random"


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.long)])
def test_every_regression_fragment_runs_with_several_targets(
    tools: Any, tmp_path: Path, count: int
) -> None:
    table = tools.features(160)
    answers = pd.DataFrame({f"t{i}": np.exp(table["b"] * i / 2) for i in range(count)}).assign(
        t0=table["b"]
    )
    folder = tools.write_folder(tmp_path / "data", table, answers)
    names = tuple(answers.columns)
    spec = tools.make_spec(folder, "rmsle", target_columns=names, label_columns=names)
    submissions = run_all(tools, tmp_path, spec, most=None if count > 1 else 6)
    assert {"model_linear", "model_hist_boosting"} <= set(submissions)
    for submission in submissions.values():
        assert submission[list(names)].to_numpy().min() >= 0


def test_every_label_fragment_writes_labels_of_train(tools: Any, tmp_path: Path) -> None:
    table = tools.features(160)
    labels = pd.cut(table["b"], [-1, 0.3, 1, 100], labels=["low", "mid", "high"])
    folder = tools.write_folder(tmp_path / "data", table, pd.DataFrame({"y": labels}))
    spec = tools.make_spec(folder, "quadratic_weighted_kappa", classes=("high", "low", "mid"))
    problem = problem_of(spec)
    recipes = {
        name: item
        for name, item in covering_recipes(problem).items()
        if name.startswith("postprocess")
    }
    programs = {name: program_text(recipe, problem) for name, recipe in recipes.items()}
    assert set(programs) >= {"postprocess_shares", "postprocess_argmax"}
    for submission in tools.run_many(tmp_path / "first", programs, spec).values():
        tools.check(submission, spec)
        assert set(submission["y"]) <= {"high", "low", "mid"}
    binary_labels = pd.DataFrame({"y": np.where(table["b"] > 0.7, "yes", "no")})
    folder = tools.write_folder(tmp_path / "two", table, binary_labels)
    spec = tools.make_spec(folder, "f1_macro", classes=("no", "yes"))
    problem = problem_of(spec)
    recipes = {
        name: item
        for name, item in covering_recipes(problem).items()
        if name.startswith("postprocess")
    }
    assert set(recipes) >= {
        "postprocess_tuned_threshold",
        "postprocess_threshold",
        "postprocess_shares",
    }
    programs = {name: program_text(recipe, problem) for name, recipe in recipes.items()}
    for submission in tools.run_many(tmp_path / "second", programs, spec).values():
        tools.check(submission, spec)
        assert set(submission["y"]) <= {"no", "yes"}


@pytest.mark.long
def test_one_hot_sample_keeps_its_column_order_and_rows_sum_to_one(
    tools: Any, tmp_path: Path
) -> None:
    table = tools.features(160)
    labels = np.where(table["a"].fillna(0) > 0.5, "x", np.where(table["b"] > 1, "z", "w"))
    classes = ("z", "w", "x")
    folder = tools.write_folder(
        tmp_path / "data",
        table,
        pd.DataFrame({"kind": labels}),
        sample=dict.fromkeys(classes, 1 / 3),
    )
    spec = tools.make_spec(
        folder, "log_loss", target_columns=classes, label_columns=("kind",), classes=classes
    )
    submissions = run_all(tools, tmp_path, spec)
    assert {"postprocess_calibrated", "train_blend"} <= set(submissions)
    test = pd.read_csv(folder / "test.csv", dtype={"id": str}).set_index("id")
    for name, submission in submissions.items():
        np.testing.assert_allclose(submission[list(classes)].sum(axis=1), 1, atol=1e-6)
        if name == "model_hist_boosting":
            certain = test["a"].loc[submission["id"]].to_numpy() > 0.7
            assert submission["x"][certain].mean() > submission["x"][~certain].mean() + 0.3


@pytest.mark.long
def test_several_binary_targets(tools: Any, tmp_path: Path) -> None:
    table = tools.features(160)
    answers = pd.DataFrame(
        {"p": (table["b"] > 1).astype(int), "q": (table["a"] > 0).astype(int), "r": 0}
    )
    folder = tools.write_folder(tmp_path / "data", table, answers)
    names = ("p", "q", "r")
    spec = tools.make_spec(folder, target_columns=names, label_columns=names)
    for submission in run_all(tools, tmp_path, spec, most=3).values():
        assert (submission["r"] == 0).all()


def _odd_tables(rows: int = 80) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(5)
    number = rng.normal(size=rows)
    gaps = pd.DataFrame({"empty": [None] * rows, "half": np.where(number > 0, number, np.nan)})
    text = pd.DataFrame(
        {
            f"t{i}": [f"word{v} and {v * 7 % 11}" for v in rng.integers(0, 60, rows)]
            for i in range(2)
        }
    )
    return {
        "gaps everywhere": gaps,
        "nothing but gaps": gaps[["empty"]],
        "all text": text,
        "a single column": pd.DataFrame({"only": number}),
        "a constant column": pd.DataFrame({"one": ["x"] * rows}),
        "infinite": pd.DataFrame({"big": np.where(number > 1, np.inf, number * 1e200)}),
        "late values": pd.DataFrame(
            {"new": [f"seen{i % 3}" if i < 50 else f"new{i}" for i in range(rows)]}
        ),
        "truth values": pd.DataFrame(
            {"flag": number > 0, "mixed": [1 if i % 2 else "one" for i in range(rows)]}
        ),
    }


_QUICK_ODD = ("gaps everywhere",)


@pytest.mark.parametrize(
    "name",
    [
        name if name in _QUICK_ODD else pytest.param(name, marks=pytest.mark.long)
        for name in _odd_tables()
    ],
)
def test_odd_tables(tools: Any, tmp_path: Path, name: str) -> None:
    table = _odd_tables()[name]
    # The second class has a single row: it is absent from most folds.
    answers = pd.DataFrame(
        {"y": [int(i == 7 or i % 13 == 0 and name != "gaps everywhere") for i in range(80)]}
    )
    spec = tools.make_spec(
        tools.write_folder(tmp_path / "data", table, answers, test_rows=30), rows_train=50
    )
    problem = problem_of(spec)
    space = Space(problem, PACKAGES)
    bagging = Choice.of(
        next(item for item in space.fragments("TRAIN") if item.key == "train_fold_bagging")
    )
    recipes = covering_recipes(problem)
    bagged = {
        f"{key} in folds": recipe.with_choice("TRAIN", bagging)
        for key, recipe in list(recipes.items())[:2]
    }
    some = dict(list(recipes.items())[:: 3 if name in _QUICK_ODD else 1])
    programs = {key: program_text(recipe, problem) for key, recipe in (some | bagged).items()}
    for submission in tools.run_many(tmp_path, programs, spec).values():
        tools.check(submission, spec)


@pytest.mark.long
def test_semicolons_archives_and_parquet(
    tools: Any, tmp_path: Path, binary: CompetitionSpec
) -> None:
    source = Path(binary.data_dir)
    tables = {
        name: pd.read_csv(source / f"{name}.csv", dtype={"id": str}) for name in ("train", "test")
    }
    folder = tmp_path / "other"
    folder.mkdir()
    with zipfile.ZipFile(folder / "train.csv.zip", "w") as archive:
        archive.writestr("data/train.csv", tables["train"].to_csv(index=False, sep=";"))
    tables["test"].to_parquet(folder / "test.parquet", index=False)
    sample = pd.read_csv(source / "sample_submission.csv", dtype={"id": str})
    sample.to_csv(folder / "sampleSubmission.csv", index=False, sep=";")
    spec = dataclasses.replace(
        binary,
        data_dir=str(folder),
        train=TableFile("train.csv.zip", delimiter=";", member="data/train.csv"),
        test=TableFile("test.parquet", format="parquet"),
        sample=TableFile("sampleSubmission.csv", delimiter=";"),
    )
    expected = run_all(tools, tmp_path / "plain", binary, most=1)["model_hist_boosting"]
    submission = run_all(tools, tmp_path, spec, most=1)["model_hist_boosting"]
    assert np.corrcoef(submission["y"], expected["y"])[0, 1] > 0.99


@pytest.mark.long
def test_text_fragments(tools: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good, bad = ["fine", "great", "lovely"], ["awful", "boring", "sad"]
    truth = rng.integers(0, 2, 160)
    words = [
        " ".join(rng.choice(good if t else bad, 2)) + " film the a of" * (i % 3)
        for i, t in enumerate(truth)
    ]
    table = pd.DataFrame({"review": words})
    folder = tools.write_folder(tmp_path / "data", table, pd.DataFrame({"y": truth}))
    spec = tools.make_spec(
        folder, "log_loss", modality="text", text_columns=("review",), feature_columns=("review",)
    )
    submissions = run_all(tools, tmp_path, spec)
    assert {"model_linear", "model_nb_svm", "data_topics"} & set(submissions)
    truth_of = {f"{i:05d}": t for i, t in enumerate(truth)}
    for name, submission in submissions.items():
        positive = submission["id"].map(truth_of) == 1
        assert submission["y"][positive].mean() > submission["y"][~positive].mean() + 0.1, name
    real = dataclasses.replace(
        tools.make_spec(folder, "rmse", modality="text", text_columns=("review",)), rows_train=120
    )
    assert len(run_all(tools, tmp_path / "real", real, most=5)) == 5


def _images(folder: Path, rows: int = 60) -> pd.DataFrame:
    """Half the pictures are bright; every seventh file is no picture."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, rows)
    for i, bright in enumerate(truth):
        place = folder / ("train" if i < rows - 20 else "test")
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (20, 30, 3)) + 100 * bright
        path = place / f"{i:05d}.png"
        if i % 7 == 3:
            path.write_bytes(b"no picture")
        else:
            image.fromarray(pixels.astype(np.uint8)).save(path)
    return pd.DataFrame({"y": truth})


@pytest.mark.parametrize("with_test_table", [True, pytest.param(False, marks=pytest.mark.long)])
def test_image_fragments(tools: Any, tmp_path: Path, with_test_table: bool) -> None:
    answers = _images(tmp_path / "data")
    folder = tools.write_folder(
        tmp_path / "data", pd.DataFrame(index=range(60)), answers, test_rows=20
    )
    spec = tools.make_spec(
        folder,
        modality="image",
        test=TableFile("test.csv") if with_test_table else None,
        files=FilesById(("train",), ("test",), ".png"),
        rows_train=40,
    )
    submissions = run_all(tools, tmp_path, spec, most=None if with_test_table else 5)
    for name in ("model_linear", "model_kernel"):
        submission = submissions[name]
        positive = submission["id"].astype(int).map(answers["y"]) == 1
        readable = submission["id"].astype(int) % 7 != 3
        assert (
            submission["y"][positive & readable].min() > submission["y"][~positive & readable].max()
        )


def test_a_program_reads_like_a_script(binary: CompetitionSpec) -> None:
    problem = problem_of(binary)
    for name, recipe in covering_recipes(problem).items():
        program = program_text(recipe, problem)
        ast.parse(program)
        assert len(program.splitlines()) <= 250, name
        assert (
            max(len(line) for line in program.splitlines() if not line.startswith("# recipe"))
            <= 120
        ), name
        assert not re.search(r"""["'](/|\.\.)|print\(""", program), name
        assert program == program_text(recipe, problem)
        assert "\n" not in describe(recipe, problem.modality)


def test_a_late_bagging_keeps_its_first_submission(
    tools: Any, tmp_path: Path, binary: CompetitionSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a deadline in the past only one of the models is fitted, and its submission stands."""
    problem = problem_of(binary)
    space = Space(problem, PACKAGES)
    recipe = next(
        item for item in space.drafts() if item.at("MODEL").fragment == "model_random_forest"
    )
    folds = next(item for item in space.fragments("TRAIN") if item.key == "train_fold_bagging")
    bagged = recipe.with_choice("TRAIN", Choice.of(folds))
    program = program_text(bagged, problem) + "assert len(members) == 1\n"
    monkeypatch.setenv("SWARM_DEADLINE", "1000")
    tools.check(tools.run_many(tmp_path, {"late": program}, binary)["late"], binary)


def test_lags_use_nothing_that_a_test_row_could_not_know(tools: Any, tmp_path: Path) -> None:
    """Answers that rise and fall by the week over 300 days: only the lag tells them, and its column
    is exact.
    """
    days = pd.date_range("2021-01-01", periods=300)
    table = pd.DataFrame(
        {"day": days.strftime("%Y-%m-%d"), "noise": np.random.default_rng(0).normal(size=300)}
    )
    pattern = np.random.default_rng(1).normal(size=7)
    answers = pd.DataFrame({"y": pattern[np.arange(300) % 7] * 10 + 50})
    folder = tools.write_folder(tmp_path / "data", table, answers, test_rows=30)
    names = tuple(table.columns)
    spec = tools.make_spec(folder, "rmse", feature_columns=names, time_column="day", rows_train=270)
    problem = problem_of(spec)
    recipe = next(
        item
        for item in Space(problem, PACKAGES).drafts()
        if item.at("MODEL").fragment == "model_lightgbm"
    )
    assert recipe.at("DATA").fragment == "data_lags"
    program = (
        program_text(recipe, problem) + "assert '0 lag 35' in lags and '0 lag 28' not in lags\n"
    )
    submission = tools.run_many(tmp_path, {"lags": program}, spec)["lags"]
    truth = submission["id"].astype(int).map(answers["y"])
    assert (submission["y"] - truth).abs().mean() < 0.2 * (truth - truth.mean()).abs().mean()
    untimed = problem_of(spec.changed(time_column=None))
    assert "data_lags" not in {item.key for item in Space(untimed, PACKAGES).fragments("DATA")}


def test_a_long_fit_has_an_early_submission(
    tools: Any, tmp_path: Path, binary: CompetitionSpec
) -> None:
    """A program that is stopped during the fit on all rows has written the answers of a model of a
    few rows.
    """
    problem = problem_of(binary)
    recipe = next(
        item
        for item in Space(problem, PACKAGES).drafts()
        if item.at("MODEL").fragment == "model_linear"
    )
    program = program_text(recipe, problem).replace("few = max(500, 400_000 // width)", "few = 20")
    stopped = program.replace(
        "    yield [fit_predict(build_model, SEED, X, targets, X_test)]", "    return"
    )
    assert stopped.count("yield") == program.count("yield") - 1
    tools.check(tools.run_many(tmp_path, {"stopped": stopped}, binary)["stopped"], binary)
