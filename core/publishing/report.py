"""run.json, team.json and journal.json, as folds over the journal."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from core.folders import Folders
from core.journal.history import History
from core.persona import PersonaChange, SkillChange
from core.protocols import Programs
from core.publishing.result import NO_RESULT
from core.records import to_json
from utils.files import write_atomic


class RunReport:
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
        self.learning: Callable[[], Mapping[str, Any]] = dict
        self._team = ""

    def write(self, status: str = "running") -> None:
        """status: running, ok, degraded, baseline or failed. Raises OSError when the folder refuses
        it.
        """
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
        return {
            "kind": "none",
            "folds": 0,
            "holdout_rows": 0,
            "why": "no competition was recognised",
        }
    split = history.spec.split
    return {
        "kind": split.kind,
        "folds": split.folds,
        "holdout_rows": split.holdout_rows,
        "why": split.why,
    }


def _best(history: History) -> dict[str, Any]:
    if history.published is None:
        return to_json(NO_RESULT if history.baseline else dataclasses.replace(NO_RESULT, id=""))
    return to_json(history.published.best)


def _steps(history: History) -> dict[str, int]:
    valid = sum(entry.verdict.valid for entry in history.entries)
    limit = (
        history.resumed.max_steps
        if history.resumed
        else (history.run.max_steps if history.run else 0)
    )
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


def journal_json(history: History, programs: Programs) -> dict[str, Any]:
    """Every step with its code, in the shape that other MLE-bench agents write: {"nodes": [...]}."""
    nodes = []
    for entry in history.entries:
        node = to_json(entry)
        node["folds"] = [fold.key for fold in entry.folds]
        nodes.append(node | {"code": programs.get(entry.program)})
    return {"nodes": nodes}
