"""Where the held-out errors of a program lie: what is put in comes out, and noise does not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.judging.metrics import Metric
from core.judging.residuals import features
from core.judging.residuals.costs import row_errors
from core.judging.residuals.guards import LEAST_FOR_TABLES, LEAST_ROWS
from core.judging.residuals.held import HeldErrors
from core.judging.residuals.report import error_report, report_on
from core.judging.service import HoldoutJudge
from core.judging.store import Store
from core.metric_names import BY_NAME
from core.records import ErrorReport, ErrorTable, ValueKind
from tests.judging.arena import make_spec
from tests.judging.cases import EVERY, truth_of, worse
from tests.judging.residual_cases import HeldCase, make_case, table_of
from utils.json_records import from_json, to_json
from utils.process import WorkerProcess

Make = Callable[..., HeldCase]
TEST_ROWS = 200
RMSE = "# Evaluation\n\nRoot mean squared error (RMSE)."
LOG_LOSS = "# Evaluation\n\nLog loss between the predicted probability and the observed target."
MACRO_F1 = "# Evaluation\n\nMacro F1 score."


@pytest.fixture
def make(tmp_path: Path, judging_worker: WorkerProcess) -> Make:
    """A competition of columns: the last one is the answer, unless `targets` says how many are."""
    count = 0

    def build(columns: dict[str, Any], text: str, targets: int = 1, **task: Any) -> HeldCase:
        nonlocal count
        count += 1
        frame = pd.DataFrame(columns)
        frame.insert(0, "id", [f"r{number}" for number in range(len(frame))])
        train, test = frame.iloc[:-TEST_ROWS], frame.iloc[-TEST_ROWS:]
        test = test.drop(columns=list(columns)[-targets:])
        return make_case(tmp_path / f"case{count}", judging_worker, train, test, text, **task)

    return build


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def known(rows: pd.DataFrame, name: str = "y") -> np.ndarray:
    """Answers; 0 for the official rows, which have none."""
    return rows[name].fillna(0).to_numpy(dtype=float)


def groups(table: ErrorTable | None) -> dict[str, tuple[float, float | None]]:
    assert table is not None
    return {group.name: (group.error, group.bias) for group in table.groups}


def numbers(rows: int = 3000) -> dict[str, Any]:
    draw = rng()
    noise = {f"noise{number}": draw.normal(size=rows) for number in range(25)}
    return {
        "size": draw.normal(10, 3, rows),
        "kind": draw.choice(["red", "green", "blue"], rows),
        **noise,
        "y": draw.gamma(3, 10, rows),
    }


def test_a_column_by_which_a_program_errs_is_told_and_noise_is_not(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()

    def predict(rows: pd.DataFrame) -> np.ndarray:
        spread = np.where(rows["kind"] == "green", 6.0, 2.0) * draw.normal(size=len(rows))
        return known(rows) + spread + np.where(rows["size"] > 13, 3.0, 0.0)

    case.keep("p", predict)
    report = case.report("p")
    assert report.rows == int(0.8 * 2800)
    assert report.summary[0].endswith("over 2240 held-out rows, drawn from 2800")
    by_kind, by_size = groups(table_of(report, "by kind")), groups(table_of(report, "by size"))
    assert by_kind["green"][0] > 2 * by_kind["red"][0]
    *_, (_, bias) = by_size.values()
    assert bias is not None
    assert bias > 1.5
    assert not any("noise" in table.title for table in report.tables)
    assert all(group.rows >= LEAST_ROWS for table in report.tables for group in table.groups)


def test_a_program_that_errs_alike_everywhere_has_no_table_of_a_column(make: Make) -> None:
    columns = numbers()
    columns["y"] = 3 * columns["size"] + np.random.default_rng(5).normal(size=3000)
    case = make(columns, RMSE)
    case.keep("p", lambda rows: 3 * rows["size"].to_numpy())
    titles = [table.title for table in case.report("p").tables]
    assert titles == [], "nor of answers, of which low ones are predicted too high in any case"


def test_bias_and_spread_are_told_apart(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    case.keep("p", lambda rows: known(rows) + 3 + 4 * draw.normal(size=len(rows)))
    statement = next(line for line in case.report("p").summary if line.startswith("mean of"))
    share = float(statement.split("bias makes ")[1].split("%")[0])
    assert share == pytest.approx(100 * 9 / 25, abs=4)


def test_predictions_that_lie_too_close_together_are_named(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    case.keep("close", lambda rows: 30 + 0.5 * (known(rows) - 30) + draw.normal(size=len(rows)))
    case.keep("right", lambda rows: known(rows) + draw.normal(size=len(rows)))
    close = case.report("close")
    assert any(
        line.startswith("where a prediction is higher by 1 the answer is higher by 1.9")
        and line.endswith("predictions lie too close together")
        for line in close.summary
    )
    assert table_of(close, "by the answer") is not None
    assert not any("too close" in line for line in case.report("right").summary)


def test_the_columns_of_a_view_are_read_once_for_all_programs(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading and turning them into numbers was most of what a report cost."""
    case = make(numbers(), RMSE)
    read: list[pd.DataFrame] = []
    whole = features.as_numbers

    def as_numbers(frame: pd.DataFrame, decimal: str) -> pd.DataFrame:
        read.append(frame)
        return whole(frame, decimal)

    monkeypatch.setattr(features, "as_numbers", as_numbers)
    store = Store(case.root / "predictions")
    for name, size in (("p", 1.0), ("q", 3.0)):
        case.keep(name, lambda rows, size=size: known(rows) + size)
        assert error_report(case.spec, case.names[name], case.views, store) is not None
        assert len(read) == len(case.views)
    # A table that was written again is read again.
    table = Path(case.views[0].path) / "test.csv"
    os.utime(table, ns=(1, 1))
    assert error_report(case.spec, case.names["p"], case.views, store) is not None
    assert len(read) == len(case.views) + 1


def test_what_the_scores_of_the_folds_say_is_not_said_again(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    asked = iter(range(9))

    def predict(rows: pd.DataFrame) -> np.ndarray:
        return known(rows) + (5.0 if next(asked) == 2 else 1.0) * draw.normal(size=len(rows))

    case.keep("p", predict)
    report = case.report("p")
    assert not any("fold" in line for line in report.summary)
    assert not any("by fold" in table.title for table in report.tables)


def test_a_level_that_is_off_in_each_fold_is_told_though_its_mean_is_not(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    levels = iter((2.0, -2.0, 2.0, -2.0, 0.0))
    case.keep("p", lambda rows: known(rows) + next(levels, 0.0) + draw.normal(size=len(rows)))
    (line,) = [line for line in case.report("p").summary if line.startswith("the level is off by")]
    share = int(re.search(r"in the folds: (\d+)% of", line)[1])  # type: ignore[index]
    assert 30 < share < 95
    case.keep("q", lambda rows: known(rows) + draw.normal(size=len(rows)))
    assert not any("the level is off" in line for line in case.report("q").summary)


def test_hours_and_the_horizon_of_a_series(make: Make) -> None:
    rows = 6000
    when = pd.date_range("2021-01-01", periods=rows, freq="30min")
    columns = {"when": when.astype(str), "y": 100 + rng().normal(size=rows)}
    case, draw = make(columns, RMSE, split="time", time_column="when"), rng()

    def predict(shown: pd.DataFrame) -> np.ndarray:
        times = pd.to_datetime(shown["when"])
        evening = 4.0 * times.dt.hour.between(18, 20).to_numpy()
        order = (
            times[shown["y"].notna()].rank(pct=True).reindex(times.index, fill_value=1.0).to_numpy()
        )
        return known(shown) + evening + (1 + 4 * order) * draw.normal(size=len(shown))

    case.keep("p", predict)
    report = case.report("p")
    hours = groups(table_of(report, "by when, hour of day"))
    assert max(hours, key=lambda name: hours[name][1] or 0) == "18 to 21 h"
    ahead = [error for error, _ in groups(table_of(report, "by how far ahead")).values()]
    assert ahead == sorted(ahead)
    assert len(ahead) == 4


@pytest.mark.parametrize(("period", "step"), [(24, 1), (37, 1), (110, 5)])
def test_a_cycle_of_an_index_in_equal_steps(make: Make, period: int, step: int) -> None:
    """The period is that of the series, whatever it is, in the errors alone or in the answers."""
    rows = 6000
    columns = {"step": step * np.arange(rows), "y": 100 + rng().normal(size=rows)}
    case, draw = make(columns, RMSE, split="time", time_column="step"), rng()

    def predict(shown: pd.DataFrame) -> np.ndarray:
        early = (shown["step"] % (period * step) < period * step / 4).to_numpy()
        return known(shown) + 3 * early + draw.normal(size=len(shown))

    case.keep("p", predict)
    report = case.report("p")
    cycle = groups(table_of(report, f"by step modulo {period * step} "))
    biases = [bias or 0 for _, bias in cycle.values()]
    assert biases[0] > 2
    assert max(biases[3:]) < 0.5
    others = [table.title for table in report.tables if "modulo" in table.title]
    assert len(others) == 1


def test_a_part_of_one_year_of_a_series_is_no_month(make: Make) -> None:
    """Errors that grow with time are told by how far ahead they lie, not as if a month brought them."""
    rows = 3000
    when = pd.date_range("2021-01-01", periods=rows, freq="3h")
    columns = {"when": when.astype(str), "y": 100 + rng().normal(size=rows)}
    case, draw = make(columns, RMSE, split="time", time_column="when"), rng()

    def predict(shown: pd.DataFrame) -> np.ndarray:
        order = pd.to_datetime(shown["when"]).rank(pct=True).to_numpy()
        return known(shown) + 8 * order * draw.normal(size=len(shown))

    case.keep("p", predict)
    report = case.report("p")
    assert table_of(report, "by how far ahead") is not None
    assert table_of(report, "by when, month") is None


def test_probabilities_have_classes_and_calibration(make: Make) -> None:
    draw = rng()
    signal = draw.normal(size=4000)
    answer = (draw.random(4000) < 1 / (1 + np.exp(-signal))).astype(int)
    case = make({"signal": signal, "y": answer}, LOG_LOSS)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        return np.clip(1 / (1 + np.exp(-3 * rows["signal"].to_numpy())), 0.001, 0.999)

    case.keep("sure", predict)
    report = case.report("sure")
    bands = list(groups(table_of(report, "by what it predicts")).values())
    # Too sure on both sides.
    assert (bands[0][1] or 0) < -0.05
    assert (bands[-1][1] or 0) > 0.05
    assert set(groups(table_of(report, "by true class"))) == {"answer 0", "answer 1"}


def test_confusions_of_many_classes(make: Make) -> None:
    draw = rng()
    names = np.array([f"class{number:02d}" for number in range(12)])
    labels = names[draw.integers(0, 12, 3000)]
    case = make({"x": draw.normal(size=3000), "y": labels}, MACRO_F1)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        said = rows["y"].fillna("class00").to_numpy(dtype=object).copy()
        said[(said == "class03") & (draw.random(len(said)) < 0.4)] = "class07"
        return said

    case.keep("p", predict)
    report = case.report("p")
    confused = groups(table_of(report, "confusions"))
    assert list(confused) == ["class03 taken for class07"]
    assert confused["class03 taken for class07"][0] == pytest.approx(0.4, abs=0.08)
    first, *_ = groups(table_of(report, "by true class"))
    assert first == "class03"


def test_the_worse_of_two_targets_stands_first(make: Make) -> None:
    draw = rng()
    columns = {
        "x": draw.normal(size=1500),
        "one": draw.normal(size=1500),
        "two": draw.normal(size=1500),
    }
    case = make(
        columns, "# Evaluation\n\nMean column-wise root mean squared error (MCRMSE).", targets=2
    )

    def predict(rows: pd.DataFrame) -> np.ndarray:
        spread = np.array([1.0, 3.0]) * draw.normal(size=(len(rows), 2))
        return rows[["one", "two"]].fillna(0).to_numpy() + spread + [0.0, 2.0]

    case.keep("p", predict)
    table = groups(table_of(case.report("p"), "by target"))
    assert list(table) == ["two", "one"]
    assert table["two"][1] == pytest.approx(2.0, abs=0.3)


def test_the_length_of_texts(make: Make) -> None:
    draw = rng()
    texts = [" ".join(["word"] * count) for count in draw.integers(2, 60, 2000).tolist()]
    case = make({"text": texts, "y": draw.normal(size=2000)}, RMSE)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        short = rows["text"].str.count(" ").to_numpy() < 12
        return known(rows) + np.where(short, 4.0, 1.0) * draw.normal(size=len(rows))

    case.keep("p", predict)
    lengths = list(groups(table_of(case.report("p"), "by text, number of words")).values())
    assert lengths[0][0] > 2.5 * lengths[-1][0]


MILD = ("fine", "good", "plain", "quiet", "slow", "warm")


def test_words_of_texts_on_which_a_program_errs_one_way(make: Make) -> None:
    draw = rng()
    texts = [" ".join(draw.choice(MILD, 8)) + "." for _ in range(3000)]
    for row in draw.choice(3000, 200, replace=False).tolist():
        texts[row] = f"Dreadful! {texts[row]}"
    case = make({"text": texts, "y": draw.normal(size=3000)}, RMSE)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        above = np.where(rows["text"].str.startswith("Dreadful"), 1.5, 0.0)
        return known(rows) + above + draw.normal(size=len(rows))

    case.keep("errs", predict)
    case.keep("right", lambda rows: known(rows) + draw.normal(size=len(rows)))
    told = groups(table_of(case.report("errs"), "by words of text"))
    assert next(iter(told)) == "dreadful"
    assert told["dreadful"][1] == pytest.approx(1.5, abs=0.4)
    assert table_of(case.report("right"), "by words of text") is None


def test_few_rows_have_a_summary_and_no_table(make: Make) -> None:
    case, draw = make(numbers(TEST_ROWS + LEAST_FOR_TABLES - 10), RMSE), rng()
    case.keep("p", lambda rows: known(rows) + draw.normal(size=len(rows)))
    report = case.report("p")
    assert report.rows < LEAST_FOR_TABLES
    assert report.tables == ()
    assert report.summary[0].startswith("rmse 1.0") or report.summary[0].startswith("rmse 0.9")


def test_the_same_predictions_have_the_same_report(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    case.keep("p", lambda rows: known(rows) + draw.normal(size=len(rows)))
    assert case.report("p") == case.report("p")


def test_a_view_that_is_gone_leaves_the_figures_without_columns(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()
    case.keep(
        "p",
        lambda rows: (
            known(rows) + np.where(rows["kind"] == "red", 5, 1) * draw.normal(size=len(rows))
        ),
    )
    for view in case.views:
        Path(view.path, "test.csv").rename(Path(view.path, "gone.csv"))
    assert table_of(case.report("p"), "by kind") is None
    for view in case.views:
        Path(view.path, "gone.csv").rename(Path(view.path, "test.csv"))
    assert table_of(case.report("p"), "by kind") is not None


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_every_metric_has_a_report(name: str, kind: ValueKind) -> None:
    draw, rows = rng(), 900
    truth = truth_of(name, kind, draw, rows)
    pred = worse(truth, kind, 0.5, draw)
    exclusive = BY_NAME[name].needs.of_shares == "always"
    targets = tuple(f"target{number}" for number in range(truth.shape[1]))
    spec = make_spec(
        name, value_kind=kind, target_columns=targets, label_columns=targets, exclusive=exclusive
    )
    found = row_errors(Metric.of(spec), truth, pred)
    held = HeldErrors(
        found.costs,
        found.finish,
        found.unit,
        found.residuals,
        found.scale,
        truth,
        pred,
        np.arange(rows) % 3,
        ("search0", "search1", "search2"),
        np.full(rows, ""),
        np.ones(rows),
        None,
        rows,
        pd.DataFrame({"x": draw.normal(size=rows), "kind": draw.choice(["a", "b"], rows)}),
    )
    report = report_on(spec, held)
    assert report.summary[0].startswith(f"{found.unit} ")
    assert all(table.groups for table in report.tables)
    figures = [group.error for table in report.tables for group in table.groups]
    assert np.isfinite(figures).all()
    # What goes into the journal comes out of it.
    assert from_json(ErrorReport, to_json(report)) == report


def test_one_column_per_class(make: Make, tmp_path: Path, judging_worker: WorkerProcess) -> None:
    draw = rng()
    names = ["ash", "beech", "cedar"]
    frame = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(2000)],
            "x": draw.normal(size=2000),
            "tree": np.array(names)[draw.integers(0, 3, 2000)],
        }
    )
    train, test = frame.iloc[:-TEST_ROWS], frame.iloc[-TEST_ROWS:].drop(columns="tree")
    sample = test[["id"]].assign(**dict.fromkeys(names, 1 / 3))
    text = "# Evaluation\n\nMulti-class logarithmic loss."
    case = make_case(tmp_path / "trees", judging_worker, train, test, text, sample)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        answers = pd.Categorical(rows["tree"].fillna("ash"), categories=names).codes
        said = np.where((answers == 1) & (rows["x"] > 0), 2, answers)
        return np.eye(3)[said] * 0.85 + 0.05

    case.keep("p", predict)
    report = case.report("p")
    assert groups(table_of(report, "confusions")).keys() == {"beech taken for cedar"}
    first, *_ = groups(table_of(report, "by true class"))
    assert first == "beech"
    assert "is right in 0.8" in report.summary[1]
    by_x = list(groups(table_of(report, "by x")).values())
    assert by_x[-1][0] > 2 * by_x[0][0]


def test_groups_that_cost_most_have_ranks_and_no_names(make: Make) -> None:
    draw = rng()
    shop = draw.integers(0, 40, 4000)
    columns = {"shop": np.array([f"shop-{n}" for n in shop]), "x": draw.normal(size=4000)}
    columns["y"] = draw.normal(size=4000)
    case = make(columns, RMSE, split="group", group_column="shop")
    case.spec = case.spec.changed(group_column="shop")
    case.judge = HoldoutJudge(case.spec, case.root / "kept", worker=case.judge._worker)

    def predict(rows: pd.DataFrame) -> np.ndarray:
        hard = rows["shop"].isin(["shop-3", "shop-17"]).to_numpy()
        return known(rows) + np.where(hard, 6.0, 1.0) * draw.normal(size=len(rows))

    case.keep("p", predict)
    report = case.report("p")
    table = groups(table_of(report, "by groups of shop"))
    ranks = [error for error, _ in table.values()]
    assert min(ranks[:2]) > 2 * max(ranks[2:])
    assert "shop-" not in repr(report)


def test_where_only_the_order_counts_no_class_and_no_limit_is_told(make: Make) -> None:
    draw = rng()
    signal = draw.normal(size=3000)
    answer = (draw.random(3000) < 1 / (1 + np.exp(-signal))).astype(int)
    columns = {"signal": signal, "site": draw.choice(["a", "b", "c"], 3000), "y": answer}
    case = make(columns, "# Evaluation\n\nArea under the ROC curve (AUC).")

    def predict(rows: pd.DataFrame) -> np.ndarray:
        lost = (rows["site"] == "b").to_numpy()
        shown = np.where(lost, draw.normal(size=len(rows)), rows["signal"])
        return 1 / (1 + np.exp(-shown))

    case.keep("p", predict)
    report = case.report("p")
    by_site = groups(table_of(report, "by site (share of wrongly ordered pairs)"))
    assert by_site["b"][0] > by_site["a"][0] + 0.05
    assert not any(table.title.startswith(("confusions", "by true")) for table in report.tables)


def test_a_few_rows_that_make_the_error_are_named(make: Make) -> None:
    case, draw = make(numbers(), RMSE), rng()

    def predict(rows: pd.DataFrame) -> np.ndarray:
        wild = 60.0 * (draw.random(len(rows)) < 0.008)
        return known(rows) + wild + draw.normal(size=len(rows))

    case.keep("wild", predict)
    case.keep("even", lambda rows: known(rows) + draw.choice([-1.0, 1.0], len(rows)))
    assert any(line.startswith("the worst 22 rows make 9") for line in case.report("wild").summary)
    assert not any(line.startswith("the worst") for line in case.report("even").summary)
