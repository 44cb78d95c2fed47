"""run.json, team.json and journal.json, as folds over the journal."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence

from core.contract import (
    REPORT_VERSION,
    AuthorCounts,
    Folders,
    JournalReport,
    LessonResources,
    ReportedMetric,
    ReportedModel,
    ReportedSplit,
    ReportedSteps,
    ReportedSubmission,
    ReportedTime,
    RunReport,
    RunStatus,
    SkillCounts,
    StepRecord,
    TeamReport,
)
from core.events import StepDone
from core.journal.history import History
from core.protocols import Programs
from core.publishing import reasons
from core.publishing.result import NO_RESULT
from core.records import Best, BoxFacts
from utils.files import write_atomic
from utils.json_records import from_json

_NO_BOX = BoxFacts(landlock=False, user_switch=False)


class ReportKeeper:
    """Keeps run.json and team.json up to date: rewritten atomically during the run, final at its
    end.

    reasons: what was missing, in order of discovery. elapsed: seconds that count against the limit.
    learning: facts of level 2 that the journal does not hold.
    """

    def __init__(self, history: History, folders: Folders, elapsed: Callable[[], float]) -> None:
        self._history = history
        self._folders = folders
        self._elapsed = elapsed
        self.reasons: list[str] = []
        self.learning: Callable[[], LessonResources] = LessonResources
        self._team = ""

    def write(self, status: RunStatus = "running") -> None:
        """Raises OSError when the folder refuses it."""
        report = run_report(self._history, self._folders, status, self.reasons, self._elapsed())
        write_atomic(self._folders.run_json, report.text())
        team = team_report(self._history, self.learning()).text()
        if team != self._team:
            write_atomic(self._folders.team_json, team)
            self._team = team


def run_report(
    history: History, folders: Folders, status: RunStatus, missing: Sequence[str], elapsed_s: float
) -> RunReport:
    """missing: reasons for a status that is not ok."""
    competition_id, box = "", _NO_BOX
    if history.run is not None:
        competition_id, box = history.run.competition_id, history.run.box
    return RunReport(
        version=REPORT_VERSION,
        status=status,
        reason=reasons.joined(missing),
        competition_id=competition_id,
        metric=_metric(history),
        split=_split(history),
        best=_best(history),
        steps=_steps(history),
        time=ReportedTime(round(elapsed_s, 3), history.limit_s, history.first_valid_s),
        llm=_model(history),
        box=box,
        submission=_submission(history, folders),
    )


def _metric(history: History) -> ReportedMetric | None:
    if history.spec is None:
        return None
    metric = history.spec.spec.metric
    name = metric.name
    if metric.source == "generated":
        name = "generated"
    return ReportedMetric(name, metric.direction, metric.source)


def _split(history: History) -> ReportedSplit:
    if history.spec is None:
        return ReportedSplit("none", 0, 0, "no competition was recognised")
    split = history.spec.split
    return ReportedSplit(split.kind, split.folds, split.holdout_rows, split.why)


def _best(history: History) -> Best:
    if history.published is not None:
        return history.published.best
    if history.baseline is not None:
        return NO_RESULT
    return dataclasses.replace(NO_RESULT, id="")


def _steps(history: History) -> ReportedSteps:
    valid = sum(entry.verdict.valid and not entry.extra for entry in history.entries)
    done, limit = history.steps_done, 0
    if (start := history.resumed or history.run) is not None:
        limit = start.max_steps
    return ReportedSteps(
        done, limit, valid, done - valid, history.resumed_from, history.extras_done
    )


def _model(history: History) -> ReportedModel:
    llm, provider = history.llm, "recipes"
    if history.run is not None:
        provider = history.run.provider
    return ReportedModel(
        provider=provider,
        model=llm.model,
        calls=llm.calls,
        failed_calls=llm.failed_calls,
        prompt_tokens=llm.prompt_tokens,
        cached_tokens=llm.cached_tokens,
        completion_tokens=llm.completion_tokens,
        cost_usd=llm.cost_usd,
    )


def _submission(history: History, folders: Folders) -> ReportedSubmission | None:
    path, published, baseline = str(folders.submission_csv), history.published, history.baseline
    if published is not None:
        return ReportedSubmission(path, published.sha256, published.rows, published.checked_by)
    if baseline is not None:
        return ReportedSubmission(path, baseline.sha256, baseline.rows, "local")
    return None


def team_report(history: History, resources: LessonResources) -> TeamReport:
    """Who wrote the programs and what they learnt."""
    team, personas, skills = history.population, history.persona_changes, history.skill_changes
    valid = [entry for entry in history.entries if entry.verdict.valid and not entry.extra]
    authors = Counter(entry.author for entry in valid)
    return TeamReport(
        valid_programs=AuthorCounts(authors["model"], authors["recipes"]),
        personas={name: persona.version for name, persona in team.personas.items()},
        on_trial=tuple(sorted(team.probations)),
        rewritten=personas["rewritten"],
        kept=personas["kept"],
        rolled_back=personas["rolled_back"],
        skills=SkillCounts(
            extracted=skills["extracted"],
            merged=skills["merged"],
            measured=skills["measured"],
            retired=skills["retired"],
            carried=skills["carried"],
            in_use=len(team.skills),
            proposals=history.taught,
        ),
        embeddings=resources.embeddings,
        library=resources.library,
    )


def journal_report(history: History, programs: Programs) -> JournalReport:
    """Every step with its code, and every program that was none."""
    nodes = []
    for entry in history.entries:
        fields = StepDone(entry).fields() | {"code": programs.get(entry.program)}
        nodes.append(from_json(StepRecord, fields))
    return JournalReport(tuple(nodes))
