"""Score, genome, budget and the JSON of records."""

from __future__ import annotations

import math

import pytest

from core.budget import Budget
from core.doubles import entry
from core.genome import Genome, changed_loci, normalised_digest
from core.records import Entry, MetricSpec, SplitSpec
from core.score import Score
from utils.json_records import from_json, to_json

PROGRAM = (
    "import os\n\n# %% DATA\nx = 1\n# %% MODEL\ny = 2\n# %% TRAIN\n\n# %% POSTPROCESS\nprint(x + y)"
)


def test_better_means_greater_in_both_directions() -> None:
    assert Score(0.9, "maximize") > Score(0.8, "maximize")
    assert Score(0.8, "minimize") > Score(0.9, "minimize")
    assert (
        max([Score(3.0, "minimize"), Score(1.0, "minimize"), Score(None, "minimize")]).value == 1.0
    )


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_lesson_3_unscored_sorts_below_everything(bad: float | None, direction: str) -> None:
    worst = Score(-1e9 if direction == "maximize" else 1e9, direction)  # type: ignore[arg-type]
    unscored = Score(bad, direction)  # type: ignore[arg-type]
    assert unscored < worst
    assert worst > unscored
    assert not unscored > worst


def test_a_program_survives_parsing_byte_for_byte() -> None:
    for text in (
        PROGRAM,
        "",
        "no markers\n",
        PROGRAM + "\n# %% DATA\nagain = 1\r\n",
        "# %% DATABASE\n",
    ):
        assert str(Genome.parse(text)) == text


def test_replacing_a_gene_changes_that_locus_only() -> None:
    before = Genome.parse(PROGRAM)
    after = before.replace("MODEL", "# %% MODEL\ny = 3\n")
    assert changed_loci(before, after) == {"MODEL"}
    assert after.gene("MODEL") == "# %% MODEL\ny = 3\n"
    assert before.complete
    assert before.hashes()["DATA"] == after.hashes()["DATA"]


def test_a_gene_cannot_smuggle_another_locus_in() -> None:
    with pytest.raises(ValueError, match="not a MODEL block"):
        Genome.parse(PROGRAM).replace("MODEL", "# %% MODEL\n# %% TRAIN\n")


def test_normalised_digest_ignores_comments_and_blank_lines_but_not_code() -> None:
    assert normalised_digest("x = 1\n\n# why\ny = 2  \n") == normalised_digest("x = 1\ny = 2\n")
    assert normalised_digest("x = 1\n") != normalised_digest("x = 2\n")


def test_records_return_from_json_as_they_were() -> None:
    made = entry("s0003", 0.5, kind="mutate", parents=("s0001",), steers=True, locus="MODEL")
    assert from_json(Entry, to_json(made)) == made
    split = SplitSpec("time", 3, 100, 20, 1, "why", None, "date", 5)
    assert from_json(SplitSpec, to_json(split)) == split
    # A split of an earlier journal, or beside a published solution, says nothing of blocks.
    old = {key: value for key, value in to_json(split).items() if key != "locked_blocks"}
    assert from_json(SplitSpec, old).locked_blocks == 0
    metric = MetricSpec("rmse", "minimize", "config")
    assert from_json(MetricSpec, to_json(metric) | {"unknown": 1}) == metric


def test_json_has_no_nan() -> None:
    assert to_json({"a": [math.nan, math.inf, 1.0]}) == {"a": [None, None, 1.0]}


def test_the_reserve_is_kept_for_the_end() -> None:
    budget = Budget.plan(max_steps=10, started=100.0, deadline=200.0)
    assert budget.reserve_s == 10.0
    assert budget.remaining(199.0) == 1.0
    assert budget.progress(5, 100.0) == 0.5
    assert budget.progress(0, 190.0) == 1.0


def test_a_tiny_budget_still_leaves_half_for_the_search() -> None:
    assert Budget.plan(1, 0.0, 4.0).reserve_s == 2.0
