"""A program that knows answers of some folds is told from honest ones, however good these are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from core.judging.compare import HeldTruth
from core.judging.service import HoldoutJudge
from core.judging.suspicion import LEAST_P, Fold, at_least, at_most, judged
from core.records import CompetitionSpec, Job, Suspicion, Verdict, prediction_names
from tests.core.test_loop import FOLDS, World
from tests.core.test_suspicion import the
from tests.judging.arena import Arena, make_spec

Arrays = list[np.ndarray]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def folds_of(
    truths: Arrays, own: Arrays, rivals: Sequence[Arrays], groups: Arrays | None = None
) -> list[Fold]:
    folds = []
    for number, truth in enumerate(truths):
        others = tuple(rival[number][:, None] for rival in rivals)
        group = None if groups is None else groups[number]
        held = HeldTruth(truth[:, None], group)
        folds.append(Fold(f"search{number}", held, own[number][:, None], others))
    return folds


def noisy(truths: Arrays, size: float, seed: int) -> Arrays:
    draw = rng(seed)
    return [truth + size * draw.normal(size=len(truth)) for truth in truths]


def mistaken(truths: Arrays, shares: Sequence[float], seed: int, classes: int = 2) -> Arrays:
    """Labels of which a share is wrong."""
    draw = rng(seed)
    said = []
    for truth, share in zip(truths, shares, strict=True):
        wrong = draw.random(len(truth)) < share
        said.append(
            np.where(wrong, (truth + draw.integers(1, classes, len(truth))) % classes, truth)
        )
    return said


def real(rows: int = 600, folds: int = 3) -> Arrays:
    return [rng(fold).normal(size=rows) for fold in range(folds)]


def labels(rows: int = 600, folds: int = 3, classes: int = 2) -> Arrays:
    return [rng(fold).integers(0, classes, rows).astype(float) for fold in range(folds)]


def look(metric: str, folds: list[Fold], **fields: object) -> Suspicion | None:
    return judged(make_spec(metric, **fields), folds)


# ---------------------------------------------------------------- cheats


@pytest.mark.parametrize(("share", "digits"), [(0.3, 17), (1.0, 17), (0.3, 3)])
def test_real_answers_that_are_known_in_two_of_three_folds(share: float, digits: int) -> None:
    """What runs in one fold learns from the two others: these are what it can give away."""
    truths = real()
    own = noisy(truths, 0.5, 7)
    for fold in (0, 1):
        known = rng(fold).random(len(truths[fold])) < share
        own[fold][known] = np.round(truths[fold][known], digits)
    found = look("rmse", folds_of(truths, own, [noisy(truths, 0.6, 8)]))
    assert found is not None
    assert found.views == ("search0", "search1")
    assert 0 <= found.p < LEAST_P
    assert "rare answers" in found.why


@pytest.mark.parametrize("classes", [2, 5])
def test_labels_that_are_known_in_two_of_three_folds(classes: int) -> None:
    truths = labels(classes=classes)
    own = mistaken(truths, (0.0, 0.0, 0.25), 7, classes)
    rival = mistaken(truths, (0.3, 0.25, 0.3), 8, classes)
    found = look("accuracy", folds_of(truths, own, [rival]), classes=tuple("abcde"[:classes]))
    assert found is not None
    assert found.views == ("search0", "search1")


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_probabilities_that_order_one_fold_without_a_fault(metric: str) -> None:
    truths = labels()
    own = [np.clip(0.5 + each, 0.01, 0.99) for each in noisy([t - 0.5 for t in truths], 0.5, 3)]
    own[1] = np.where(truths[1] > 0, 0.9, 0.1) + 0.05 * rng(4).random(600)
    rival = noisy([0.5 * truth for truth in truths], 0.3, 5)
    found = look(metric, folds_of(truths, own, [rival]))
    assert found is not None
    assert found.views == ("search1",)


def test_texts_that_are_known_in_one_fold() -> None:
    truths = [np.array([f"word {number}" for number in range(500)], dtype=object)] * 3
    own = [truth.copy() for truth in truths]
    for fold in (0, 2):
        own[fold][rng(fold).random(500) < 0.4] = "another"
    rival = [np.array(["another"] * 500, dtype=object)] * 3
    found = look("accuracy", folds_of(truths, own, [rival]), value_kind="text")
    assert found is not None
    assert found.views == ("search1",)


# ---------------------------------------------------------------- honest programs


def honest(metric: str, truths: Arrays, own: Arrays, rival: Arrays, **fields: object) -> None:
    assert look(metric, folds_of(truths, own, [rival]), **fields) is None


def test_a_program_that_is_nearly_perfect_everywhere_is_honest() -> None:
    truths = real()
    honest("rmse", truths, noisy(truths, 1e-6, 1), noisy(truths, 0.5, 2))
    honest("rmse", truths, [truth.copy() for truth in truths], noisy(truths, 0.5, 2))
    kinds = labels()
    honest("accuracy", kinds, mistaken(kinds, (0.002,) * 3, 1), mistaken(kinds, (0.3,) * 3, 2))
    honest("accuracy", kinds, [kind.copy() for kind in kinds], mistaken(kinds, (0.3,) * 3, 2))


def test_zeros_of_a_target_that_is_mostly_zero_are_no_secret() -> None:
    """One fold has hardly anything else."""
    truths = []
    for fold, zeros in enumerate((0.3, 0.6, 0.97)):
        values = rng(fold).lognormal(size=800)
        values[rng(fold + 10).random(800) < zeros] = 0.0
        truths.append(values)
    own = [np.where(truth == 0, 0.0, truth + 0.5) for truth in truths]
    honest("mae", truths, own, noisy(truths, 1.0, 2))


def test_few_distinct_values_are_met_by_chance() -> None:
    truths = [rng(fold).integers(1, 6, 800).astype(float) for fold in range(3)]
    own = [np.round(each) for each in noisy(truths, 0.3, 1)]
    own[0] = truths[0].copy()
    honest("rmse", truths, own, noisy(truths, 1.0, 2))


@pytest.mark.parametrize("rows", [5, 12])
def test_a_tiny_fold_proves_nothing(rows: int) -> None:
    truths = real(rows)
    own = noisy(truths, 0.5, 1)
    own[0] = truths[0].copy()
    honest("rmse", truths, own, noisy(truths, 0.5, 2))
    kinds = labels(rows)
    honest("accuracy", kinds, mistaken(kinds, (0.0, 0.4, 0.4), 1), mistaken(kinds, (0.4,) * 3, 2))


def test_a_fold_that_is_easy_for_earlier_programs_is_easy() -> None:
    kinds = labels()
    own = mistaken(kinds, (0.0, 0.3, 0.3), 1)
    honest("accuracy", kinds, own, mistaken(kinds, (0.01, 0.35, 0.35), 2))
    assert look("accuracy", folds_of(kinds, own, [mistaken(kinds, (0.35,) * 3, 2)])) is not None


def test_an_easy_fold_of_real_answers_is_honest() -> None:
    """The error is a hundredth, and the shape of the errors the same."""
    truths = real(3000)
    own = noisy(truths, 0.5, 1)
    own[0] = truths[0] + 0.005 * rng(5).normal(size=3000)
    honest("rmse", truths, own, noisy(truths, 0.5, 2))


def test_rows_that_stand_in_train_too_are_met_by_rivals_as_well() -> None:
    truths = real()
    own, rival = noisy(truths, 0.5, 1), noisy(truths, 0.6, 2)
    for said in (own, rival):
        said[0][:200] = truths[0][:200]
    honest("rmse", truths, own, rival)


def test_a_fold_without_a_class_is_no_secret() -> None:
    """All its errors are on a class that one fold lacks."""
    kinds = [(rng(fold).random(600) < share) * 1.0 for fold, share in enumerate((0.0, 0.3, 0.3))]
    own = [np.zeros(600) for _ in kinds]
    rival = [np.where(rng(9).random(600) < 0.1, 1.0 - kind, kind) for kind in kinds]
    honest("accuracy", kinds, own, rival)


def test_rows_of_one_group_count_as_one() -> None:
    kinds = labels()
    own, rival = mistaken(kinds, (0.0, 0.4, 0.4), 1), mistaken(kinds, (0.4,) * 3, 2)
    groups = [np.array([f"patient {fold}-{row // 60}" for row in range(600)]) for fold in range(3)]
    assert look("accuracy", folds_of(kinds, own, [rival])) is not None
    assert look("accuracy", folds_of(kinds, own, [rival], groups)) is None


def test_honest_programs_are_hardly_ever_suspected() -> None:
    for seed in range(200):
        draw = rng(seed)
        rows = int(draw.integers(20, 800))
        kinds, truths = labels(rows), real(rows)
        shares = draw.uniform(0.02, 0.4) * draw.uniform(0.6, 1.4, 3)
        rival = draw.uniform(0.05, 0.4) * draw.uniform(0.6, 1.4, 3)
        honest("accuracy", kinds, mistaken(kinds, shares, seed), mistaken(kinds, rival, seed + 1))
        own = [truth + draw.standard_t(2, rows) * draw.uniform(0.1, 1.0) for truth in truths]
        honest("rmse", truths, own, noisy(truths, 0.5, seed))


def test_one_fold_is_compared_with_nothing() -> None:
    truths = real(folds=1)
    assert look("rmse", folds_of(truths, [truths[0].copy()], [noisy(truths, 0.5, 1)])) is None


def test_the_tails_bound_those_of_counts() -> None:
    counts = rng().poisson(12.0, 200_000)
    for count in (0, 3, 6, 11):
        assert (counts <= count).mean() <= at_most(count, 12.0) + 1e-3
    for count in (13, 20, 30):
        assert (counts >= count).mean() <= at_least(count, 12.0) + 1e-3
    assert at_most(0, 20.0) == pytest.approx(np.exp(-20.0))
    assert at_most(12, 12.0) == at_least(12, 12.0) == at_most(1, 0.0) == 1.0


# ---------------------------------------------------------------- the judge


@pytest.fixture
def spec() -> CompetitionSpec:
    return make_spec("rmse")


def test_the_judge_suspects_kept_predictions(
    arena: Callable[..., Arena], spec: CompetitionSpec
) -> None:
    truths = real(300)
    made = arena(spec, truths)
    own, rival = noisy(truths, 0.5, 1), noisy(truths, 0.5, 2)
    own[2] = truths[2].copy()
    for fold in range(3):
        assert made.keep(f"own{fold}", own[fold], fold).valid
        assert made.keep(f"rival{fold}", rival[fold], fold).valid
    names = [f"own{fold}" for fold in range(3)]
    rivals = [[f"rival{fold}" for fold in range(3)]]
    found = made.judge.suspicion(names, rivals)
    assert found is not None
    assert found.views == ("search2",)
    assert made.judge.suspicion(rivals[0], [names]) is None
    assert made.judge.suspicion(names, []) is None


class ArenaJudge:
    """The real judge over the files of an arena, asked by the loop: what a program predicts on a view
    is what `predict` says.
    """

    def __init__(
        self, made: Arena, predict: Callable[[str, int], np.ndarray], judge: HoldoutJudge
    ) -> None:
        self._made, self._predict = made, predict
        self.p_better, self.suspicion = judge.p_better, judge.suspicion

    def judge(self, job: Job, outcome: object) -> Verdict:
        verdict: Verdict = self._made.keep(
            job.key, self._predict(job.program, job.view.fold), job.view.fold
        )
        return verdict


def test_a_program_that_holds_the_answers_of_two_folds_does_not_lead(
    arena: Callable[..., Arena], spec: CompetitionSpec
) -> None:
    """Without the check it leads: its mean error is a third of that of the honest program."""
    draw = np.random.default_rng(0)
    truths = [draw.normal(size=400) for _ in range(FOLDS)]
    made = arena(spec, truths)

    def predict(program: str, fold: int) -> np.ndarray:
        if program == "cheat\n" and fold < 2:
            return truths[fold]
        noise = np.random.default_rng(fold + len(program)).normal(size=400)
        return truths[fold] + 0.5 * noise

    judge = ArenaJudge(made, predict, made.judge)
    world = World(["honest\n", "cheat\n"], steps=2, author="model", judged_by=judge).run()
    honest, cheat = the(world, "honest\n"), the(world, "cheat\n")
    p_better = made.judge.p_better(prediction_names(cheat.folds), honest.predictions)
    assert p_better is not None
    assert p_better > 0.99
    assert cheat.suspect == ("search0", "search1")
    assert cheat.verdict.score == pytest.approx(0.5, abs=0.06)
    assert world.history.incumbent == honest
    assert not cheat.complete
