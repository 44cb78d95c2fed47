"""Decides the metric once: configuration, description, or what fits the values."""

from __future__ import annotations

from dataclasses import replace

from core.metric_names import BY_NAME, QUANTILE, MetricName
from core.records import MetricSpec
from core.task.hints import Hints, MetricAnswer
from core.task.metric.answers import Answers, fallback
from core.task.metric.columns import (
    NO_COLUMNS,
    RowColumns,
    asked_columns,
    levels_named,
    weight_named,
)
from core.task.metric.parameters import quantiles_of, with_quantiles
from core.task.metric.text import evaluation_sections, left_out, recognise, unweighted
from core.task.metric.value_kinds import kind_of
from utils.config_schema import DIRECTIONS, TaskConfig
from utils.errors import ConfigError

# What stands in when the user knows the direction only.
_OTHER_WAY = {"accuracy": "error_rate", "roc_auc": "log_loss", "log_loss": "roc_auc"}


def choose_metric(
    description: str,
    answers: Answers,
    hints: Hints,
    columns: RowColumns = NO_COLUMNS,
) -> tuple[MetricSpec, list[str]]:
    """The metric and lines for the notes. Raises ConfigError for overrides that cannot be.

    columns: those that may say how rows count in the score.
    """
    section = "\n\n".join(evaluation_sections(description))
    metric, notes = _named(description, section, answers, hints, columns)
    metric, quantiles = with_quantiles(metric, section, answers.targets)
    notes += quantiles
    if metric.source == "description" and (name := levels_named(metric.name, section, columns)):
        metric = replace(metric, mean_over=name)
    metric = asked_columns(metric, columns, hints.user)
    if sentence := left_out(section):
        why = f"every held-out row counts here, but the description says: {sentence!r}"
        notes.append(f"metric: {why}")
    if metric.weight_column is not None:
        notes.append(f"metric: rows weigh what {metric.weight_column!r} says")
    if metric.mean_over is not None:
        values = f"the values of {metric.mean_over!r}"
        notes.append(f"metric: the mean over {values} of each one's {metric.name}")
    return metric, notes


def _named(
    description: str,
    section: str,
    answers: Answers,
    hints: Hints,
    columns: RowColumns,
) -> tuple[MetricSpec, list[str]]:
    direction = _direction(hints.user)
    if (chosen := _of_user(hints.user, answers)) is not None:
        return chosen, []
    found = recognise(description)
    if found.name is not None:
        metric = BY_NAME[found.name]
        problem = _problem(metric, section, answers)
        if not problem:
            _agree(metric, direction)
            return MetricSpec(metric.name, metric.direction, "description", found.evidence), []
        why = f"the description names {metric.name}, but {problem}"
    elif found.evidence:
        why = f"the description names a metric without a scorer here: {found.evidence!r}"
    else:
        why = "no metric found in the description" if description.strip() else "no description"
    plain = _unweighted(found.evidence, answers, direction)
    if plain is not None and plain.weighable and (name := weight_named(section, columns)):
        return MetricSpec(plain.name, plain.direction, "description", found.evidence, name), []
    if reading := _of_model(section, answers, hints.metric, direction):
        return reading, []
    metric = plain or _proxy(answers, direction)
    how = metric.name
    if plain is not None:
        how += " without its weights"
    note = f"metric: {why}; {how} stands in"
    return MetricSpec(metric.name, metric.direction, "fallback", why), [note]


def _problem(metric: MetricName, section: str, answers: Answers) -> str:
    """Why the metric that a text names cannot be scored here, "" where it can."""
    if metric.parameter == QUANTILE and not quantiles_of(section, answers.targets):
        return "it does not say which quantiles"
    return kind_of(metric, answers)[1]


def _of_user(task: TaskConfig, answers: Answers) -> MetricSpec | None:
    if not task.metric:
        return None
    metric = _known(task.metric)
    _agree(metric, task.direction)
    if problem := kind_of(metric, answers)[1]:
        raise ConfigError(f"task.metric={task.metric} does not fit the data: {problem}")
    return MetricSpec(metric.name, metric.direction, "config", "task.metric")


def _unweighted(evidence: str, answers: Answers, direction: str | None) -> MetricName | None:
    """The scorer of which a weighted variant is named; nearer to it than what the values alone
    suggest.
    """
    metric = BY_NAME.get(unweighted(evidence) or "")
    if metric is None or direction not in (None, metric.direction) or kind_of(metric, answers)[1]:
        return None
    return metric


def _of_model(
    section: str, answers: Answers, reading: MetricAnswer | None, direction: str | None
) -> MetricSpec | None:
    """A language model's metric where it fits the labels, and a direction that the user set."""
    if reading is None or reading.name not in BY_NAME:
        return None
    metric = BY_NAME[reading.name]
    if direction not in (None, metric.direction) or _problem(metric, section, answers):
        return None
    return MetricSpec(metric.name, metric.direction, "llm", reading.why)


def _known(name: str) -> MetricName:
    if name not in BY_NAME:
        raise ConfigError(f"unknown task.metric {name!r}; known: {', '.join(sorted(BY_NAME))}")
    return BY_NAME[name]


def _direction(task: TaskConfig) -> str | None:
    direction = task.direction
    if direction not in (None, *DIRECTIONS):
        raise ConfigError(f"task.direction must be maximize or minimize, not {direction!r}")
    return direction


def _agree(metric: MetricName, direction: str | None) -> None:
    if direction not in (None, metric.direction):
        raise ConfigError(
            f"task.direction={direction}, but {metric.name} is better when it is {_word(metric)}"
        )


def _word(metric: MetricName) -> str:
    return "higher" if metric.direction == "maximize" else "lower"


def _proxy(answers: Answers, direction: str | None) -> MetricName:
    metric = fallback(answers) if kind_of(BY_NAME["dice"], answers)[1] else BY_NAME["dice"]
    if direction in (None, metric.direction):
        return metric
    other = BY_NAME.get(_OTHER_WAY.get(metric.name, ""))
    if other is None:
        raise ConfigError(
            f"task.direction={direction} fits no metric for these values; set task.metric too"
        )
    return other
