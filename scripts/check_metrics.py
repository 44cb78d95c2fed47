"""Runs the metric recogniser over the descriptions of a local mle-bench checkout: right, missing or
wrong, and a table. Writes the tables of docs/metrics.md.

    MLE_BENCH_DIR=DIR python scripts/check_metrics.py [--text NAME] [--expected FILE]
    python scripts/check_metrics.py --write | --page

Expected is what the checkout's graders say: the name of the grader, or where the grader is one call
of scikit-learn or scipy, what it calls; where the two differ, either will do. --expected takes a
JSON list of {"id", "metric", "direction"} instead, in which the name of a metric without a scorer
begins with "custom:". Exit status: 0 when nothing is missing or wrong, else 1; 3 and a line NOT RUN
without a checkout. Nothing of the checkout is kept. --write brings the page up to date with the
registry, --page says by its exit status (0 or 1) whether it is.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.metric_names import BY_NAME, METRICS, MetricName
from core.task.metric.text import recognise

NOT_RUN = 3
PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- metrics: begin -->", "<!-- metrics: end -->"
CELLS = {
    "probability": "a number from 0 to 1",
    "label": "one of the labels of train",
    "real": "a number",
    "list": "words separated by spaces",
    "text": "a free text",
    "mask": "run lengths, pairs of first pixel and length from 1",
}
LISTS = {
    "sets": "lists are sets",
    "rankings": "lists have the best words first",
    "orders": "lists are orders of the row's own words",
    "sequences": "lists are sequences of numbers",
}
SHARES = {
    "never": "",
    "possibly": "columns may be shares of one whole",
    "always": "columns are shares of one whole, or votes",
}
# Grader names that end or begin like this; the first that fits.
GRADERS = {
    r"weighted-auroc|weighted-multi|bias|mAP|mean-average-precision|combo|f0|^f1-score|haversine": "",
    r"auc|auroc": "roc_auc",
    r"log-mean-absolute": "log_mae",
    r"map.at.(\d+)|map@(\d+)": "map@",
    r"quadratic": "quadratic_weighted_kappa",
    r"kl-divergence": "kl_divergence",
    r"log-loss": "log_loss",
    r"spearman": "spearman",
    r"pearson": "pearson",
    r"matthews": "mcc",
    r"kendall": "kendall",
    r"label-ranking": "lwlrap",
    r"global-dice": "dice_global",
    r"dice": "dice",
    r"levens?h": "levenshtein",
    r"jaccard": "jaccard",
    r"precision-intersection": "iou_precision",
    r"rmsle": "rmsle",
    r"root.mean.squared": "rmse",
    r"mean-absolute-error": "mae",
    r"probabilistic-f1": "probabilistic_f1",
    r"macro-f1": "f1_macro",
    r"micro-f1": "f1_micro",
    r"classification-error": "error_rate",
    r"accuracy": "accuracy",
}
CALLS = {
    "roc_auc_score": "roc_auc",
    "mean_absolute_error": "mae",
    "cohen_kappa_score": "quadratic_weighted_kappa",
    "accuracy_score": "accuracy",
    "root_mean_squared_error": "mcrmse",
}
# The same metric under the names of other lists, and what a column-wise mean is called here.
SAME = {
    "mean_columnwise_roc_auc": "roc_auc",
    "multiclass_log_loss": "log_loss",
    "levenshtein_mean": "levenshtein",
    "matthews_corrcoef": "mcc",
    "custom:lwlrap": "lwlrap",
    "custom:mean_log_mae_by_type": "log_mae",
    "custom:levenshtein_sum_over_true_length": "word_error_rate",
}


@dataclass(frozen=True)
class DescriptionCase:
    """accepted: names that are right; None stands for "no metric". direction: None where it is not
    known.
    """

    name: str
    accepted: frozenset[str | None]
    direction: str | None = None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--mle-bench", type=Path, default=os.environ.get("MLE_BENCH_DIR"), help="the checkout"
    )
    parser.add_argument("--expected", type=Path, help="JSON list of id, metric and direction")
    parser.add_argument(
        "--text", default="description.md", help="name of the description in each folder"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="only what is missing or wrong, and the counts"
    )
    parser.add_argument("--write", action="store_true", help="write the tables of docs/metrics.md")
    parser.add_argument("--page", action="store_true", help="is docs/metrics.md up to date?")
    options = parser.parse_args()
    if options.write or options.page:
        return _page(options.write)
    root = options.mle_bench / "mlebench" / "competitions" if options.mle_bench else None
    if root is None or not root.is_dir():
        print("NOT RUN: MLE_BENCH_DIR names no mle-bench checkout", file=sys.stderr)
        return NOT_RUN
    cases = list(_listed(options.expected) if options.expected else _of_graders(root))
    verdicts = Counter(_verdict(root, case, options.text, options.quiet) for case in cases)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))
    return 1 if verdicts["missing"] or verdicts["wrong"] else 0


def _page(write: bool) -> int:
    """Exit status; the page is up to date when it was written."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    fresh = f"{before}{BEGIN}\n\n{tables()}\n{END}{rest.split(END)[1]}"
    if write:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != text:
        print("docs/metrics.md is old: python scripts/check_metrics.py --write", file=sys.stderr)
        return 1
    return 0


def tables() -> str:
    """What the registry says of every kind of values and of every metric."""
    lines = ["| values | a cell is | metrics |", "|---|---|---|"]
    for kind, cell in CELLS.items():
        names = ", ".join(metric.name for metric in METRICS if kind in metric.kinds)
        lines.append(f"| `{kind}` | {cell} | {names} |")
    lines += ["", "| metric | better | worst, best | best constant | what else |"]
    lines.append("|---|---|---|---|---|")
    lines += [_row(metric) for metric in METRICS]
    return "\n".join(lines) + "\n"


def _row(metric: MetricName) -> str:
    better = "higher" if metric.direction == "maximize" else "lower"
    ends = ", ".join("none" if end is None else f"{end:g}" for end in metric.bounds)
    constant = {
        "label": "the commonest",
        "real": metric.constant.replace("_", " "),
        "probability": "the share",
    }.get(metric.predicts, "")
    return f"| {metric.name} | {better} | {ends} | {constant} | {'; '.join(_facts(metric))} |"


def _facts(metric: MetricName) -> Iterator[str]:
    needs = metric.needs
    facts = {
        "only the order counts": metric.by_ranks,
        "rows are not weighed": not metric.weighable,
        "a mean over classes": metric.over_classes,
        SHARES[needs.of_shares]: needs.of_shares != "never",
        "several columns": needs.several_columns,
        "labels are numbers": needs.numeric_labels,
        "constants have no value": needs.varied,
        f"no value below {needs.least or 0:g}": needs.least is not None,
        LISTS[needs.lists]: "list" in metric.kinds,
    }
    if metric.parameter is not None:
        yield f"a {metric.parameter.meaning} per target"
    yield from (fact for fact, holds in facts.items() if holds)


def _verdict(root: Path, case: DescriptionCase, file: str, quiet: bool) -> str:
    found = recognise((root / case.name / file).read_text(encoding="utf-8"))
    known = BY_NAME.get(found.name) if found.name else None
    right = found.name in case.accepted and (
        known is None or case.direction in (None, known.direction)
    )
    verdict = "missing" if found.name is None else "wrong"
    if right:
        verdict = "right metric" if found.name else "rightly nothing"
    if not (quiet and right):
        wanted = " or ".join(sorted(str(name) for name in case.accepted))
        print(f"{verdict:<16}{case.name[:44]:<46}{found.name!s:<26}{'' if right else wanted}")
    return verdict


def _listed(path: Path) -> Iterator[DescriptionCase]:
    for row in json.loads(path.read_text(encoding="utf-8")):
        name = SAME.get(row["metric"], row["metric"])
        name = name if name in BY_NAME else None
        yield DescriptionCase(row["id"], frozenset({name}), row["direction"] if name else None)


def _of_graders(root: Path) -> Iterator[DescriptionCase]:
    for config in sorted(root.glob("*/config.yaml")):
        named = re.search(
            r"grader:\s*\n\s+name: *['\"]?([^'\"\n]+)", config.read_text(encoding="utf-8")
        )
        code = (config.parent / "grade.py").read_text(encoding="utf-8")
        accepted = {_by_name(named[1])} if named else set()
        called = {metric for call, metric in CALLS.items() if re.search(rf"\b{call}\(", code)}
        if "levenshtein" in accepted and re.search(r"distances? / ", code):
            accepted = {"word_error_rate"}
        yield DescriptionCase(config.parent.name, frozenset(accepted | called))


def _by_name(grader: str) -> str | None:
    for words, metric in GRADERS.items():
        if match := re.search(words, grader if "mAP" in grader else grader.lower()):
            number = next((group for group in match.groups() if group), "")
            return f"{metric}{number}" or None
    return None


if __name__ == "__main__":
    sys.exit(main())
