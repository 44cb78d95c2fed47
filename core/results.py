"""What the user finds: the published submission, the code that reproduces it, run.json and journal.json.

Everything is replaced atomically as soon as something better is known, so a kill at any moment leaves a valid result.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from core.events import Published
from core.journal.history import History
from core.metric_names import VOTING
from core.population import PersonaChange, SkillChange
from core.protocols import Combiner, Programs, Recorder
from core.records import Best, CompetitionSpec, Ensemble, Entry, SplitSpec, to_json
from utils.errors import PublishError
from utils.files import copy_atomic, is_file_of, write_atomic

log = logging.getLogger(__name__)

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps its things. submission and code are for the user, logs for both, workspace for the run."""

    workspace: Path
    logs: Path
    submission: Path
    code: Path

    @property
    def journal(self) -> Path:
        return self.logs / "journal.jsonl"

    @property
    def run_json(self) -> Path:
        return self.logs / "run.json"

    @property
    def team_json(self) -> Path:
        return self.logs / "team.json"

    @property
    def submission_csv(self) -> Path:
        return self.submission / "submission.csv"

    @property
    def submission_copy(self) -> Path:
        """Out of reach of whoever tidies up the output folder."""
        return self.workspace / "submission" / "submission.csv"

    @property
    def predictions(self) -> Path:
        return self.logs / "predictions"


@dataclass(frozen=True, slots=True)
class Member:
    """One part of what is published: an entry, its weight, and the names of its predictions."""

    entry: Entry
    weight: float

    @property
    def predictions(self) -> list[str]:
        return [fold.verdict.predictions for fold in self.entry.valid_folds if fold.verdict.predictions]


@dataclass(frozen=True, slots=True)
class Result:
    """Something that can be published: one entry or a blend of several. how: mean, rank or vote."""

    best: Best
    members: tuple[Member, ...]
    how: str

    def with_final_pick(self, score: float | None) -> Result:
        return dataclasses.replace(self, best=dataclasses.replace(self.best, final_pick=score))


# What is published where no program's result is.
NO_RESULT = Best("baseline", "baseline", None, None, "none")


def how_to_combine(spec: CompetitionSpec) -> str:
    """Labels, lists, texts and masks vote, numbers are averaged."""
    return "vote" if spec.value_kind in VOTING else "mean"


def single(entry: Entry, how: str) -> Result:
    """One entry as a result of its own: its folds are combined by `how`."""
    verdict = entry.verdict
    best = Best(entry.id, entry.kind, verdict.score, verdict.stderr, verdict.scored_by)
    return Result(best, (Member(entry, 1.0),), how)


def blended(ensemble: Ensemble, entries: Mapping[str, Entry]) -> Result:
    """A blend as a result. entries: finished steps by id."""
    members = tuple(Member(entries[entry_id], weight) for entry_id, weight in ensemble.members)
    scored_by = members[0].entry.verdict.scored_by
    return Result(Best("ensemble", "ensemble", ensemble.score, ensemble.stderr, scored_by), members, ensemble.how)


class ResultPublisher:
    """Implements core.protocols.Publisher."""

    def __init__(
        self,
        folders: Folders,
        spec: CompetitionSpec,
        split: SplitSpec,
        cpus: int,
        judge: Combiner,
        programs: Programs,
        recorder: Recorder,
        server_check: Callable[[Path], str | None],
    ) -> None:
        """cpus: CPUs of one lease, for the record.

        server_check: asks the validation server about a file: its objection, "" when it accepts, None when no server
        answers.
        """
        self._folders = folders
        self._spec = spec
        self._split = split
        self._cpus = cpus
        self._judge = judge
        self._programs = programs
        self._recorder = recorder
        self._server_check = server_check

    def publish(self, entry: Entry) -> None:
        self.publish_result(single(entry, how_to_combine(self._spec)))

    def publish_result(self, result: Result) -> bool:
        """Puts a result in place; False when the validation server objects to it.

        Raises PublishError when the output folder refuses it.
        """
        try:
            copy = self._folders.submission_copy
            draft = copy.with_name("next.csv")
            draft.parent.mkdir(parents=True, exist_ok=True)
            parts = [(member.predictions, member.weight) for member in result.members]
            made = self._judge.combine(parts, result.how, draft)
            objection = self._server_check(draft)
            if objection:
                return False
            # The code first, the copy last: what was published before can be put back, wherever this is cut off.
            self._write_code(result)
            copy_atomic(draft, self._folders.submission_csv)
        except OSError as error:
            raise _refused(self._folders, error) from error
        checked_by = "local" if objection is None else "server"
        self._recorder.append(Published(result.best, made.rows, made.sha256, checked_by))
        draft.replace(copy)
        return True

    def _write_code(self, result: Result) -> None:
        """code/: solution.py, the member programs, what it needs to rebuild the same views, and weights.json."""
        code = self._folders.code
        members = []
        for member in result.members:
            name = f"members/{member.entry.id}.py"
            write_atomic(code / name, self._programs.get(member.entry.program))
            folds = [{"view": fold.view, "fold": fold.fold, "seed": fold.seed} for fold in member.entry.valid_folds]
            members.append({"program": name, "weight": member.weight, "folds": folds})
        if self._spec.split_program:
            write_atomic(code / "split.py", self._programs.get(self._spec.split_program))
        plan = {
            "how": result.how,
            "cpus": self._cpus,
            "members": members,
            "spec": to_json(self._spec),
            "split": to_json(self._split),
        }
        write_atomic(code / "weights.json", json.dumps(plan, indent=1))
        copy_harness(code / "harness")
        copy_atomic(CHECKOUT / "core" / "rebuild.py", code / "solution.py")
        best = self._folders.workspace / "best_solution"
        for member in result.members:
            copy_atomic(code / f"members/{member.entry.id}.py", best / f"{member.entry.id}.py")


def restore(folders: Folders, published: Published) -> bool:
    """Puts what was published in place again where it is missing or cut; False where no copy of it is left.

    Raises PublishError when the output folder refuses it.
    """
    if is_file_of(folders.submission_csv, published.sha256):
        return True
    if not is_file_of(folders.submission_copy, published.sha256):
        return False
    try:
        copy_atomic(folders.submission_copy, folders.submission_csv)
    except OSError as error:
        raise _refused(folders, error) from error
    log.info("submission put back: %s %s", published.best.kind, published.best.id)
    return True


def _refused(folders: Folders, error: OSError) -> PublishError:
    return PublishError(f"cannot publish to {folders.submission}: {error.strerror or error}")


def copy_harness(target: Path) -> None:
    """The parts of this checkout that rebuild views and combine predictions, copied once."""
    if (target / "core").exists():
        return
    for package in ("core", "utils"):
        shutil.copytree(
            CHECKOUT / package,
            target / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
            copy_function=shutil.copyfile,
        )


# ---------------------------------------------------------------- run.json


class RunReport:
    """Keeps run.json and team.json up to date: rewritten atomically during the run, final at its end.

    reasons: what was missing, in order of discovery. elapsed: seconds that count against the limit. learning: facts
    of level 2 that the journal does not hold.
    """

    def __init__(self, history: History, folders: Folders, elapsed: Callable[[], float]) -> None:
        self._history = history
        self._folders = folders
        self._elapsed = elapsed
        self.reasons: list[str] = []
        self.learning: Callable[[], Mapping[str, Any]] = dict
        self._team = ""

    def write(self, status: str = "running") -> None:
        """status: running, ok, degraded, baseline or failed. Raises OSError when the folder refuses it."""
        report = run_json(self._history, self._folders, status, self.reasons, self._elapsed())
        write_atomic(self._folders.run_json, json.dumps(report, indent=1, allow_nan=False) + "\n")
        team = json.dumps({**team_json(self._history), **self.learning()}, indent=1) + "\n"
        if team != self._team:
            write_atomic(self._folders.team_json, team)
            self._team = team


def run_json(
    history: History, folders: Folders, status: str, reasons: Sequence[str], elapsed_s: float
) -> dict[str, Any]:
    """The report; docs/run_json.md describes its fields."""
    return {
        "version": 1,
        "status": status,
        "reason": "; ".join(reasons) or None,
        "competition_id": history.run.competition_id if history.run else "",
        "metric": _metric(history),
        "split": _split(history),
        "best": _best(history),
        "steps": _steps(history),
        "time": _time(history, elapsed_s),
        "llm": _llm(history),
        "box": _box(history),
        "submission": _submission(history, folders),
    }


def _metric(history: History) -> dict[str, Any] | None:
    if history.spec is None:
        return None
    metric = history.spec.spec.metric
    name = "generated" if metric.source == "generated" else metric.name
    return {"name": name, "direction": metric.direction, "source": metric.source}


def _split(history: History) -> dict[str, Any]:
    if history.spec is None:
        return {"kind": "none", "folds": 0, "holdout_rows": 0, "why": "no competition was recognised"}
    split = history.spec.split
    return {"kind": split.kind, "folds": split.folds, "holdout_rows": split.holdout_rows, "why": split.why}


def _best(history: History) -> dict[str, Any]:
    if history.published is None:
        return to_json(NO_RESULT if history.baseline else dataclasses.replace(NO_RESULT, id=""))
    return to_json(history.published.best)


def _steps(history: History) -> dict[str, int]:
    valid = sum(entry.verdict.valid for entry in history.entries)
    limit = history.resumed.max_steps if history.resumed else (history.run.max_steps if history.run else 0)
    return {
        "done": history.steps_done,
        "limit": limit,
        "valid": valid,
        "failed": history.steps_done - valid,
        "resumed_from": history.resumed_from,
    }


def _time(history: History, elapsed_s: float) -> dict[str, float | None]:
    run = history.run
    return {
        "elapsed_s": round(elapsed_s, 3),
        "limit_s": history.limit_s,
        "first_valid_s": history.first_valid_s if run else None,
    }


def _llm(history: History) -> dict[str, Any]:
    llm = history.llm
    return {
        "provider": history.run.provider if history.run else "recipes",
        "model": llm.model,
        "calls": llm.calls,
        "failed_calls": llm.failed_calls,
        "prompt_tokens": llm.prompt_tokens,
        "cached_tokens": llm.cached_tokens,
        "completion_tokens": llm.completion_tokens,
        "cost_usd": llm.cost_usd,
    }


def team_json(history: History) -> dict[str, Any]:
    """Who wrote the programs and what they learnt; docs/run_json.md describes its fields."""
    team, personas, skills = history.population, history.persona_changes, history.skill_changes
    authors = Counter(entry.author for entry in history.entries if entry.verdict.valid)
    return {
        "valid_programs": {"model": authors["model"], "recipes": authors["recipes"]},
        "personas": {name: persona.version for name, persona in team.personas.items()},
        "on_trial": sorted(team.probations),
        **{change: personas[change] for change in get_args(PersonaChange) if change != "joined"},
        "skills": {change: skills[change] for change in get_args(SkillChange)}
        | {"in_use": len(team.skills), "proposals": history.taught},
        "embeddings": None,
        "library": None,
    }


def _box(history: History) -> dict[str, Any]:
    if history.run is None:
        return {"landlock": False, "user_switch": False, "network": "shared", "notes": []}
    return to_json(history.run.box)


def _submission(history: History, folders: Folders) -> dict[str, Any] | None:
    source = history.published or history.baseline
    if source is None:
        return None
    return {
        "path": str(folders.submission_csv),
        "sha256": source.sha256,
        "rows": source.rows,
        "checked_by": history.published.checked_by if history.published else "local",
    }


# ---------------------------------------------------------------- journal.json


def journal_json(history: History, programs: Programs) -> dict[str, Any]:
    """Every step with its code, in the shape that other MLE-bench agents write: {"nodes": [...]}."""
    nodes = []
    for entry in history.entries:
        node = to_json(entry)
        node["folds"] = [fold.key for fold in entry.folds]
        nodes.append(node | {"code": programs.get(entry.program)})
    return {"nodes": nodes}
