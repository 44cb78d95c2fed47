"""agents/prompting/digest.py: flat in the number of steps, and what it says."""

from __future__ import annotations

import dataclasses
import random

from agents.prompting.digest import TOTAL, digest_text, failures, faults_text, untried
from core.doubles import CLEAN, entry
from core.records import Entry, ErrorInfo

PARADIGMS = {
    "boosted trees": "boost|lightgbm",
    "linear model": "linear|logistic",
    "neural network": "mlp|neural",
}
PLANS = (
    "LightGBM on raw and target-encoded columns with counts of rare levels, five stratified folds, early stopping on"
    " the metric itself, ranks averaged over three seeds and both settings of the leaves",
    "logistic regression on quantile-binned numbers and one-hot categories, strength chosen by cross-validation, then"
    " blended with an extra-trees forest on ordinal codes by the mean of the ranks",
    "histogram gradient boosting with ordinal codes, missing values left alone, ratios of the charges to the tenure,"
    " three seeds averaged in rank space after isotonic calibration",
)
ERRORS = (
    ErrorInfo(
        "KeyError",
        "'Cabin' not in index: ['age', 'fare', 'cabin', 'deck', 'ticket'] while selecting features",
        "",
    ),
    ErrorInfo(
        "ValueError",
        "could not convert string to float: 'Month-to-month' in column 15 of the train matrix",
        "",
    ),
    ErrorInfo("TimeoutError", "stopped at its time limit", ""),
    ErrorInfo(
        "ValueError",
        "Input X contains NaN. HistGradientBoosting accepts missing values, LinearSVC does not",
        "",
    ),
    ErrorInfo(
        "MemoryError", "used more memory than allowed while building the pairwise interactions", ""
    ),
)


def failed(entry_id: str, error: ErrorInfo, plan: str) -> Entry:
    outcome = dataclasses.replace(CLEAN, exit_code=1, error=error, submission=None)
    return dataclasses.replace(entry(entry_id, None, outcome=outcome), plan=plan)


def run(steps: int, seed: int = 0) -> list[Entry]:
    """A run with as many steps: drafts, mutations of all loci, a fifth of failures."""
    rng, made = random.Random(seed), list[Entry]()
    for i in range(steps):
        plan = f"{PLANS[i % 3]}, variant {i}"
        if i % 5 == 3:
            made.append(failed(f"s{i:04d}", ERRORS[rng.randrange(len(ERRORS))], plan))
            continue
        parent = f"s{i - i % 5:04d}"
        locus = ("DATA", "MODEL", "TRAIN", "POSTPROCESS")[i % 4] if i % 5 else None
        kind = "mutate" if locus else "draft"
        score = round(0.8 + 0.05 * rng.random(), 5)
        step = entry(f"s{i:04d}", score, kind=kind, parents=(parent,) if locus else (), locus=locus)
        made.append(dataclasses.replace(step, plan=plan))
    return made


def test_lesson_21_the_digest_is_flat_in_the_number_of_steps() -> None:
    sizes = {steps: len(digest_text(run(steps), "maximize", PARADIGMS)) for steps in (5, 50, 500)}
    assert max(sizes.values()) <= TOTAL
    assert abs(sizes[500] - sizes[50]) < 0.1 * sizes[500], sizes
    assert sizes[5] < sizes[50]


def test_repairs_read_of_the_state_and_of_failures_only() -> None:
    text = faults_text(run(500), "maximize")
    assert len(text) < 900
    assert "100 failed" in text
    assert "MemoryError" in text
    assert "Ideas" not in text
    assert "Best programs" not in text


def test_a_repair_reads_of_other_failures_only_and_none_is_no_line() -> None:
    own, other = (
        failed(name, ErrorInfo("KeyError", "'a'", ""), name) for name in ("s0001", "s0002")
    )
    assert "1x KeyError: 'a' (last: s0002" in faults_text([other, own], "maximize", "s0001")
    assert "Failures" not in faults_text([own], "maximize", "s0001")
    assert "Failures" not in digest_text([entry("s0003", 0.5)], "maximize", {})
    assert "Ideas" not in digest_text([entry("s0003", 0.5)], "maximize", {})


def test_failures_are_counted_by_cause() -> None:
    entries = [
        failed("s0001", ErrorInfo("KeyError", "'a1'", ""), "p1"),
        failed("s0002", ErrorInfo("KeyError", "'b22'", ""), "p2"),
        failed(
            "s0003",
            ErrorInfo(
                "FileNotFoundError", "no file /home/x/workspace/working/s0003/input/a/b.csv", ""
            ),
            "p3",
        ),
        entry("s0004", 0.5),
    ]
    found = failures(entries)
    assert [(len(failure.entries), failure.cause) for failure in found] == [
        (2, "KeyError: 'b22'"),
        (1, "FileNotFoundError: no file input/a/b.csv"),
    ]
    text = digest_text(entries, "maximize", {})
    assert "- 2x KeyError: 'b22' (last: s0002, recipe: p2)" in text
    assert "/home" not in text


def test_a_refused_submission_has_the_judges_reason() -> None:
    refused = dataclasses.replace(entry("s0000", None), verdict=entry("s0000", None).verdict)
    assert failures([refused])[0].cause == "bad"


def test_untried_paradigms_are_named() -> None:
    assert untried(["LightGBM on all"], PARADIGMS) == ["linear model", "neural network"]
    assert "Not tried yet: linear model, neural network." in digest_text(
        [entry("s0000", 0.5)], "maximize", {**PARADIGMS, "boosted trees": "plan"}
    )


def test_what_is_under_way_is_not_called_untried() -> None:
    plans = {**PARADIGMS, "boosted trees": "plan"}
    text = digest_text([entry("s0000", 0.5)], "maximize", plans, under_way=["a small MLP"])
    assert "Not tried yet: linear model." in text


def test_a_plateau_is_said() -> None:
    entries = [entry("s0000", 0.9), *(entry(f"s{i:04d}", 0.8) for i in range(1, 13))]
    assert "no gain in the last 12 steps" in digest_text(entries, "maximize", {})
    assert "no gain" not in digest_text(entries[:5], "maximize", {})


def test_it_is_pure_and_starts_empty() -> None:
    assert digest_text([], "maximize", PARADIGMS) == "No program has finished yet."
    assert digest_text(run(40), "minimize", PARADIGMS) == digest_text(
        run(40), "minimize", PARADIGMS
    )
