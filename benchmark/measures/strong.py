"""What a run with a strong model made of its requests, read from its journal afterwards."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from statistics import mean
from typing import Any

from benchmark.competitions.pack import open_prepared
from benchmark.competitions.registry import find
from benchmark.measure import DEST, Figures, Measure, Option, markdown
from benchmark.measures.run_folder import KeptJournal, submission_of
from benchmark.provenance import provenance_of
from core.events import LlmCall
from core.evolution.briefs import mends
from core.records import Entry, Proposal
from core.score import Direction
from utils.errors import DataError, UsageError

# Begin and end, epoch seconds.
Span = tuple[float, float]
_STEP = re.compile(r"s\d{4,} (.+)")
# A competition that is not of the pack.
UNKNOWN = "-"
_SEARCHING = ("proposal", "proposal_failed", "step", "extra")


@dataclass(frozen=True, slots=True)
class StrongRun:
    """One run. Scores are on held-out rows, all folds, but for `private`."""

    # Name of its folder.
    run: str
    # Of the pack, UNKNOWN for another one.
    competition: str
    # Of the checkouts that made it, "" where unknown.
    commit: str
    # As the provider spells it.
    model: str
    # As in run.json; "" for a run that did not end.
    status: str
    # Of the metric.
    direction: str
    # In use, over all sessions.
    minutes: float
    # Over the wire, failed ones too.
    requests: int
    # Of those.
    failed_requests: int
    # Programs that the model was asked for.
    asked: int
    # Programs that it wrote.
    programs: int
    # Of those, with a score.
    valid: int
    # Programs without a request: values, folds, seeds, recipes as partners.
    extras: int
    # Of the recipes, as steps.
    by_recipes: int
    # Share of the wall time of the search with an open request.
    open_in_search: float
    # The same of the whole run.
    open_in_run: float
    # Programs of the model by kind.
    kinds: Mapping[str, int]
    # Kind of each finished program of the model, and the best score known then, in order.
    path: Sequence[tuple[str, float | None]]
    # Of the recipes that were steps.
    best_recipe: float | None
    # Of the model's first drafts.
    best_first_draft: float | None
    # Of all programs.
    best: float | None
    # (best first draft - best) / (best recipe - best).
    gain_after_drafts: float | None
    # What the final pick measured for what was published.
    picked: float | None
    # By kind of prompt: requests, and mean and largest number of its tokens.
    tokens: Mapping[str, Mapping[str, float]]
    # Of all requests.
    prompt_tokens: int
    # Of all answers.
    completion_tokens: int
    # Private score of what was published; None where the competition is not of the pack.
    private: float | None
    # Private scores of the reference models.
    reference: Mapping[str, float]


def measure_strong(
    logs: Path, name: str = UNKNOWN, dest: Path = DEST.settings["default"]
) -> StrongRun:
    """logs: log folder of a finished run. name: of its competition in the pack.

    Raises DataError where there is no journal of a run with a model, and what grading raises.
    """
    kept = KeptJournal(logs, lambda digest: "")
    history, timed = kept.history, kept.events(LlmCall)
    if history.spec is None or not timed:
        raise DataError(f"{logs} holds no run with a language model")
    direction = history.spec.spec.metric.direction
    scores = scores_of(history.entries, kept.proposals(), direction)
    private, reference = _private(logs.parent, name, dest)
    # Of a pair both runs have one record.
    provenance = provenance_of(logs.parent) or provenance_of(logs.parent.parent)
    calls = [call for _, call in timed]
    spans = [(t - call.seconds, t) for t, call in timed]
    valid = [entry for entry in steps_of(history.entries, "model") if entry.verdict.valid]
    written = list(filter(_of_model, kept.proposals()))
    kinds = Counter[str](proposal.kind for proposal in written)
    return StrongRun(
        run=logs.parent.name,
        competition=name,
        commit=provenance.commit if provenance else "",
        model=calls[0].model,
        status=str(kept.lines[-1].get("status", "")),
        direction=direction,
        minutes=history.consumed_s / 60,
        requests=history.llm.calls,
        failed_requests=history.llm.failed_calls,
        asked=len(_asked(calls)),
        programs=len(written),
        valid=len(valid),
        extras=history.extras_done,
        by_recipes=len(steps_of(history.entries, "recipes")),
        open_in_search=share_covered(search_spans(kept.lines), spans),
        open_in_run=share_covered(sessions(kept.lines), spans),
        kinds=dict(kinds),
        path=path_of(history.entries, direction),
        best_recipe=scores.recipe,
        best_first_draft=scores.first_draft,
        best=scores.best,
        gain_after_drafts=scores.after_drafts,
        picked=_picked(kept),
        tokens=tokens_by_kind(calls),
        prompt_tokens=history.llm.prompt_tokens,
        completion_tokens=history.llm.completion_tokens,
        private=private,
        reference=reference,
    )


def _of_model(proposal: Proposal) -> bool:
    return proposal.author == "model" and not proposal.extra


def _asked(calls: Iterable[LlmCall]) -> set[str]:
    """Steps that the model was asked about."""
    return {call.purpose.split()[0] for call in calls if _STEP.fullmatch(call.purpose)}


def _picked(kept: KeptJournal) -> float | None:
    found = kept.history.published
    return found.best.final_pick if found is not None else None


def _private(out: Path, name: str, dest: Path) -> tuple[float | None, Mapping[str, float]]:
    if name == UNKNOWN:
        return None, {}
    prepared = open_prepared(find(name), dest)
    return prepared.score(submission_of(out)), prepared.reference


def steps_of(entries: Iterable[Entry], author: str) -> list[Entry]:
    """Finished steps of an author; what cost no request is none."""
    return [entry for entry in entries if entry.author == author and not entry.extra]


# ---------------------------------------------------------------- scores


@dataclass(frozen=True, slots=True)
class PathScores:
    """Best whole scores of the programs of a run; None where there is none."""

    recipe: float | None
    first_draft: float | None
    best: float | None

    @property
    def after_drafts(self) -> float | None:
        """Share of the way from the recipes to the best that came after the first drafts."""
        if self.recipe is None or self.first_draft is None or self.best is None:
            return None
        whole = self.recipe - self.best
        if whole == 0:
            return None
        return (self.first_draft - self.best) / whole


def scores_of(
    entries: Sequence[Entry], proposals: Sequence[Proposal], direction: Direction
) -> PathScores:
    """What each stage reached, by complete entries."""
    first = first_drafts(proposals)
    recipes = steps_of(entries, "recipes")
    drafts = [entry for entry in entries if entry.id in first]
    return PathScores(
        best_of(recipes, direction), best_of(drafts, direction), best_of(entries, direction)
    )


def first_drafts(proposals: Sequence[Proposal]) -> set[str]:
    """The model's drafts without parents that it was asked for before anything else than repairs."""
    written = sorted(filter(_of_model, proposals), key=lambda proposal: proposal.step)
    found = set()
    for proposal in written:
        if proposal.kind == "draft" and not proposal.parents:
            found.add(proposal.id)
        elif not mends(proposal.kind):
            break
    return found


def path_of(entries: Sequence[Entry], direction: Direction) -> list[tuple[str, float | None]]:
    """Kind of each program of the model and the best whole score when it ended, whoever wrote that."""
    found: list[tuple[str, float | None]] = []
    for place, entry in enumerate(entries, 1):
        if entry.author == "model" and not entry.extra:
            found.append((entry.kind, best_of(entries[:place], direction)))
    return found


def best_of(entries: Iterable[Entry], direction: Direction) -> float | None:
    """Best score of the complete ones; None where none is."""
    whole = [entry for entry in entries if entry.complete and entry.verdict.valid]
    if not whole:
        return None
    return max(entry.score(direction) for entry in whole).value


# ---------------------------------------------------------------- time


def sessions(lines: Sequence[Mapping[str, Any]]) -> list[Span]:
    """From the first to the last line of each session of a run."""
    starts = [place for place, line in enumerate(lines) if line["type"] == "resumed"]
    found = []
    for begin, end in pairwise([0, *starts, len(lines)]):
        found.append((lines[begin]["t"], lines[end - 1]["t"]))
    return found


def search_spans(lines: Sequence[Mapping[str, Any]]) -> list[Span]:
    """The sessions between the first program and the end of the last one."""
    times = [line["t"] for line in lines if line["type"] in _SEARCHING]
    if not times:
        return []
    found = []
    for begin, end in sessions(lines):
        if end > times[0] and begin < times[-1]:
            found.append((max(begin, times[0]), min(end, times[-1])))
    return found


def share_covered(whole: Sequence[Span], parts: Iterable[Span]) -> float:
    """Share of the time in `whole` (disjoint) that some of the parts covers; 0 for no time."""
    total = sum(end - begin for begin, end in whole)
    if total <= 0:
        return 0.0
    spans, covered = sorted(parts), 0.0
    for begin, end in whole:
        covered += _covered(begin, end, spans)
    return covered / total


def _covered(begin: float, end: float, spans: Sequence[Span]) -> float:
    """spans: in order of their begin."""
    seconds, reached = 0.0, begin
    for first, last in spans:
        first, last = max(first, reached), min(last, end)
        if last > first:
            seconds += last - first
            reached = last
    return seconds


# ---------------------------------------------------------------- tokens


def tokens_by_kind(calls: Iterable[LlmCall]) -> dict[str, dict[str, float]]:
    """By kind of prompt, of the answered requests: how many, mean and largest prompt in tokens."""
    found: dict[str, list[int]] = {}
    for call in calls:
        if call.ok:
            found.setdefault(kind_of(call.purpose), []).append(call.prompt_tokens)
    sizes = {}
    for kind, tokens in found.items():
        sizes[kind] = {"requests": len(tokens), "mean": mean(tokens), "max": max(tokens)}
    return sizes


def kind_of(purpose: str) -> str:
    """What a request was for, without the step that it was for."""
    step = _STEP.fullmatch(purpose)
    if step is not None:
        return step[1]
    return next(iter(purpose.split()), "other")


# ---------------------------------------------------------------- table

_OPEN, _AFTER, _PER_PROGRAM = 0.85, 0.25, 1.2
# Tokens: of all prompts but rewrites on average, of the largest rewrite.
_OTHERS, _REWRITE = 4_000, 6_000


def strong_table(measured: Figures) -> str:
    """One column per run, with targets."""
    runs: Sequence[Mapping[str, Any]] = measured["runs"]
    rows = []
    for label, (shown, target) in _ROWS.items():
        rows.append([label, *map(shown, runs), target])
    return markdown(["", *(run["run"] for run in runs), "target"], rows)


def _score(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"


def _kinds(run: Mapping[str, Any]) -> str:
    whole = max(sum(run["kinds"].values()), 1)
    return ", ".join(f"{kind} {count / whole:.0%}" for kind, count in run["kinds"].items())


def _path(run: Mapping[str, Any]) -> str:
    """Each score once, behind the number of the program that reached it."""
    shown, before = [], None
    for place, (kind, score) in enumerate(run["path"], 1):
        if score != before:
            shown.append(f"{place} {kind} {_score(score)}")
        before = score
    return ", ".join(shown)


def _tokens(run: Mapping[str, Any]) -> str:
    parts = []
    for kind, sizes in run["tokens"].items():
        parts.append(f"{kind} {sizes['mean']:.0f} ({sizes['max']:.0f})")
    return ", ".join(parts)


def _sizes(run: Mapping[str, Any]) -> str:
    """What prompts are bounded by."""
    tokens, requests = 0.0, 0
    for kind, sizes in run["tokens"].items():
        if kind != "rewrite":
            tokens += sizes["mean"] * sizes["requests"]
            requests += sizes["requests"]
    largest = run["tokens"].get("rewrite", {"max": 0})["max"]
    return f"{tokens / max(requests, 1):.0f}, {largest:.0f}"


def _references(run: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in run["reference"].items())


_STAGES = ("best_recipe", "best_first_draft", "best")
# What a row shows of a run, and its target.
_ROWS = {
    "competition, model": (lambda run: f"{run['competition']}, {run['model']}", ""),
    "commit, status, minutes": (
        lambda run: f"{run['commit'] or '?'}, {run['status']}, {run['minutes']:.0f}",
        "",
    ),
    "programs asked for, written, valid": (
        lambda run: f"{run['asked']}, {run['programs']}, {run['valid']}",
        "",
    ),
    "requests per program": (
        lambda run: f"{run['requests'] / max(run['programs'], 1):.2f}",
        f"<= {_PER_PROGRAM}",
    ),
    "programs by recipes, programs without a request": (
        lambda run: f"{run['by_recipes']}, {run['extras']}",
        "",
    ),
    "time of the search with an open request": (
        lambda run: _share(run["open_in_search"]),
        f">= {_OPEN:.0%}",
    ),
    "the same of the whole run": (lambda run: _share(run["open_in_run"]), ""),
    "kinds of programs": (_kinds, ""),
    "best score known from a program of the model on": (_path, ""),
    "best recipe, best first draft, best": (
        lambda run: ", ".join(map(_score, (run[key] for key in _STAGES))),
        "",
    ),
    "share of the gain after the first drafts": (
        lambda run: _share(run["gain_after_drafts"]),
        f">= {_AFTER:.0%}",
    ),
    "tokens of a prompt, mean (largest)": (_tokens, ""),
    "mean of all but rewrites, largest rewrite": (_sizes, f"<= {_OTHERS}, <= {_REWRITE}"),
    "tokens in, out": (lambda run: f"{run['prompt_tokens']}, {run['completion_tokens']}", ""),
    "score of the final pick": (lambda run: _score(run["picked"]), ""),
    "private score": (lambda run: _score(run["private"]), ""),
    "references": (_references, ""),
}


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    runs: list[Figures] = []
    if len(options.private) > len(options.logs):
        raise UsageError("--private is given more often than there are runs")
    for name in set(options.private) - {UNKNOWN}:
        find(name)
    for logs, name in zip_longest(options.logs, options.private, fillvalue=UNKNOWN):
        runs.append(asdict(measure_strong(Path(logs).resolve(), name, options.dest)))
        yield {"runs": runs}


MEASURE = Measure(
    name="strong",
    help="what finished runs with a strong model made of their requests",
    options=(
        Option(
            "logs",
            {
                "nargs": "+",
                "type": Path,
                "metavar": "LOGDIR",
                "help": "the logs folder of a run's --out",
            },
            lambda logs: list(map(str, logs)),
        ),
        Option(
            "--private",
            {
                "action": "append",
                "default": [],
                "metavar": "NAME",
                "help": f"the competition of each LOGDIR in turn, {UNKNOWN} for one that is not of the pack",
            },
            lambda names: [f"--private {name}" for name in names],
        ),
        DEST,
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["runs"][-1]),
    table=strong_table,
    sections=("strong",),
)
