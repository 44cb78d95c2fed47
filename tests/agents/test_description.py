"""agents/prompting/description.py: what is never cut, what always goes, and how the rest is
shortened.
"""

from __future__ import annotations

import pytest

from agents.prompting.description import cut_description, sections_of

FILLER = "The history of this question is long, and many people have looked at it from many sides. "
COLUMNS = "\n".join(
    f"- **field_{i}** - the {i}th measurement of the device, in millimetres per second"
    for i in range(120)
)
KAGGLE = f"""# Device failures

## Description

{FILLER * 30}

{FILLER * 25}

### Acknowledgments

We thank the Institute of Gears for the generous gift of its logs.

## Evaluation

Submissions are scored on the mean absolute error between the predicted and the observed hours to failure.

### Submission File

For each `id` in the test set, predict a value for `hours`:

```
id,hours
# this is no heading
1,0.5
```

## Prizes

First place: a trip to the moon. {FILLER}

### Efficiency Prize Evaluation

The fastest notebook is evaluated on its speed, too.

## Timeline

- **June 1** - Start. External data must be disclosed on the forum before this date.

## Code Requirements

Notebooks must run in nine hours. Freely and publicly available external data is allowed, including pre-trained models.

## Citation

A. Author. Device failures. 2020.

# Dataset Description

{COLUMNS}
"""


def test_scoring_and_submission_stay_and_noise_goes() -> None:
    text = cut_description(KAGGLE, 4000)
    assert len(text) < 4600
    for kept in (
        "mean absolute error",
        "For each `id` in the test set",
        "id,hours\n# this is no heading\n1,0.5",
    ):
        assert kept in text
    for noise in (
        "trip to the moon",
        "fastest notebook",
        "We thank",
        "A. Author",
        "June 1",
        "nine hours",
    ):
        assert noise not in text
    assert "field_0" in text
    assert "field_119" not in text
    assert "The history of this question" in text
    assert text.count("The history") < 30


def test_the_rule_on_external_data_is_shown_wherever_it_stands() -> None:
    """Section 8 of the design: the proposer sees it."""
    text = cut_description(KAGGLE, 4000)
    assert (
        "Freely and publicly available external data is allowed, including pre-trained models."
        in text
    )
    assert "External data must be disclosed" in text
    assert (
        cut_description("# A\n\nExternal data is forbidden.", 900).count(
            "External data is forbidden"
        )
        == 1
    )


def test_a_tight_limit_leaves_what_is_never_cut() -> None:
    text = cut_description(KAGGLE, 100)
    assert "mean absolute error" in text
    assert "id,hours" in text
    assert "field_0" not in text
    assert text.count("[...]") >= 2


def test_a_short_description_stays_whole_and_in_order() -> None:
    short = "# T\n\nIntro text.\n\n## Evaluation\n\nRMSE.\n\n## Data\n\na, b, c"
    assert cut_description(short, 4000) == short


@pytest.mark.parametrize(
    "heading",
    [
        "## Evaluation",
        "##Evaluation",
        "**Evaluation**",
        "Evaluation\n---",
        "Evaluation\n=====",
        "<h2>Evaluation</h2>",
    ],
)
def test_headings_of_every_form(heading: str) -> None:
    text = f"{FILLER * 40}\n\n{heading}\n\nScored by log loss.\n\n## Prizes\n\nGold.\n"
    cut = cut_description(text, 600)
    assert "Scored by log loss." in cut
    assert "Gold" not in cut


def test_without_headings_paragraphs_on_scoring_are_kept() -> None:
    text = f"{FILLER * 20}\n\nSubmissions are evaluated using the area under the curve.\n\n{FILLER * 20}\n\nEnd."
    cut = cut_description(text, 500)
    assert "area under the curve" in cut
    assert len(cut) < 700


def test_sections_inherit_the_kind_of_what_they_belong_to() -> None:
    kinds = {section.heading: section.kind for section in sections_of(KAGGLE)}
    assert kinds["### Submission File"] == "keep"
    assert kinds["### Efficiency Prize Evaluation"] == "drop"
    assert kinds["# Dataset Description"] == "data"
    nested = sections_of("## Evaluation\n\nx\n\n### Details\n\ny\n\n## Overview\n\nz")
    assert [section.kind for section in nested] == ["keep", "keep", "background"]


def test_markup_and_invisible_characters_go() -> None:
    text = cut_description(
        "Go to [the site](https://a.b/c(d)) ![x](y.png)<p>now&nbsp;or\u200b never<b>\u202e <id>,<x>",
        500,
    )
    assert text == "Go to the site  now or never <id>,<x>"


def test_endless_lines_and_examples_are_shortened_even_where_kept() -> None:
    rows = "\n".join(f"{i},0" for i in range(500))
    text = cut_description(f"## Submission\n\n```\nid,x\n{rows}\n```\n\n{'1 ' * 5000}", 1000)
    assert len(text) < 1000
    assert "id,x\n0,0" in text


def test_an_empty_description_is_empty() -> None:
    assert cut_description("", 1000) == ""
    assert cut_description("\n\n# \n", 1000).strip() in ("", "#")
