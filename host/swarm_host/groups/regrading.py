"""A submission that is there already gets another grade: graders are mended, agents do not run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from swarm_host.life import outcomes
from swarm_host.life.messages import last_words, message_of_end
from swarm_host.life.outcomes import Evidence
from swarm_host.life.settling import SUBMISSION
from swarm_host.protocols import Source, Store
from swarm_host.records import UnitResult, UnitRow
from swarm_host.words.redact import secret_values

Sources = Callable[[str | None, str | None], Source]


def regrade(store: Store, sources: Sources, row: UnitRow, environ: Mapping[str, str]) -> str:
    """What became of it, in words. The outcome follows from the new grade and the agent's old end.
    environ: where the values of secrets stand that no message may tell.

    Raises GradingFailed, which leaves the old result, and UsageError when the competition is gone.
    """
    spec, result = row.spec, row.result
    submission = Path(spec.folder) / SUBMISSION
    if spec.competition is None:
        return "it has no competition"
    if result is None:
        return f"it has no result; it is {row.state}"
    if not submission.is_file():
        return f"it left no submission ({result.outcome})"
    grade = sources(spec.source, spec.source_root).grade(spec.competition, submission)
    told = outcomes.history(store.events(unit=spec.unit_id))
    stop = outcomes.reason_that_counts(told)
    words = last_words(Path(spec.folder))
    evidence = Evidence(result.ending, stop, True, graded=True, grade=grade, last_words=words)
    outcome, said = outcomes.outcome_of(evidence)
    message = message_of_end(said, told.left_out, secret_values(spec.run, environ))
    store.amend(spec.unit_id, replace(result, outcome=outcome, message=message, grade=grade))
    before, after = _shown(result), _shown(replace(result, outcome=outcome, grade=grade))
    return after if before == after else f"{before} -> {after}"


def _shown(result: UnitResult) -> str:
    score = result.grade.score if result.grade else None
    return result.outcome if score is None else f"{result.outcome} {score:.6g}"
