"""The recogniser reads evaluation sections only, and would rather say nothing than guess."""

from __future__ import annotations

import pytest

from core.metric_names import BY_NAME
from core.task.metric.text import evaluation_sections, normalise, recognise, unweighted

BACKGROUND = """# Overview

Forest rangers want to raise the accuracy of their maps. In past years the RMSE was used by experts themselves,
and a Dice score of .8 was thought good.

"""


def said(sentence: str, heading: str = "## Evaluation") -> str | None:
    return recognise(
        f"{BACKGROUND}{heading}\n\n{sentence}\n\n## Timeline\n\nThe log loss of time.\n"
    ).name


FAMILIES = [
    (
        "Submissions are evaluated on [area under the ROC curve](http://a.b/Receiver_(x)) of the probability.",
        "roc_auc",
    ),
    (
        "Submissions are evaluated on mean column-wise ROC AUC: the average of the AUCs of each column.",
        "roc_auc",
    ),
    ("The metric is the Area under the Receiver Operating Characteristic curve (AUC).", "roc_auc"),
    ("Submissions are evaluated using the `roc_auc_score` of scikit-learn.", "roc_auc"),
    (
        "Submissions are evaluated on **area under the Precision-Recall curve**.",
        "average_precision",
    ),
    ("Submissions are evaluated using the average precision of the scores.", "average_precision"),
    (
        "Your score is the percentage of trees you correctly predict. This is known as accuracy.",
        "accuracy",
    ),
    ("Submissions will be evaluated based on their categorization accuracy", "accuracy"),
    ("Submissions are evaluated by the misclassification rate.", "error_rate"),
    (
        "Submissions are evaluated using the multi-class logarithmic loss. Each tree has one class.",
        "log_loss",
    ),
    ("Submissions are scored on binary cross-entropy.", "log_loss"),
    (
        "Submissions are scored on the root mean squared error. RMSE is defined as $$\\sqrt{x}$$",
        "rmse",
    ),
    ("Submissions are scored on MCRMSE, the mean columnwise root mean squared error.", "mcrmse"),
    ("Submissions are scored on the mean column-wise RMSE of both heights.", "mcrmse"),
    ("Submissions are scored on the mean squared error.", "mse"),
    ("Entries are scored by the mean absolute percentage error (MAPE).", "mape"),
    ("Submissions are evaluated on R<sup>2</sup>, the coefficient of determination.", "r2"),
    ("Submissions are evaluated on the Pearson correlation coefficient of the heights.", "pearson"),
    ("Entries are ranked by Pearson's r.", "pearson"),
    (
        "Submissions are evaluated on the mean column-wise Spearman's rank correlation coefficient.",
        "spearman",
    ),
    ("Submissions are evaluated on the Matthews Correlation Coefficient (MCC).", "mcc"),
    (
        "Submissions are evaluated on the Kullback-Leibler divergence of the shares.",
        "kl_divergence",
    ),
    ("Submissions are evaluated on the Kendall tau correlation of the orders.", "kendall"),
    (
        "Submissions are evaluated by Mean Average Precision @ 7 (MAP@7): the best seven trees count.",
        "map@7",
    ),
    ("The metric is MAP@{10}.", "map@10"),
    ("Submissions are evaluated according to the average precision at 3.", "map@3"),
    ("The metric is label-weighted label-ranking average precision (lwlrap).", "lwlrap"),
    ("The metric is label ranking average precision.", "lrap"),
    ("Submissions are evaluated on the probabilistic F1 score (pF1).", "probabilistic_f1"),
    ("Submissions are evaluated on the weighted F1 score.", "f1_weighted"),
    ("Submissions are evaluated on balanced accuracy.", "balanced_accuracy"),
    ("Submissions are evaluated on the mean Levenshtein distance of the names.", "levenshtein"),
    (
        "The score is the sum of the Levenshtein distances of all rows, divided by the total number of words.",
        "word_error_rate",
    ),
    ("Submissions are evaluated on the word error rate (WER).", "word_error_rate"),
    ("Submissions are evaluated on the character error rate.", "character_error_rate"),
    ("The metric is the word-level Jaccard score of your quotation.", "jaccard"),
    ("Submissions are evaluated on the global Dice coefficient.", "dice_global"),
    ("Submissions are evaluated on the mean Dice coefficient of the crowns.", "dice"),
    (
        "Submissions are evaluated on the Dice coefficient. It is computed for each image and averaged.",
        "dice",
    ),
    (
        "Submissions are evaluated on the mean average precision at different intersection over union (IoU) thresholds "
        "of the masks.",
        "iou_precision",
    ),
    (
        "Submissions are scored on the mean column-wise root mean squared logarithmic error.",
        "rmsle",
    ),
    (
        "Scored on Root-Mean-Squared-Error (RMSE) between the logarithm of the prediction and of the price.",
        "rmsle",
    ),
    ("The competition is scored as the mean absolute error of each tree's height.", "mae"),
    ("The accuracy of your forecasts is measured by the mean absolute error.", "mae"),
    (
        "Submissions are scored on the quadratic weighted kappa, which measures agreement.",
        "quadratic_weighted_kappa",
    ),
    (
        "We use Cohen's kappa with quadratic weights; entries are scored by it.",
        "quadratic_weighted_kappa",
    ),
    ("Submissions are evaluated using the macro F1 score.", "f1_macro"),
    (
        "Submissions are evaluated on the F1 score. Scores per species are macro averaged.",
        "f1_macro",
    ),
    (
        "Submissions will be evaluated on their micro averaged [F1 score](https://x.y/F1_score).",
        "f1_micro",
    ),
    ("The evaluation metric for this competition is Mean F1-Score.", "f1_micro"),
    (
        "Submissions are evaluated on SMAPE between forecasts and actual values. We define SMAPE = 0 when the actual "
        "and predicted values are both 0.",
        "smape",
    ),
    ("Submissions are evaluated on symmetric mean absolute percentage error.", "smape"),
    (
        "Submissions are evaluated on the Root Mean Square Percentage Error (RMSPE). The RMSPE is calculated as",
        "rmspe",
    ),
    ("Submissions are evaluated using the Normalized Gini Coefficient.", "normalized_gini"),
    ("Submissions are evaluated using the log-cosh loss of the heights.", "log_cosh"),
    ("Submissions are evaluated by the average pinball loss at the 0.9 quantile.", "pinball"),
    ("Your forecasts are scored on the quantile loss.", "pinball"),
    ("Submissions are evaluated by Cohen's kappa.", "cohen_kappa"),
    ("Submissions are scored on the kappa statistic.", "cohen_kappa"),
    ("Submissions are scored based on the linear weighted kappa.", "linear_weighted_kappa"),
    ("Scored by Cohen's kappa with linear weights.", "linear_weighted_kappa"),
    ("Submissions are evaluated by the Mean Reciprocal Rank (MRR).", "mrr"),
    ("Submissions are evaluated according to MRR@10.", "mrr@10"),
    ("Submissions are evaluated on the mean reciprocal rank at 5 (MRR@5).", "mrr@5"),
    (
        "The evaluation metric for this competition is NDCG (Normalized discounted cumulative gain) @k where k=5. "
        "NDCG is calculated as:",
        "ndcg@5",
    ),
    (
        "Submissions are evaluated using Normalized Discounted Cumulative Gain @ 10 (NDCG@10).",
        "ndcg@10",
    ),
    ("Scored on Normalized Discounted Cumulative Gain (NDCG@38) of the hotels.", "ndcg@38"),
    ("Submissions are evaluated by NDCG@{7}.", "ndcg@7"),
    (
        "Submissions are scored on the Brier score between the predicted chance and the outcome.",
        "brier",
    ),
    ("Submissions are evaluated on the Mean Absolute Scaled Error (MASE).", "mase"),
]

UNSCORED = [
    "Submissions are evaluated according to MAP@{K}.",
    "Submissions are evaluated on the mean average precision of the ranked trees.",
    "Submissions are evaluated on precision at k, where average precision is a related idea.",
    "Submissions are evaluated on precision at 5.",
    "Submissions are evaluated on mean average precision at different intersection over union thresholds of the boxes.",
    "Submissions are evaluated on mean average precision (mAP) at IoU > 0.6.",
    "This competition is evaluated on the mean Dice coefficient and the Hausdorff distance.",
    "Entries are judged by a modified version of the Dice coefficient, for each image.",
    "Submissions are evaluated on the Dice coefficient.",
    "Submissions are evaluated on the normalized Levenshtein distance.",
    "Submissions are evaluated on the weighted Pearson correlation coefficient.",
    "Submissions are evaluated on the mean of Pearson and Spearman correlation.",
    "Submissions are evaluated on the correlation coefficient.",
    "Submissions are evaluated on the adjusted R2 score.",
    "Submissions are evaluated on a modified version of the Laplace Log Likelihood.",
    "Submissions are evaluated using a weighted multi-label logarithmic loss.",
    "Submissions are evaluated on weighted AUC.",
    "Submissions are evaluated on the partial area under the ROC curve (pAUC) above 80 % true positive rate.",
    "Submissions are evaluated on the mean absolute error, where each error is clipped at 100.",
    "Half of the score is the RMSE of the heights, the other half the accuracy of the kinds.",
    "Submissions are evaluated by top-5 accuracy.",
    "Submissions are evaluated by the top-3 error.",
    "Submissions are evaluated on the sample-averaged F1 score.",
    "Submissions are evaluated using the F1 score.",
    "Submissions are evaluated using a modified version of the micro F1 score.",
    "Submissions are evaluated on the F-beta score.",
    "Submissions are scored by kappa.",
    "Submissions are evaluated by the weighted Cohen's kappa.",
    "Submissions are evaluated by Fleiss' kappa.",
    "Submissions are evaluated by Cohen's kappa, weighted by the squares of the distances.",
    "Submissions are evaluated by the Gini coefficient.",
    "Submissions are evaluated on the normalized weighted Gini coefficient.",
    "Submissions are evaluated on NDCG.",
    "Submissions are evaluated on the discounted cumulative gain at 5.",
    "Submissions are evaluated on MRR@K of the ranked trees.",
    "Submissions are evaluated on the weighted scaled pinball loss.",
    "Submissions are evaluated on the Brier skill score.",
    "Submissions are evaluated on the time-dependent Brier score.",
    "Submissions are evaluated on the IPCW Brier score.",
    "Submissions are evaluated on the median SMAPE.",
    "Submissions are evaluated on the modified RMSPE.",
    "Submissions are evaluated on the truncated nDCG@5.",
    "Submissions are evaluated on the smoothed pinball loss.",
    "Submissions are evaluated on the adjusted SMAPE.",
    "Submissions are evaluated on the weighted root mean squared scaled error (RMSSE).",
    "Submissions are evaluated on the mean squared log error.",
    "Submissions are evaluated on the mean angular error.",
    "Submissions are scored on the 50th percentile of how far the trees are.",
    "Submissions are scored by the average of AUC and log loss.",
    "The metric combines several submetrics. Overall AUC: the ROC-AUC of all rows.",
]


@pytest.mark.parametrize(("sentence", "name"), FAMILIES)
def test_families(sentence: str, name: str) -> None:
    assert said(sentence) == name


@pytest.mark.parametrize("sentence", UNSCORED)
def test_metrics_without_scorer_give_none_and_say_so(sentence: str) -> None:
    found = recognise(f"## Evaluation\n\n{sentence}\n")
    assert found.name is None
    assert found.evidence


@pytest.mark.parametrize(
    "heading",
    ["# Evaluation", "#### Evaluation", "## **Evaluation**", "**Evaluation**", "Evaluation\n==========", "# Metric",
     "### Evaluation metric", "<h3>Evaluation</h3>", "Evaluation\n---", "EVALUATION", "METRIC:",
     "## 3. How will submissions be scored?"],
)  # fmt: skip
def test_headings(heading: str) -> None:
    assert said("Mean\nabsolute\u00a0error of *each* row.", heading) == "mae"


def test_terse_sections() -> None:
    assert (
        recognise("# Task\n\nFind trees.\n\n# Metric\n\nLog loss.\n\n# Data\n\nAUC\n").name
        == "log_loss"
    )
    assert recognise("Find trees.\n\nMetric: RMSE\n").name == "rmse"


def test_sub_headings_belong_and_formats_do_not() -> None:
    text = "## Evaluation\n\n### Goal\n\nFind trees.\n\n### Metric\n\nScored by RMSE.\n\n### Submission File\n\nMAE\n"
    assert recognise(text).name == "rmse"
    assert "MAE" not in evaluation_sections(text)[0]


def test_an_empty_heading_takes_the_next_section() -> None:
    assert recognise("## Evaluation\n\n## How scores work\n\nScored by RMSE.\n").name == "rmse"


def test_lesson_02_words_outside_the_evaluation_section_decide_nothing() -> None:
    assert (
        recognise(BACKGROUND + "They do it by themselves with high accuracy and low RMSE.\n").name
        is None
    )
    assert recognise(BACKGROUND + "## Evaluation\n\nParticipants judge themselves.\n").name is None
    assert said("Solve the tasks by themselves; submissions are evaluated on MAE.") == "mae"


def test_lesson_02_accuracy_in_the_prose_of_the_section_gives_way() -> None:
    text = "Rangers need accuracy. In the previous edition accuracy was used. Submissions are evaluated on log loss."
    assert said(text) == "log_loss"
    assert said("Submissions are evaluated on log loss rather than accuracy.") == "log_loss"
    assert said("The baseline reaches an RMSE of 0.5. The jury computes a profit.") is None
    assert (
        said(
            "Submissions are scored on RMSE. Ties are broken by MAE. An efficiency prize uses AUC."
        )
        == "rmse"
    )


def test_lesson_02_direction_comes_with_the_name() -> None:
    text = "Submissions are scored on the log loss. The highest ranked team, with the highest accuracy of work, wins."
    name = said(text)
    assert name is not None
    assert BY_NAME[name].direction == "minimize"


def test_a_rubric_behind_an_unknown_metric_decides_nothing() -> None:
    """The evaluation section had its say, in words that are not known."""
    text = "## Evaluation\n\nEntries are evaluated by our own measure.\n\n## Scoring of reports\n\nHow high is accuracy?\n"  # noqa: E501
    assert recognise(text).name is None
    assert "our own measure" in recognise(text).evidence
    assert recognise(text + "\n## Evaluation metric\n\nRMSE\n").name == "rmse"


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("Submissions are evaluated on weighted mean absolute error (WMAE).", "mae"),
        ("Scored on the sample-weighted log loss.", "log_loss"),
        ("We use wRMSE.", "rmse"),
        ("Scored by weighted kappa.", None),
        ("Scored on WRMSSE.", None),
        ("Scored on mean absolute error.", None),
        ("Scored on a weighted sum of RMSE and AUC.", None),
    ],
)
def test_the_plain_metric_of_a_weighted_one(sentence: str, name: str | None) -> None:
    assert unweighted(sentence) == name


def test_a_link_that_is_never_closed_takes_its_line_only() -> None:
    text = "## About\n\nSee [us]((https://x.y/), and [them](https://z.\n\n## Evaluation\n\nScored by RMSE.\n"
    assert recognise(text).name == "rmse"


def test_code_and_formulas_name_nothing() -> None:
    assert said("Predict well.\n\n```python\nmetrics.roc_auc_score(y, p)\n```\n") is None
    assert said("Predict well: $$RMSE = \\sqrt{x}$$") is None


def test_no_text() -> None:
    assert recognise("").name is None
    assert recognise("").evidence == ""


def test_normalise_takes_links_tags_and_odd_spaces() -> None:
    assert normalise("<p>[ROC\u00a0curve](http://a_(b))\u200b</p>").strip() == "ROC curve"
