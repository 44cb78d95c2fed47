"""The part of a prompt that stays the same over a run, byte for byte: rules, competition, data and
machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.prompting.description import cut_description
from agents.prompting.phrases import Phrases
from agents.prompting.prompt_parts import listed, package_list, sample_path
from core.metric_names import BY_NAME
from core.records import CompetitionSpec, SplitSpec
from core.task.preview import Preview
from core.task.preview_text import preview_text
from utils.prompt_manager import PromptManager
from utils.text import cap
from utils.untrusted import fence, one_line, plain

# Characters of each part.
DESCRIPTION, PREVIEW, WEIGHTS, WARNINGS = 5600, 4000, 800, 600
_SHOWN_CLASSES, _SHOWN_COLUMNS = 12, 8
_SPAN = 120


@dataclass(frozen=True, slots=True)
class CandidateMachine:
    """What a candidate program finds. packages: distribution name -> version. cpus, memory_mb: of
    one program.

    gpus: names of the devices that one program gets. weights: inventory of the pretrained weights, or
    why there are none; "" where they are of no use. pretrained: some can be used here.
    """

    python: str
    packages: Mapping[str, str]
    cpus: int
    memory_mb: int
    gpus: tuple[str, ...] = ()
    weights: str = ""
    pretrained: bool = False

    @property
    def cpu_words(self) -> str:
        if self.cpus == 1:
            return "1 CPU"
        return f"{self.cpus} CPUs"

    @property
    def gib(self) -> str:
        """Its memory in whole GiB."""
        return f"{self.memory_mb / 1024:.0f}"


@dataclass(frozen=True, slots=True)
class Offers:
    """What the harness does with a program beside running it. values: it tries those of `# tune:`
    comments. blended: it blends finished programs.
    """

    values: bool = True
    blended: bool = True


EVERY_OFFER = Offers()


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is known about the competition. warnings: suspicions of leaks, as the journal's `spec`
    event has them. spans: what each view holds out, by its name (core.records.View.span). offers:
    as configured.
    """

    spec: CompetitionSpec
    preview: Preview | None = None
    split: SplitSpec | None = None
    warnings: tuple[str, ...] = ()
    spans: Mapping[str, str] = field(default_factory=dict)
    offers: Offers = EVERY_OFFER

    @property
    def offered(self) -> Offers:
        """What is done in this competition: nothing where programs measure themselves, for then
        values that flatter would win and no rows are there to blend by.
        """
        if self.split is not None and self.split.kind == "none":
            return Offers(values=False, blended=False)
        return self.offers


class SystemText:
    """Writes the system text of a run. Text from outside is fenced."""

    def __init__(
        self, facts: TaskFacts, machine: CandidateMachine, prompts: PromptManager, phrases: Phrases
    ) -> None:
        self._facts = facts
        self._spec = facts.spec
        self._machine = machine
        self._prompts = prompts
        self._phrase = phrases

    def text(self) -> str:
        """Raises ValueError when the template does not fit the values that it gets."""
        spec = self._spec
        description = cut_description(spec.description, DESCRIPTION)
        return self._prompts.render(
            "system",
            sample=sample_path(spec, "sample_submission.csv"),
            columns=self._columns(),
            cells=self._cells(),
            metric=self._metric(),
            direction=self._phrase("direction", spec.metric.direction),
            scored=self._scored(),
            description=fence(description or "No description was given."),
            preview=fence(self._preview() or "Nothing was looked at."),
            warnings=self._warnings(),
            values=self._offered("values", self._facts.offered.values),
            blended=self._offered("blended", self._facts.offered.blended),
            machine=self._machine_text(),
            folder=self._phrase("machine", "folder") if self._machine.pretrained else "",
        ).rstrip("\n")

    # ------------------------------------------------------------ the submission

    def _columns(self) -> str:
        names: list[str] = []
        for name in (*self._spec.ids.columns, *self._spec.answers.targets):
            names.append(one_line(name, 40) or "without a name")
        return listed(names, _SHOWN_COLUMNS)

    def _cells(self) -> str:
        """What a cell of an answer is."""
        answers, kind = self._spec.answers, self._spec.value_kind
        if kind == "label":
            return self._phrase("cells", "label", classes=self._classes_shown())
        if answers.one_hot:
            return self._phrase("cells", "one_hot", label=one_line(answers.labels[0], 40))
        if kind == "probability" and answers.exclusive:
            return self._phrase("cells", "shares")
        if kind == "probability":
            return self._phrase("cells", "probability", of=self._of_second_class())
        if kind == "list":
            return self._phrase("cells", "list", most=self._most_words())
        return self._phrase("cells", kind)

    def _classes_shown(self) -> str:
        if not self._spec.answers.classes:
            return ""
        classes = [one_line(name, 30) for name in self._spec.answers.classes]
        return f": {listed(classes, _SHOWN_CLASSES)}"

    def _of_second_class(self) -> str:
        classes = self._spec.answers.classes
        if len(classes) != 2:
            return ""
        return f" that the label is `{one_line(classes[1], 30)}`"

    def _most_words(self) -> str:
        most = BY_NAME[self._spec.metric.name].at
        if most is None:
            return ""
        return f", best first; {most} of them count"

    # ------------------------------------------------------------ the score

    def _metric(self) -> str:
        metric = self._spec.metric
        if metric.source == "generated":
            return self._phrase("metric", "generated")
        if metric.source == "fallback":
            return metric.name + self._phrase("metric", "fallback")
        text = metric.name
        if len(self._spec.answers.labels) > 1:
            text += self._phrase("metric", "column_mean")
        parameter = BY_NAME[metric.name].parameter
        if parameter is not None and metric.parameters:
            numbers = ", ".join(f"{number:.6g}" for number in metric.parameters)
            text += self._phrase("metric", parameter.meaning, numbers=numbers)
        if metric.weight_column is not None:
            column = one_line(metric.weight_column, 40)
            text += self._phrase("metric", "weighted", column=column)
        if metric.mean_over is not None:
            text += self._phrase("metric", "mean_over", column=one_line(metric.mean_over, 40))
        return text

    def _scored(self) -> str:
        split = self._facts.split
        if split is None:
            return self._phrase("scored", "held_out", split="")
        if split.kind != "none":
            return self._phrase("scored", "held_out", split=self._held_out(split))
        report = json.dumps({"score": 0.123, "direction": self._spec.metric.direction})
        return self._phrase("scored", "reported", report=report)

    def _held_out(self, split: SplitSpec) -> str:
        folds = f"{split.folds} folds"
        if split.folds == 1:
            folds = "one part"
        columns = {"group": split.group_column, "time": split.time_column}
        if split.kind not in columns:
            return self._phrase("held_out", split.kind, folds=folds)
        column = one_line(columns[split.kind] or "", 40)
        return self._phrase("held_out", split.kind, folds=folds, column=column)

    def _offered(self, name: str, on: bool) -> str:
        return self._phrase("search", name) if on else ""

    # ------------------------------------------------------------ data and machine

    @property
    def tells_windows(self) -> bool:
        """The text says what each fold holds out, so that nothing else has to."""
        return self._facts.preview is not None and bool(self._windows())

    def _preview(self) -> str:
        if self._facts.preview is None:
            return ""
        windows = self._windows()
        if not windows:
            return preview_text(self._facts.preview, PREVIEW)
        return f"{preview_text(self._facts.preview, PREVIEW - len(windows) - 1)}\n{windows}"

    def _windows(self) -> str:
        """From when to when each fold is, or how many groups it has, beside what is asked for; "" for
        random folds.
        """
        split, spans = self._facts.split, self._facts.spans
        if split is None or split.kind not in ("time", "group"):
            return ""
        names = sorted(name for name in spans if name.startswith("search") and spans[name])
        if not names:
            return ""
        lines = [
            f"- fold {name.removeprefix('search')}: {one_line(spans[name], _SPAN)}"
            for name in names
        ]
        asked = f"\n- the test rows: {one_line(spans['full'], _SPAN)}" if spans.get("full") else ""
        return "Held-out rows that score a program, fold by fold:\n" + "\n".join(lines) + asked

    def _warnings(self) -> str:
        if not self._facts.warnings:
            return ""
        lines = "\n".join(f"- {one_line(warning, 200)}" for warning in self._facts.warnings)
        shown = fence(cap(lines, WARNINGS, head_share=1.0))
        return self._prompts.render("warnings", warnings=shown)

    def _machine_text(self) -> str:
        machine = self._machine
        return self._prompts.render(
            "machine",
            python=machine.python,
            cpus=machine.cpu_words,
            memory=self._phrase("machine", "memory", gib=machine.gib),
            gpus=listed(sorted(machine.gpus), 4) or self._phrase("machine", "no_gpu"),
            packages=package_list(machine.packages),
            weights=self._weights(),
        ).rstrip("\n")

    def _weights(self) -> str:
        if not self._machine.weights:
            return self._phrase("machine", "no_weights")
        return fence(cap(plain(self._machine.weights), WEIGHTS, head_share=1.0))
