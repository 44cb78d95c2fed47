"""Recipes whose answers are rankings of labels (MAP@k): by a classifier, or in the order of how
common labels are.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.recipes.assemble import program_text
from agents.recipes.problem import problem_of, ranked
from agents.recipes.space import Space
from core.records import CompetitionSpec
from core.task.hints import NO_HINTS
from core.task.recognise.baseline import write_baseline
from core.task.recognise.spec import inspect_competition
from tests.agents.test_recipe_programs import covering_recipes
from tests.shapes.registry import BY_NAME

pytestmark = pytest.mark.whole

EVALUATION = "## Evaluation\n\nSubmissions are evaluated by Mean Average Precision @ 3 (MAP@3).\n"


@dataclasses.dataclass(frozen=True)
class Ranking:
    """A folder of tests.shapes whose sample asks for three labels in order. truth: by id, as text."""

    spec: CompetitionSpec
    truth: dict[str, str]

    def score(self, submission: pd.DataFrame) -> float:
        """MAP@3 on the private answers: one over the place of the true label."""
        (key,), (target,) = self.spec.ids.columns, self.spec.answers.targets
        cells = dict(zip(submission[key].astype(str), submission[target].astype(str), strict=True))
        assert cells.keys() == self.truth.keys()
        places = [
            cells[name].split()[:3].index(label) + 1
            for name, label in self.truth.items()
            if label in cells[name].split()[:3]
        ]
        return sum(1 / place for place in places) / len(self.truth)


@pytest.fixture
def seven(tmp_path: Path) -> Ranking:
    folder = BY_NAME["table_seven_classes"].build(tmp_path / "shape")
    sample = pd.read_csv(folder.public / "sample_submission.csv")
    sample.assign(Cover="1 2 3").to_csv(folder.public / "sample_submission.csv", index=False)
    private = pd.read_csv(folder.private / "answers.csv", dtype=str)
    spec = inspect_competition(folder.public, EVALUATION, NO_HINTS, tmp_path / "workspace")
    return Ranking(spec, dict(zip(private["Id"], private["Cover"], strict=True)))


def test_rankings_by_features_beat_the_order_of_train(
    tools: Any, tmp_path: Path, seven: Ranking
) -> None:
    spec = seven.spec
    assert (spec.metric.name, spec.value_kind, len(spec.answers.classes)) == ("map@3", "list", 7)
    write_baseline(Path(spec.data_dir), spec, tmp_path / "baseline.csv")
    prior = seven.score(pd.read_csv(tmp_path / "baseline.csv"))
    problem = problem_of(spec)
    assert (problem.modality, problem.task) == ("tabular", "multiclass")
    first = Space(problem, frozenset()).drafts()[0]
    found = tools.run_many(tmp_path, {"first": program_text(first, problem)}, spec)["first"]
    assert found["Cover"].str.split().map(len).eq(3).all()
    assert found["Cover"].str.split().map(set).map(len).eq(3).all()
    assert prior < 0.7
    assert seven.score(found) > prior + 0.15


@pytest.mark.long
def test_every_fragment_ranks(tools: Any, tmp_path: Path, seven: Ranking) -> None:
    problem = problem_of(seven.spec)
    programs = {
        name: program_text(recipe, problem) for name, recipe in covering_recipes(problem).items()
    }
    assert len(programs) >= 12
    for name, found in tools.run_many(tmp_path, programs, seven.spec).items():
        assert seven.score(found) > 0.6, name


def test_too_many_labels_are_ranked_as_train_has_them(tools: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = [f"w_{number}" for number in rng.zipf(1.5, 700) % 90]
    data = tmp_path / "data"
    folder = tools.write_folder(
        data, tools.features(700), pd.DataFrame({"y": labels}), sample={"y": "w_1 w_2"}
    )
    spec = inspect_competition(
        folder, EVALUATION.replace("3", "2"), NO_HINTS, tmp_path / "workspace"
    )
    assert ranked(spec)
    many = spec.changed(classes=tuple(f"w_{number}" for number in range(501)))
    assert not ranked(many)
    assert not ranked(spec.changed(classes=()))
    problem = problem_of(many)
    assert (problem.modality, problem.task) == ("texts", "texts")
    first = Space(problem, frozenset()).drafts()[0]
    assert first.at("POSTPROCESS").fragment == "postprocess_filled_vote"
    found = tools.run_many(tmp_path, {"first": program_text(first, problem)}, many)["first"]
    counts = pd.Series(labels[:660]).value_counts().index
    assert found["y"].str.split().map(lambda words: len(words) == 2 == len(set(words))).all()
    assert found["y"].map(lambda cell: bool({*counts[:2]} & {*cell.split()})).all()


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (["a", "b", "a"] * 20, ("a", "b")),
        (["a b", "b", "a c"] * 20, ()),
        (["a,b", "b", "a"] * 20, ()),
    ],
)
def test_labels_are_known_where_each_row_has_one_word(
    tools: Any, tmp_path: Path, labels: list[str], known: tuple[str, ...]
) -> None:
    table = tools.features(60)
    folder = tools.write_folder(
        tmp_path / "data", table, pd.DataFrame({"y": labels}), sample={"y": "a b"}, test_rows=20
    )
    spec = inspect_competition(folder, EVALUATION, NO_HINTS, tmp_path / "workspace")
    assert (spec.value_kind, spec.answers.classes) == ("list", known)
