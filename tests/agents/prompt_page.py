"""docs/prompts.md: one prompt of each kind for one task, by the code that writes them in a run.

`python -m tests.agents.prompt_page` writes the page anew. The task is made up and small; its two
programs stand in demand/programs and ran on its views: scores, seconds and outputs are theirs.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from agents.personas import load_personas
from agents.prompting.error_text import error_text
from agents.prompting.knowledge import Facts, pick
from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.siblings import FirstPlan, WrittenDraft
from agents.prompting.system_text import CandidateMachine, TaskFacts
from core.doubles import CLEAN, entry
from core.records import (
    Brief,
    CompetitionSpec,
    Ensemble,
    Entry,
    ErrorGroup,
    ErrorInfo,
    ErrorReport,
    ErrorTable,
    Parent,
    SplitSpec,
    Verdict,
)
from core.task.hints import Hints
from core.task.look.collect import look
from core.task.recognise.spec import inspect_competition
from tests.agents.demand import folder

PAGE = Path(__file__).parents[2] / "docs" / "prompts.md"
PROGRAMS = Path(__file__).parent / "demand" / "programs"
HEAD = """# What an author reads

One prompt of each kind, as a model gets it: the system text, which is the same for all requests of a
run, and below it what is asked, here for a made-up task (half-hourly demand of power, RMSE, later
rows held out). Written by `python -m tests.agents.prompt_page`; a test holds it up to date. Kinds are
those of `core/evolution/briefs.py`; values (`tune`) are tried without a request.
"""
MACHINE = CandidateMachine(
    "3.11",
    {"numpy": "2.2", "pandas": "2.3", "scipy": "1.15", "scikit-learn": "1.7", "lightgbm": "4.6"},
    1,
    4096,
)
SPLIT = SplitSpec("time", 3, 1857, 413, 0, "three expanding windows", time_column="when")
SPANS = {
    "search0": "2014-02-13 17:00 .. 2014-02-26 14:00, 619 rows",
    "search1": "2014-02-26 14:30 .. 2014-03-11 11:30, 619 rows",
    "search2": "2014-03-11 12:00 .. 2014-03-24 09:00, 619 rows",
}
WAVES = (PROGRAMS / "waves.py").read_text(encoding="utf-8")
NEIGHBOURS = (PROGRAMS / "neighbours.py").read_text(encoding="utf-8")
WAVES_PLAN = (
    "ridge on waves of day and year, weekend, bent and inert temperature; histogram boosting on its"
    " residual, share of the trees from the last 15 % of the rows"
)
NEIGHBOURS_PLAN = "nearest neighbours (15 half hours by time of day, weekend, temperature and its mean of 12 hours)"
WAVES_OUTPUT = """later rows: ridge alone 0.1052, with all trees 0.0656
share of the trees 1.0, bias +0.0055
3096 rows, 24 columns, 1.9 s of 70 s
"""
NEIGHBOURS_OUTPUT = "later rows: 0.1628, bias +0.0956\n"
ERRORS = {
    "s0002": ErrorReport(
        1857,
        (
            "rmse 0.0741 over 1857 held-out rows",
            "mean of prediction - answer -0.0363: bias makes 24.0% of the squared error, spread the rest",
        ),
        (
            ErrorTable(
                "by when, hour of day (rmse)",
                (
                    ErrorGroup("08 to 12 h", 307, 0.0746, -0.0341),
                    ErrorGroup("04 to 08 h", 307, 0.0741, -0.0412),
                    ErrorGroup("16 to 20 h", 312, 0.0702, -0.0308),
                ),
            ),
            ErrorTable(
                "by temperature (rmse)",
                (
                    ErrorGroup("4.2 to 6.5", 373, 0.0748, -0.0402),
                    ErrorGroup("11.3 and more", 363, 0.0712, -0.0291),
                ),
            ),
        ),
    ),
    "s0003": ErrorReport(
        1857,
        (
            "rmse 0.128 over 1857 held-out rows",
            "mean of prediction - answer 0.061: bias makes 22.7% of the squared error, spread the rest",
        ),
        (
            ErrorTable(
                "by temperature (rmse)",
                (
                    ErrorGroup("11.3 and more", 363, 0.178, 0.121),
                    ErrorGroup("8.7 to 11.3", 379, 0.147, 0.0783),
                    ErrorGroup("below 4.2", 379, 0.0814, 0.0151),
                ),
            ),
            ErrorTable(
                "by when, hour of day (rmse)", (ErrorGroup("08 to 12 h", 307, 0.188, 0.116),)
            ),
        ),
    ),
}
FAULT = ErrorInfo(
    "KeyError",
    "'temp'",
    'Traceback (most recent call last):\n  File "/srv/ws/working/s4/solution.py", line 24, in <module>\n'
    "    inert = both['temp'].ewm(halflife=12).mean()\nKeyError: 'temp'",
)
SLOW = ErrorInfo("TimeoutError", "stopped at its time limit (75 s)", "")


def finished(name: str, folds: list[float], plan: str, seconds: float, **changes: object) -> Entry:
    outcome = dataclasses.replace(CLEAN, duration_s=seconds, tail=str(changes.pop("tail", "")))
    made = entry(name, sum(folds) / len(folds), folds=folds, outcome=outcome)
    verdict = dataclasses.replace(made.verdict, stderr=0.015 * sum(folds) / len(folds))
    made = dataclasses.replace(made, verdict=verdict)
    known = {"plan": plan, "author": "model", "told_s": 60.0} | changes
    return dataclasses.replace(made, **known)  # type: ignore[arg-type]


def steps() -> list[Entry]:
    """Two recipes, two programs of a model, a change of one part on one fold, and two failures."""
    crashed = dataclasses.replace(CLEAN, error=FAULT, tail="1858 rows\n")
    late = dataclasses.replace(
        CLEAN,
        killed_for="deadline",
        timed_out=True,
        duration_s=75.2,
        peak_rss_mb=700.0,
        error=SLOW,
        tail="kernel fit on 1858 rows took 21.4 s\nkernel fit on 2229 rows took 37.0 s\n",
    )
    failed = {"author": "model", "told_s": 60.0}

    def unjudged(why: str) -> Verdict:
        return Verdict(False, None, None, "none", (f"no submission: {why}",))

    return [
        finished("s0000", [0.412, 0.433, 0.391], "linear model (alpha 1)", 2.1, author="recipes"),
        finished("s0001", [0.301, 0.287, 0.29], "histogram boosting", 3.0, author="recipes"),
        finished(
            "s0002",
            [0.0765, 0.0751, 0.0705],
            WAVES_PLAN,
            7.8,
            tail=WAVES_OUTPUT,
            hypothesis="the base carries levels that trees cannot reach; trees mend its shape",
        ),
        finished("s0003", [0.1177, 0.1471, 0.1186], NEIGHBOURS_PLAN, 7.2, tail=NEIGHBOURS_OUTPUT),
        dataclasses.replace(
            entry("s0004", None, outcome=crashed, kind="rewrite", parents=("s0002",)),
            plan="waves ridge with three half-lives of the temperature beside one another",
            verdict=unjudged("KeyError: 'temp'"),
            **failed,  # type: ignore[arg-type]
        ),
        finished(
            "s0005",
            [0.0869],
            "waves ridge, boosting with 600 rounds at .02 on the residual",
            9.4,
            kind="mutate",
            parents=("s0002",),
            locus="MODEL",
            complete=False,
            hypothesis="slower learning fits the residual better",
        ),
        dataclasses.replace(
            entry("s0006", None, outcome=late, kind="rewrite", parents=("s0002",)),
            plan="Gaussian process per quarter of the day on the residual of the waves ridge",
            verdict=unjudged("it was stopped at its time limit"),
            **failed,  # type: ignore[arg-type]
        ),
    ]


def parents() -> dict[str, Parent]:
    """What a brief shows of the steps."""
    programs = {"s0003": NEIGHBOURS, "s0004": WAVES.replace('"temperature"].ewm', '"temp"].ewm')}
    found: dict[str, Parent] = {}
    for step in steps():
        program = programs.get(step.id, WAVES)
        error = step.outcome.error
        found[step.id] = Parent(step.id, program, step.plan, step.verdict.score, error)
    return found


def briefs() -> dict[str, Brief]:
    """One of each kind, by its heading."""
    team = {persona.name: persona for persona in load_personas()}
    by_id = parents()
    best, other = by_id["s0002"], by_id["s0003"]
    siblings = ("linear model (alpha 1)", "histogram boosting", "")
    return {
        "First draft": Brief(
            2, "draft", 3, siblings=siblings, persona=team["modeller"], seconds=60.0
        ),
        "Rewrite": Brief(7, "rewrite", 3, (best,), persona=team["feature_engineer"], seconds=90.0),
        "Mutate, a part and an aspect": Brief(
            8, "mutate", 3, (best,), "TRAIN", "validation", persona=team["validator"], seconds=90.0
        ),
        "Mutate, free": Brief(9, "mutate", 3, (other,), persona=team["modeller"], seconds=90.0),
        "Merge": Brief(10, "merge", 3, (best, other), persona=team["ensembler"], seconds=90.0),
        "Late draft": Brief(
            20, "draft", 3, (best, other), persona=team["ensembler"], seconds=180.0
        ),
        "Debug": Brief(11, "debug", 3, (by_id["s0004"],), persona=team["validator"], seconds=90.0),
        "Shrink": Brief(
            12, "shrink", 3, (by_id["s0006"],), persona=team["validator"], seconds=60.0
        ),
    }


def errors(name: str, limit: int) -> str:
    """Where the errors of an entry lie, in words."""
    if name not in ERRORS:
        return ""
    return error_text(ERRORS[name], limit)


def task(root: Path) -> CompetitionSpec:
    """root: an empty folder."""
    return inspect_competition(folder.write(root), folder.DESCRIPTION, Hints.of())


def builder(spec: CompetitionSpec, count: int | None = None) -> PromptBuilder:
    """count: finished steps; None: all."""
    facts = Facts(packages=frozenset({"lightgbm"}))
    made = steps()[:count]
    drafts = [WrittenDraft(step.plan, step.author == "recipes") for step in made[:2]]
    progress = RunProgress(
        entries=lambda: made,
        drafts=lambda: drafts,
        skills=lambda brief, most: pick(brief, spec, facts, most),
        limits_s=lambda: {fold.key: 75.0 for step in made for fold in step.folds},
        spans=lambda: SPANS,
        errors=errors,
        blend=lambda: Ensemble((("s0002", 0.88), ("s0003", 0.12)), "mean", 0.0718, 0.0021),
        likeness=lambda first, second: 0.21,
        first_plan=lambda brief: FirstPlan(WAVES_PLAN, (NEIGHBOURS_PLAN,)),
    )
    return PromptBuilder(TaskFacts(spec, look(spec), SPLIT, spans=SPANS), MACHINE, progress)


def prompts(root: Path) -> dict[str, str]:
    """Heading -> text."""
    spec, asked = task(root), briefs()
    begun, made = builder(spec, 2), builder(spec)
    told = {
        "System text": made.system(),
        "Plans of the first programs": begun.plans(2, asked["First draft"].seconds),
    }
    told |= {title: begun.write(asked[title]) for title in ("First draft",)}
    told |= {title: made.write(brief) for title, brief in asked.items() if title not in told}
    reasons = ("line 24: the name 'both2' is not bound",)
    return told | {"Repair of an answer": made.repair(asked["Merge"], NEIGHBOURS, reasons)}


def page(root: Path) -> str:
    """The whole document."""
    parts = [HEAD]
    for title, text in prompts(root).items():
        size = f"{len(text.split())} words, about {len(text) // 4:,} tokens"
        parts.append(f"## {title}\n\n{size}\n\n~~~~~text\n{text.rstrip()}\n~~~~~\n")
    return "\n".join(parts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room:
        PAGE.write_text(page(Path(room) / "demand"), encoding="utf-8")
