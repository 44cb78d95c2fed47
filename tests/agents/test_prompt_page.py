"""docs/prompts.md is what the code writes now, and what it shows stays within its size."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from agents.prompting.progress import RunProgress
from agents.prompting.prompt_builder import PromptBuilder
from agents.prompting.system_text import TaskFacts
from core.evolution.briefs import BY_KIND
from core.records import Brief, CompetitionSpec, Parent
from core.task.look.collect import look
from tests.agents import prompt_page

# A strong author's program is as long as this one; see the figures.
PROGRAM = (
    prompt_page.WAVES.replace(
        "# %% MODEL",
        "".join(f'columns["wave{i}"] = np.sin({i} * hour / 24) * inert  # an idea\n' for i in range(30))
        + "# %% MODEL",
    )
    + "".join(f'print("member {i} of the blend has weight", {i} / 20, "after fitting")\n' for i in range(30))
)  # fmt: skip
# As long as a program may be: features with functions of their own, members, and their scores.
FEATURES = "".join(
    f"def feature_{i}(table):\n"
    f'    values = table["temperature"].rolling({i + 2}, min_periods=1).mean()\n'
    f"    return (values - values.mean()) / values.std()\n\n\n"
    f'columns["f{i}"] = feature_{i}(both)\n'
    for i in range(18)
)
MEMBERS = "".join(
    f"def member_{i}(X, y):\n    fitted = Ridge({i} + 0.5).fit(X, y)\n"
    f"    return lambda rows: fitted.predict(rows)\n\n\n"
    for i in range(18)
)
SCORES = "".join(
    f'print("member {i}", rmse(member_{i}(X[:cut], y[:cut])(X[cut:]), y[cut:]))\n'
    for i in range(18)
)
LONGEST = (
    PROGRAM.replace(
        "features = pd.DataFrame(columns)", FEATURES + "features = pd.DataFrame(columns)"
    )
    .replace("# %% TRAIN", MEMBERS + "# %% TRAIN")
    .replace("# %% POSTPROCESS", SCORES + "# %% POSTPROCESS")
)
KINDS = ("rewrite", "mutate", "merge", "debug", "shrink", "rebuild", "draft")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> CompetitionSpec:
    return prompt_page.task(tmp_path_factory.mktemp("page") / "demand")


def test_the_page_is_up_to_date(tmp_path: Path) -> None:
    written = prompt_page.PAGE.read_text(encoding="utf-8")
    assert written == prompt_page.page(tmp_path / "demand"), "python -m tests.agents.prompt_page"


def test_every_kind_that_a_model_is_asked_for_is_shown() -> None:
    shown = {brief.kind for brief in prompt_page.briefs().values()}
    assert shown == BY_KIND.keys() - {"tune"}


def after(spec: CompetitionSpec, count: int) -> PromptBuilder:
    """After so many steps: the same few over and over, each of which says all that it can."""
    some = prompt_page.steps()
    made = []
    for number in range(count):
        step = some[number % len(some)]
        parents = tuple(f"s{number - 3:04d}" for _ in step.parents)
        tail = "".join(f"a line of output, number {i}\n" for i in range(140))
        outcome = dataclasses.replace(step.outcome, tail=tail)
        made.append(
            dataclasses.replace(
                step,
                id=f"s{number:04d}",
                step=number,
                parents=parents,
                outcome=outcome,
                plan=f"{step.plan}, try {number} with more columns",
            )
        )
    progress = RunProgress(
        entries=lambda: made,
        spans=lambda: prompt_page.SPANS,
        errors=lambda name, limit: ("by hour (RMSE, bias): 0-3 .074 -.036\n" * 80)[:limit],
        skills=lambda brief, most: [f"### Piece {i}\n{'advice ' * 140}\n" for i in range(most)],
    )
    return PromptBuilder(
        TaskFacts(spec, look(spec), prompt_page.SPLIT, spans=prompt_page.SPANS),
        prompt_page.MACHINE,
        progress,
    )


def brief_of(kind: str, program: str = PROGRAM) -> Brief:
    first = Parent("s0002", program, prompt_page.WAVES_PLAN, 0.07, prompt_page.FAULT)
    second = Parent(
        "s0003", program.replace("PENALTY = 3.0", "PENALTY = 30.0"), "other", 0.08, None
    )
    parents = {"draft": (), "merge": (first, second), "rebuild": (first, second)}
    asked = "draft" if kind == "rebuild" else kind
    locus = "MODEL" if kind == "mutate" else None
    return Brief(9, asked, 3, parents.get(kind, (first,)), locus, seconds=90.0)  # type: ignore[arg-type]


def sizes(prompts: PromptBuilder, program: str = PROGRAM) -> dict[str, float]:
    """Tokens by kind, the system text included."""
    system = prompts.system()
    return {kind: (len(system) + len(prompts.write(brief_of(kind, program)))) / 4 for kind in KINDS}


def test_prompts_keep_their_size_at_any_number_of_steps(task: CompetitionSpec) -> None:
    assert 6000 < len(PROGRAM) < 9000
    found = {count: sizes(after(task, count)) for count in (7, 70, 490)}
    print(found)
    for made in found.values():
        others = [size for kind, size in made.items() if kind != "rewrite"]
        assert made["rewrite"] <= 6000
        assert sum(others) / len(others) <= 4000
    for kind in KINDS:
        assert found[490][kind] <= 1.1 * found[70][kind], kind


def test_prompts_about_the_longest_programs(task: CompetitionSpec) -> None:
    assert 13_000 < len(LONGEST) <= 14_000
    prompts = after(task, 70)
    found = sizes(prompts, LONGEST)
    print(found)
    assert found["rewrite"] <= 6500
    assert found["rebuild"] <= 6500
    assert found["mutate"] <= 4400
    assert found["merge"] <= 5000
    assert found["debug"] <= 3600
    assert "def member_7(" in prompts.write(brief_of("mutate", LONGEST)), "TRAIN calls it"
    assert "def feature_7(" in prompts.write(brief_of("rewrite", LONGEST))


def test_a_rewrite_shows_its_program_whole_and_facts_give_way(task: CompetitionSpec) -> None:
    prompts = after(task, 7)
    facts = []
    for program in (PROGRAM, PROGRAM + "x = 1  # one more line of it\n" * 300):
        first = Parent("s0002", program, "a plan", 0.07, None)
        text = prompts.write(dataclasses.replace(brief_of("rewrite"), parents=(first,)))
        assert program.rstrip() in text
        facts.append(text.count("a line of output"))
    assert facts[0] > 1.5 * facts[1] > 0
