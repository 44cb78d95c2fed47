"""Why a run is degraded, and with which status it ends."""

from __future__ import annotations

from collections.abc import Sequence

from core.contract import RunStatus
from core.journal.history import History
from core.records import CompetitionSpec, SplitSpec
from core.settings import Settings

# Failed calls in a row at the end of a run after which its model counts as lost, and programs that
# the recipes wrote since a failed call: a model whose quota is used up is not asked again.
MODEL_LOST = 3
NO_FINAL_PICK = "no final pick: no finalist could be scored in the time that was left"


def missing(spec: CompetitionSpec, split: SplitSpec, settings: Settings) -> list[str]:
    """Reasons for the status `degraded` that are known before the search."""
    reasons = []
    if split.kind == "none":
        reason = f"nothing can be held out ({split.why})"
        if settings.has_model:
            reason += ": programs are ranked by the scores that they report themselves"
        reasons.append(reason)
    if spec.split_program:
        reasons.append("the folder was not understood: a written program made its tables")
    if spec.metric.source == "fallback":
        reasons.append(f"metric not recognised, scored by {spec.metric.name} instead")
    if not settings.description.strip():
        reasons.append("no description found")
    return [*reasons, *settings.missing]


def stopped(by: str) -> str:
    return f"stopped by {by} before the final pick"


def nothing_complete(history: History) -> str:
    if history.published:
        return "no program ran on all of its views"
    return "no program was valid"


def rejected(entry_id: str) -> str:
    return f"the validation server rejected {entry_id}"


def internal(error: Exception) -> str:
    """Our own bug."""
    return f"internal error: {type(error).__name__}: {error}"


def model_trouble(history: History) -> str | None:
    """Why the language model was no help in the end, if it was not: it never answered, its last
    calls all failed, or recipes wrote everything since one did.
    """
    llm = history.llm
    lost = llm.failed_in_a_row >= MODEL_LOST or (
        llm.failed_in_a_row > 0 and llm.unanswered >= MODEL_LOST
    )
    if lost or llm.failed_in_a_row == llm.asked > 0:
        return f"the language model {llm.model} at {_address(history)} failed, recipes went on: {llm.last_error}"
    return None


def _address(history: History) -> str:
    """Where the code model is, as the configuration of this run says."""
    settings = history.run.config.get("llm", {}).get("code", {}) if history.run is not None else {}
    return settings.get("base_url") or "the address of its provider"


def joined(reasons: Sequence[str]) -> str | None:
    """As one text; None for none."""
    return "; ".join(reasons) or None


def status(history: History, reasons: Sequence[str]) -> RunStatus:
    """ok, degraded, baseline or failed: what the output folder holds, and whether something was
    missing.
    """
    if history.published is not None and history.published.best.kind != "baseline":
        return "degraded" if reasons else "ok"
    return "baseline" if history.baseline is not None else "failed"
