"""The state of a run as a fold over its journal lines.

The live run and a replay apply the same lines with the same code, so they cannot differ.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from core.events import (
    BaselineWritten,
    EnsembleBuilt,
    FinalPicked,
    Published,
    Refitted,
    Resumed,
    RunStarted,
    SpecDecided,
    revive,
)
from core.persona import Persona, PersonaChange, Population, SkillChange
from core.records import Ensemble, Entry, ErrorReport, FoldResult, Proposal
from core.skill import Skill
from utils.json_records import from_json

Line = dict[str, Any]
# How the error of a request begins that the end of the run cut off: nobody waited for it any more.
ABANDONED = "given up"
_AT_THE_END = re.compile(r"\[([^\[\]]+)\]\s*$")


class History:
    """What the journal says so far.

    entries: finished steps in the order of their end. pending: proposals without a step (in flight,
    or cut off by a kill). again: those of them that were entries until their predictions were lost.
    folds: judged executions by evaluation key. next_step: index of the next proposal; next_extra:
    number of the next one that costs no request (ids x0000, x0001, ...). consumed_s: seconds that
    ended sessions used. population: the state of level 2. persona_changes, skill_changes: how often
    each happened. taught: proposals whose author was shown skills. limits_s: seconds granted, by
    evaluation key. plans, errors, likeness, blend: what authors were told (core.events.PlansMade,
    ErrorsSeen, LikenessSeen, BlendSeen).
    """

    def __init__(self, program: Callable[[str], str]) -> None:
        """program: text of a program by its digest."""
        self._program = program
        self.run: RunStarted | None = None
        self.resumed: Resumed | None = None
        self.spec: SpecDecided | None = None
        self.baseline: BaselineWritten | None = None
        self.entries: list[Entry] = []
        self.pending: dict[str, Proposal] = {}
        self.again: set[str] = set()
        self.folds: dict[str, FoldResult] = {}
        self._folds_by_id: dict[str, list[FoldResult]] = {}
        self.predicted_s: dict[str, float] = {}
        self.next_step = 0
        self.next_extra = 0
        self.failed_in_a_row = 0
        self.published: Published | None = None
        self.first_valid_t: float | None = None
        self.ensemble: EnsembleBuilt | None = None
        self.final_pick: FinalPicked | None = None
        self.refit: Refitted | None = None
        self.llm = LlmTotals()
        self.plans: tuple[str, ...] = ()
        self.errors: dict[str, ErrorReport] = {}
        self.likeness: dict[frozenset[str], float] = {}
        self.blend: Ensemble | None = None
        self.limits_s: dict[str, float] = {}
        self.population = Population()
        self.persona_changes: Counter[PersonaChange] = Counter()
        self.skill_changes: Counter[SkillChange] = Counter()
        self.taught = 0
        self._session_start: float | None = None
        self._last_t = 0.0
        self._closed_s = 0.0
        self._resumed_from = 0

    def apply(self, line: Line) -> None:
        """Takes one line. Raises KeyError or TypeError on a line that no version of this program
        wrote.
        """
        handler = getattr(self, f"_on_{line['type']}", None)
        if handler is not None:
            handler(line)
        self._last_t = line["t"]

    # ------------------------------------------------------------ questions

    @property
    def incumbent(self) -> Entry | None:
        """The entry that steers the search: the latest that beat its predecessor."""
        return next((entry for entry in reversed(self.entries) if entry.steers), None)

    @property
    def steps_done(self) -> int:
        """Finished steps; what ran without a request to a model is none."""
        return sum(not entry.extra for entry in self.entries)

    @property
    def extras_done(self) -> int:
        """Finished programs that are no steps."""
        return len(self.entries) - self.steps_done

    @property
    def consumed_s(self) -> float:
        """Seconds between the first and the last line of each session, summed."""
        if self._session_start is None:
            return self._closed_s
        return self._closed_s + max(self._last_t - self._session_start, 0.0)

    @property
    def limit_s(self) -> float:
        """Seconds granted to the run, over all sessions."""
        if self.run is None:
            return 0.0
        if self.resumed is not None:
            return self.resumed.limit_s
        return self.run.deadline - self.run.started

    @property
    def first_valid_s(self) -> float | None:
        """Seconds from the first start to the first trained submission."""
        if self.run is None or self.first_valid_t is None:
            return None
        return round(self.first_valid_t - self.run.started, 3)

    @property
    def resumed_from(self) -> int:
        """Finished steps that the latest session found."""
        return self._resumed_from

    def folds_of(self, entry_id: str) -> list[FoldResult]:
        """Judged executions of one program so far, final views included."""
        return list(self._folds_by_id.get(entry_id, []))

    def entry(self, entry_id: str) -> Entry:
        return next(entry for entry in self.entries if entry.id == entry_id)

    # ------------------------------------------------------------ one handler per type

    def _on_run_started(self, line: Line) -> None:
        self.run = revive(line)  # type: ignore[assignment]
        self._session_start = line["t"]

    def _on_resumed(self, line: Line) -> None:
        self._closed_s = self.consumed_s
        self._session_start = line["t"]
        self._resumed_from = self.steps_done
        self.resumed = revive(line)  # type: ignore[assignment]
        self.failed_in_a_row = 0

    def _on_spec(self, line: Line) -> None:
        self.spec = revive(line)  # type: ignore[assignment]

    def _on_baseline(self, line: Line) -> None:
        self.baseline = revive(line)  # type: ignore[assignment]

    def _on_llm_call(self, line: Line) -> None:
        self.llm.add(line)

    def _on_proposal(self, line: Line) -> None:
        text = self._program(line["program"])
        proposal = from_json(Proposal, _with_change(line) | {"program": text})
        self.pending[proposal.id] = proposal
        if proposal.extra:
            self.next_extra += 1
            return
        self.next_step = max(self.next_step, proposal.step + 1)
        self.taught += bool(proposal.skills)
        self.llm.unanswered += proposal.author == "recipes"
        self.failed_in_a_row = 0

    def _on_proposal_failed(self, line: Line) -> None:
        self.failed_in_a_row += 1
        self.next_step = max(self.next_step, line["step"] + 1)

    def _on_probe(self, line: Line) -> None:
        if line["predicted_s"] is not None:
            self.predicted_s[line["id"]] = line["predicted_s"]

    def _on_fold(self, line: Line) -> None:
        result = from_json(FoldResult, line["result"])
        self.folds[result.key] = result
        self.limits_s[result.key] = line["limit_s"]
        self._folds_by_id.setdefault(line["id"], []).append(result)

    def _on_step(self, line: Line) -> None:
        folds = tuple(self.folds[key] for key in line["folds"])
        entry = from_json(Entry, _with_change(line) | {"folds": ()})
        self.pending.pop(entry.id, None)
        self.again.discard(entry.id)
        self.entries.append(dataclasses.replace(entry, folds=folds))

    def _on_extra(self, line: Line) -> None:
        self._on_step(line)

    def _on_plans(self, line: Line) -> None:
        self.plans = tuple(line["plans"])

    def _on_errors(self, line: Line) -> None:
        self.errors[line["id"]] = from_json(ErrorReport, line["report"])

    def _on_likeness(self, line: Line) -> None:
        self.likeness[frozenset((line["first"], line["second"]))] = line["value"]

    def _on_blend(self, line: Line) -> None:
        self.blend = from_json(Ensemble, line["ensemble"])

    def _on_lost(self, line: Line) -> None:
        """The named entries are proposals again, before all that a kill cut off; no later decision
        on them stands.
        """
        lost, again = set(line["keys"]), line["again"]
        for key in lost:
            self.folds.pop(key)
        unfinished = {}
        for entry_id in again:
            entry = self.entry(entry_id)
            unfinished[entry_id] = entry.as_proposal(self._program(entry.program))
        self.pending = unfinished | self.pending
        self.again.update(again)
        others = [entry for entry in self.entries if entry.id not in unfinished]
        self.entries = [entry.without_predictions(lost) for entry in others]
        self.ensemble = self.final_pick = self.refit = None

    def _on_persona(self, line: Line) -> None:
        persona = from_json(Persona, line["persona"])
        self.population = self.population.with_persona(persona, line["change"], line["step"])
        self.persona_changes[line["change"]] += 1

    def _on_skill(self, line: Line) -> None:
        self.population = self.population.with_skill(
            from_json(Skill, line["skill"]), line["change"]
        )
        self.skill_changes[line["change"]] += 1

    def _on_published(self, line: Line) -> None:
        self.published = revive(line)  # type: ignore[assignment]
        if self.first_valid_t is None:
            self.first_valid_t = line["t"]

    def _on_ensemble(self, line: Line) -> None:
        self.ensemble = revive(line)  # type: ignore[assignment]

    def _on_final_pick(self, line: Line) -> None:
        self.final_pick = revive(line)  # type: ignore[assignment]

    def _on_refit(self, line: Line) -> None:
        self.refit = revive(line)  # type: ignore[assignment]


class LlmTotals:
    """Sums over llm_call lines. cost_usd is None once a call had no known price.

    Of the role that writes programs: model; asked, requests of it that somebody waited for;
    failed_in_a_row, failures since its last answer; last_error, the cause of the latest one;
    unanswered, proposals of the recipes since then.
    """

    def __init__(self) -> None:
        self.model = ""
        self.asked = self.unanswered = 0
        self.failed_in_a_row = 0
        self.last_error = ""
        self.calls = self.failed_calls = 0
        self.prompt_tokens = self.cached_tokens = self.completion_tokens = 0
        self.cost_usd: float | None = 0.0

    def add(self, line: Line) -> None:
        self.calls += 1
        self.failed_calls += not line["ok"]
        if line["role"] == "code":
            self._add_writer(line)
        self.prompt_tokens += line["prompt_tokens"]
        self.cached_tokens += line["cached_tokens"]
        self.completion_tokens += line["completion_tokens"]
        if line["cost_usd"] is None:
            self.cost_usd = None
        if self.cost_usd is not None:
            self.cost_usd += line["cost_usd"]

    def spent(self) -> tuple[int, float | None]:
        """Tokens, in and out, and USD of the run so far."""
        return self.prompt_tokens + self.completion_tokens, self.cost_usd

    def _add_writer(self, line: Line) -> None:
        self.model = line["model"]
        if not line["ok"] and (line["error"] or "").startswith(ABANDONED):
            return
        self.asked += 1
        self.unanswered = 0
        self.failed_in_a_row += 1
        if line["ok"]:
            self.failed_in_a_row = 0
        self.last_error = line["error"] or self.last_error


def _with_change(line: Line) -> Line:
    """A journal that was begun before changes were carried has those of recipes and tried values in
    brackets at the end of their plans. What a model wrote there was never a change.
    """
    if "change" in line or not (line.get("author") == "recipes" or line.get("extra")):
        return line
    stated = _AT_THE_END.search(line["plan"])
    return line | {"change": stated[1] if stated else ""}
