"""utils/text.py."""

from __future__ import annotations

import math

import pytest

from utils.text import cap, clipped, exact, human_bytes, human_seconds, parse_duration, redact


def test_cap_keeps_head_and_tail_and_says_what_is_missing() -> None:
    text = "a" * 50 + "b" * 50
    assert cap(text, 100) == text
    assert cap(text, 20) == "a" * 10 + "\n[... 80 characters cut ...]\n" + "b" * 10
    assert cap(text, 20, head_share=0.0) == "\n[... 80 characters cut ...]\n" + "b" * 20
    assert cap(text, 20, head_share=1.0).endswith("cut ...]\n")


def test_lesson_24_keys_are_removed() -> None:
    assert redact("key abc123 and abc", ["abc", "abc123", ""]) == "key *** and ***"
    assert redact("Authorization: Bearer abcdefghijklmnop") == "Authorization: Bearer ***"
    assert redact("sk-proj-0123456789abcdef leaked") == "*** leaked"
    assert redact("http://user:pass@host/x") == "http://***@host/x"
    assert (
        redact("task-list-of-everything, http://host:80/x")
        == "task-list-of-everything, http://host:80/x"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min"), (200, "3 min 20 s"), (7500, "2 h 05 min"),
     (7200, "2 h"), (math.inf, "no limit")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert human_seconds(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (512, "512 B"),
        (1536, "1.5 KiB"),
        (120 << 30, "120 GiB"),
        (3 << 40, "3072 GiB"),
        (102 << 20, "102 MiB"),
    ],
)
def test_sizes_in_words(count: float, words: str) -> None:
    assert human_bytes(count) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("1h30m", 5400), (" 2m5s ", 125)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0m", "-5", "abc", "nan", "inf", "5 minutes", "30m1h", "1e3"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_a_clipped_text_ends_behind_a_clause_or_a_word() -> None:
    text = "boosted trees on lags, ridge on splines (knots at 3, 6, 9), extra trees"
    assert clipped(text, 200) == text
    assert clipped(text, 62) == "boosted trees on lags, ridge on splines (knots at 3, 6, 9) ..."
    assert clipped(text, 61) == "boosted trees on lags, ridge on splines ..."
    assert clipped("trees and a ridge on splines of the week", 30) == "trees and a ridge on ..."
    assert clipped("x" * 40, 20) == "x" * 17 + "..."
    for limit in range(5, 80):
        assert len(clipped(text, limit)) <= limit


def test_numbers_are_written_without_a_lie() -> None:
    assert exact(15420.0) == "15420"
    assert exact(1386510000) == "1386510000"
    assert exact(20090328.039) == "20090328.0"
    assert exact(0.123456789) == "0.123457"
    assert exact(2440.5) == "2440.5"
    assert exact(float("nan")) == "nan"
