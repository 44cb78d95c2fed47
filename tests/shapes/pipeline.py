"""One folder through the real services: spec, baseline, split, views, one recipe program in its
box, scores.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from agents.recipes.catalog import all_packages
from agents.recipes.proposer import RecipesProposer
from core.execution.box import Box, BoxLimits
from core.execution.detection import detect
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.stop import StopSignal
from core.execution.weights import NOTHING
from core.judging.service import HoldoutJudge
from core.records import Brief, CompetitionSpec, Job, SplitSpec, Verdict, View
from core.task.hints import NO_HINTS
from core.task.service import TaskService
from tests.shapes.grading import InvalidSubmissionError, grade
from tests.shapes.shape import Shape
from utils.errors import SwarmError
from utils.packages import installed
from utils.process import WorkerProcess

SEED, HOLDOUT_MAX_ROWS, LIMIT_S = 7, 50_000, 90.0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a folder. Scores are in the metric's unit, None where there is none.

    baseline, private: scores on the private answers. holdout: what the harness measured. plan: the
    recipe. reason: why it is not scored by holdout, or what else went wrong; "" where nothing did.
    """

    name: str
    metric: str
    direction: str
    split: str = "none"
    baseline: float | None = None
    holdout: float | None = None
    private: float | None = None
    scored_by: str = "none"
    plan: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def beats_baseline(self) -> bool:
        if self.private is None or self.baseline is None:
            return False
        return (self.private > self.baseline) == (
            self.direction == "maximize"
        ) and self.private != self.baseline


class Pipeline:
    """One task worker and one judging worker for all folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._task = TaskService(root / "task.log")
        self._scorer = WorkerProcess("core.judging.worker", log=root / "judge.log")
        self._environ = dict(os.environ)
        self._facts = replace(detect(root, (), (), self._environ), user_switch=False)

    def close(self) -> None:
        self._task.close()
        self._scorer.close()

    def run(self, shape: Shape) -> Result:
        """Errors of the product become the reason; everything else is a bug and goes up."""
        began = time.monotonic()
        asked = shape.expected
        result = Result(shape.name, asked.metric, asked.direction)
        for step in self._steps(shape):
            result = replace(result, **step)
        return replace(result, seconds=time.monotonic() - began)

    def _steps(self, shape: Shape) -> Iterator[dict[str, object]]:
        """Fields of the result as they become known, until something fails."""
        home = self._root / shape.name
        shape.build(home)
        answers = home / "private" / "answers.csv"
        try:
            spec = self.inspect(shape, home)
            self.baseline(spec, home / "baseline.csv")
            yield {"baseline": grade(shape, home / "baseline.csv", answers)}
            split, views = self.views(spec, home, ["search0"])
            yield {"split": split.kind}
            view = views[0]
            program, plan = self.program(spec)
            yield {"plan": plan}
            verdict, submission = self._execute(spec, home, view, program)
            yield {
                "holdout": verdict.score,
                "scored_by": verdict.scored_by,
                "reason": "; ".join(verdict.reasons)[:300],
            }
            if submission is not None and verdict.valid:
                yield {"private": grade(shape, submission, answers, subset=True)}
        except (SwarmError, InvalidSubmissionError) as error:
            yield {"reason": f"{type(error).__name__}: {error}"[:300]}

    def inspect(self, shape: Shape, home: Path) -> CompetitionSpec:
        """home: where the shape was built."""
        return self._task.inspect(home / "public", shape.description, NO_HINTS, home / "workspace")

    def baseline(self, spec: CompetitionSpec, out_csv: Path) -> None:
        self._task.baseline(Path(spec.data_dir), spec, out_csv)

    def views(
        self, spec: CompetitionSpec, home: Path, names: list[str] | None = None
    ) -> tuple[SplitSpec, list[View]]:
        """The split as it is decided without a wish, and the named search views (all without
        names).
        """
        split = self._task.plan_split(spec, SEED, HOLDOUT_MAX_ROWS)
        names = [f"search{fold}" for fold in range(split.folds)] if names is None else names
        built, split = self._task.build_views(spec, split, home / "workspace", names)
        return split, built

    def program(self, spec: CompetitionSpec, step: int = 0) -> tuple[str, str]:
        """(text, plan) of the recipes' draft."""
        proposer = RecipesProposer(spec, installed(all_packages()))
        proposal = proposer.propose(Brief(step, "draft", SEED, seconds=LIMIT_S))
        return proposal.program, proposal.plan

    def _execute(
        self, spec: CompetitionSpec, home: Path, view: View, program: str
    ) -> tuple[Verdict, Path | None]:
        job = Job(f"{home.name}-{view.name}", "s0000", program, view, SEED, LIMIT_S)
        outcome = self._runner(home).run(job)
        verdict = HoldoutJudge(spec, home / "predictions", worker=self._scorer).judge(job, outcome)
        if not verdict.valid and outcome.error is not None:
            told = f"{outcome.error.type}: {outcome.error.message}"
            verdict = replace(verdict, reasons=(*verdict.reasons, told))
        return verdict, Path(outcome.submission) if outcome.submission else None

    def _runner(self, home: Path) -> BoxRunner:
        cpus = sorted(os.sched_getaffinity(0))
        protected = (home / "public", home / "private", home / "workspace" / "prepared")
        return BoxRunner(
            Box(home / "workspace", protected, self._environ, self._facts, StopSignal()),
            home / "logs",
            # One core for the program, as for each candidate of a run on a small machine.
            LeasePool(cpus, len(cpus)),
            BoxLimits(memory_mb=3000),
            lambda: NOTHING,
            time.time,
            lambda: math.inf,
        )
