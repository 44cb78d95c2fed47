"""Why a run is degraded: every sentence of our own that can stand in `reason` of run.json; and with which
status it ends. What an error says by itself (utils.errors) stands there as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.contract import RunStatus
from core.journal.history import History
from core.records import CompetitionSpec, Entry, Proposal, SplitSpec

# Requests without a single program after which a model counts as no help, whatever it answered.
USELESS = 5
# Failed calls in a row at the end of a run after which its model counts as lost, and programs that
# the recipes wrote since a failed call: a model whose quota is used up is not asked again.
MODEL_LOST = 3
_STOPPED = re.compile(r"(?:^|; )stopped (?:by|while)")
NO_FINAL_PICK = "no final pick: no finalist could be scored in the time that was left"


def missing(
    spec: CompetitionSpec, split: SplitSpec, description: str, has_model: bool
) -> list[str]:
    """Reasons for the status `degraded` that are known before the search."""
    reasons = []
    if split.kind == "none":
        reason = f"nothing can be held out ({split.why})"
        if has_model:
            reason += ": programs are ranked by the scores that they report themselves"
        reasons.append(reason)
    if spec.split_program:
        reasons.append("the folder was not understood: a written program made its tables")
    if spec.metric.source == "fallback":
        reasons.append(f"metric not recognised, scored by {spec.metric.name} instead")
    if not description.strip():
        reasons.append("no description found")
    return reasons


def stopped(by: str) -> str:
    return f"stopped by {by} before the final pick"


def was_stopped(reason: str | None) -> bool:
    """Whether a run of this reason was stopped, by its deadline or by somebody: `stopped`, or what an
    Interrupted says.
    """
    return reason is not None and _STOPPED.search(reason) is not None


def nothing_complete(history: History) -> str:
    if history.published:
        return "no program ran on all of its views"
    return "no program was valid"


def rejected(entry_id: str) -> str:
    return f"the validation server rejected {entry_id}"


def not_in_place(entry_id: str) -> str:
    return f"submission.csv is not what was published last ({entry_id})"


def cannot_begin(error: OSError) -> str:
    return f"cannot begin: {error}"


def internal(error: Exception) -> str:
    """Our own bug."""
    return f"internal error: {type(error).__name__}: {error}"


def internal_in_level_two(error: Exception) -> str:
    """Our own bug; level 2 is off from there, and the search goes on."""
    return f"internal error in level 2: {type(error).__name__}: {error}"


def model_trouble(history: History) -> str | None:
    """Why the language model was no help in the end, if it was not: it never answered, its last
    calls all failed, recipes wrote everything since one did, or no answer held a program.
    """
    llm = history.llm
    programs: list[Entry | Proposal] = [*history.entries, *history.pending.values()]
    if llm.asked >= USELESS and not any(item.author == "model" for item in programs):
        where = f"the language model {llm.model} at {_address(history)}"
        return f"{where} was asked {llm.asked} times and gave no program that could be used"
    if llm.failed_in_a_row == 0:
        return None
    never_answered = llm.failed_in_a_row == llm.asked
    if never_answered or max(llm.failed_in_a_row, llm.unanswered) >= MODEL_LOST:
        return f"the language model {llm.model} at {_address(history)} failed, recipes went on: {llm.last_error}"
    return None


def _address(history: History) -> str:
    """Where the code model is, as the configuration of this run says."""
    url = None
    if history.run is not None:
        url = history.run.config.get("llm", {}).get("code", {}).get("base_url")
    return url or "the address of its provider"


def joined(reasons: Sequence[str]) -> str | None:
    """As one text; None for none."""
    return "; ".join(reasons) or None


def status(history: History, reasons: Sequence[str]) -> RunStatus:
    """ok, degraded, baseline or failed: what the output folder holds, and whether something was
    missing.
    """
    trained = history.published is not None and history.published.best.kind != "baseline"
    if trained and not reasons:
        return "ok"
    if trained:
        return "degraded"
    if history.baseline is not None:
        return "baseline"
    return "failed"
