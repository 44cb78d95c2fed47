"""Text from outside takes time in proportion to its length, whatever it holds, and leaves nothing in
a prompt, a log or on a terminal but what people can read.
"""

from __future__ import annotations

import gc
import html
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.answers.answer import read_answer
from agents.prompting.description import cut_description
from core.execution.program_output import last_traceback
from core.llm.causes import error_text, one_line, page_text
from core.llm.loose_json import read_json
from core.llm.texts import without_thoughts
from core.task.metric.text import normalise, recognise
from utils.config import load_config, read_description
from utils.markup import replaced, unescaped
from utils.text import WHOLE_NUMBER

MARKS = [
    "[", "(", "{", "<", "![", "[](", "[a](", "<a ", "<p ", "<h1>", "<h1", "<!--", "<style>", "<br",
    "\\[", "\\(", "$$", "`", "'", '"', '"\\', "*", "&#1", "\x1b[", "]", ")",
]  # fmt: skip
LINES = ["# ", "```\n", "~~~\n", "=\n", "# evaluation\n", "- ", "\n", "evaluation: a\n"]
SMALL, LARGE = 1_000_000, 5_000_000
# A quadratic one takes 25 times as long for five times as much text.
TIMES = 12


def seconds(function: Callable[[str], object], text: str) -> float:
    """The lesser of two. Objects of other tests are not looked through meanwhile."""
    found: list[float] = []
    gc.collect()
    gc.freeze()
    try:
        for _ in range(2):
            begun = time.process_time()
            function(text)
            found.append(time.process_time() - begun)
    finally:
        gc.unfreeze()
    return min(found)


def grows_like_its_text(
    function: Callable[[str], object], unit: str, small: int, large: int
) -> bool:
    """The larger text is given up by nobody: what is quadratic is seen in the smaller ones first."""
    texts = [unit * (size // len(unit)) for size in (small // 50, small, large)]
    for few, many in zip(texts, texts[1:], strict=False):
        before = max(seconds(function, few), 0.02)
        if seconds(function, many) > TIMES * before * len(many) / len(few) / 5:
            return False
    return True


def describe(text: str) -> None:
    cut_description(f"# Evaluation\n\n{text}", 5600)


def metric_of(text: str) -> None:
    recognise(f"# Evaluation\n\n{text}")


@pytest.mark.parametrize("unit", ["[", "(", "<", "<p ", "'", '"', "`"])
@pytest.mark.parametrize("function", [describe, normalise])
def test_five_megabytes_of_a_mark_take_five_times_as_long_as_one(
    function: Callable[[str], object], unit: str
) -> None:
    assert grows_like_its_text(function, unit, SMALL, LARGE)


@pytest.mark.parametrize("unit", [*MARKS, *LINES, "baseline ", "only rows "])
@pytest.mark.parametrize("function", [describe, metric_of])
def test_the_metric_is_read_in_linear_time(function: Callable[[str], object], unit: str) -> None:
    assert grows_like_its_text(function, unit, 40_000, 160_000)


@pytest.mark.parametrize(
    ("function", "unit"),
    [
        (lambda text: pytest.raises(ValueError, read_json, text, {"type": "object"}), "["),
        (lambda text: pytest.raises(ValueError, read_json, text, {"type": "object"}), '{"'),
        (lambda text: pytest.raises(ValueError, read_json, text, {"type": "object"}), '{"\\"'),
        (without_thoughts, "<think></think>"),
        (last_traceback, "\n"),
        (lambda text: page_text(f"<html>{text}"), "<title>"),
        (lambda text: WHOLE_NUMBER.match(f"{text}x"), "0"),
        (read_answer, "plan \n"),
        (read_answer, "```\nread_"),
        (read_answer, "# "),
    ],
)
def test_answers_errors_and_output_are_read_in_linear_time(
    function: Callable[[str], object], unit: str
) -> None:
    assert grows_like_its_text(function, unit, 50_000, 200_000)


def test_a_section_that_is_kept_is_capped() -> None:
    sentence = "Submissions are scored on the mean absolute error. "
    shown = cut_description("# Evaluation\n\n" + (sentence * 40 + "\n\n") * 250, 5600)
    assert sentence.strip() in shown
    assert len(shown) < 3.1 * 5600


def test_headings_without_end_are_capped() -> None:
    assert len(cut_description("## Evaluation of a thing\n" * 20_000, 5600)) < 3.1 * 5600


def test_an_image_a_link_a_comment_and_a_heading_of_html_are_read_as_before() -> None:
    text = "<h2>Evaluation</h2><!-- no --><p>The [score](http://a/b_(c)) ![x](y) is <b>MAE</b></p>"
    assert cut_description(text, 5600).split() == "## Evaluation The score is MAE".split()
    assert "## Evaluation" in normalise(text)
    assert "http" not in normalise(text)


def test_a_mark_that_nothing_closes_stays_and_hides_no_later_one() -> None:
    opening = re.compile(r"<([ab])>")
    found = replaced(
        "<a>1<b>2</b>3<a>4", opening, lambda mark: f"</{mark[1]}>", lambda mark, inner: f"({inner})"
    )
    assert found == "<a>1(2)3<a>4"


def test_a_reference_of_thousands_of_digits_is_no_error() -> None:
    text = f"a&#{'1' * 5000};b &amp; c&#x202e;d"
    with pytest.raises(ValueError, match="digits"):
        html.unescape(text)
    assert unescaped(text) == "a b & cd"


def test_a_description_comes_without_escapes_and_is_read_to_a_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "description.md").write_text("\x1b[31mred\x1b[0m\x07 " + "a" * 2_000_000)
    config = load_config(use_cli=False, overrides={"data.data_dir": str(tmp_path)})
    text = read_description(config, ())
    assert text.startswith("red aaa")
    assert len(text) <= 1_000_000
    assert "is longer than" in caplog.text


def test_the_error_of_an_endpoint_brings_no_escapes() -> None:
    assert one_line("no\x1b]0;title\x07 \x1b[2Jsuch\u202e model") == "no such model"


def test_an_error_body_that_is_nested_deeply_is_a_text() -> None:
    body = '{"error": ' * 5000
    assert error_text(body) == (body, "")


def test_deep_json_and_halves_of_characters_are_refused_or_mended() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json('{"a": ' * 70 + "1" + "}" * 70, {"type": "object"})
    with pytest.raises(ValueError, match="nested"):
        read_json('{"a": ' * 5000 + "1" + "}" * 5000, {"type": "object"})
    assert read_json('{"a": "x\\ud800"}', {"type": "object"}) == {"a": "x?"}


def test_json_behind_brackets_and_quotes_that_nothing_closes_is_found() -> None:
    assert read_json('as [here 5" is:\n{"a": {"b": 1}} {"c": 2}', {"type": "object"})
    assert read_json("[" * 60 + '{"a": 1}', {"type": "object"}) == {"a": 1}
