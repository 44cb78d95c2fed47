"""No secret is shown, however the output is cut into pieces and however the secret is spelled."""

from __future__ import annotations

import base64
import json
import random
import urllib.parse
from collections.abc import Sequence

import pytest
from swarm_host.errors import Credentials
from swarm_host.records import BuildConfig, RunConfig, Secret
from swarm_host.words.redact import (
    MARKER,
    Redactor,
    build_secret_values,
    redact_text,
    reveal,
    secret_values,
)

KEY = "sk-abcd/efgh+1234é"
LOWER = "sk-abcd%2fefgh%2b1234%c3%a9"


def shown(values: Sequence[str], pieces: Sequence[bytes]) -> bytes:
    redactor = Redactor(values)
    return b"".join([*map(redactor.feed, pieces), redactor.flush()])


def pieces_of(data: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.sample(range(len(data) + 1), min(len(data), rng.randrange(1, 8))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@pytest.mark.parametrize(
    "spelling",
    [
        KEY.encode(),
        base64.b64encode(KEY.encode()),
        base64.urlsafe_b64encode(KEY.encode()),
        urllib.parse.quote(KEY).encode(),
        urllib.parse.quote(KEY, safe="").encode(),
        LOWER.encode(),
        json.dumps(KEY)[1:-1].encode(),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_each_spelling_in_pieces_of_each_size(spelling: bytes, size: int) -> None:
    text = b"before " + spelling + b" after\n"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert shown([KEY], pieces) == b"before " + MARKER + b" after\n"


@pytest.mark.parametrize("user", ["u", "us", "usr"])
def test_a_secret_inside_the_base64_of_a_longer_text(user: str) -> None:
    token = base64.b64encode(f"{user}:{KEY}:tail".encode())
    seen = shown([KEY], [b"Authorization: Basic " + token])
    # At most the characters that are shared with the neighbours are left of it.
    assert MARKER in seen
    assert len(seen) - len(MARKER) <= len("Authorization: Basic ") + 16


def test_the_longest_comes_first_whatever_the_order_and_the_cut() -> None:
    for values in (["abcd", "abcdefgh"], ["abcdefgh", "abcd"]):
        assert shown(values, [b"abcd", b"efgh|abcd", b"!"]) == MARKER + b"|" + MARKER + b"!"


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    assert shown(["abcdef", "efghij"], [b"<abcdef", b"ghij>"]) == b"<" + MARKER + b">"


def test_two_in_a_row_are_two() -> None:
    assert shown(["abcd"], [b"abcdabcd"]) == MARKER * 2


def test_cutting_changes_nothing() -> None:
    rng = random.Random(7)
    values = ["aaaa", "abab", "ababab", "baab", "bbbba"]
    for _ in range(300):
        data = bytes(rng.choice(b"ab") for _ in range(rng.randrange(1, 60)))
        whole = shown(values, [data])
        assert shown(values, pieces_of(data, rng)) == whole
        assert not any(value.encode() in whole for value in values)


def test_an_end_that_may_be_a_start_is_kept_back_and_told_at_the_end() -> None:
    redactor = Redactor(["secret-value"])
    assert redactor.feed(b"all good: secret-v") == b"all good: "
    assert redactor.held == len("secret-v")
    assert redactor.feed(b"ain\n") == b"secret-vain\n"
    assert redactor.feed(b"sec") == b""
    assert redactor.flush() == b"sec"
    assert redactor.held == 0


def test_values_of_several_lines_are_redacted_by_line() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n"
    seen = shown([key], [b"x AAAABBBBCCCC y\r\nDDDDEEEEFFFF\r\n", key.encode()])
    assert b"AAAA" not in seen
    assert b"DDDD" not in seen


def test_binary_output_and_no_secret_pass_as_they_are() -> None:
    data = bytes(range(256)) * 3
    assert shown([], [data]) == data
    assert shown(["nothing-of-it"], [data[:100], data[100:]]) == data


def test_short_values_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter than 4"):
        Redactor(["abc"])
    assert shown([""], [b"abc"]) == b"abc"


def test_text() -> None:
    assert redact_text("key=s3cr3t-key!", ["s3cr3t-key"]) == "key=[redacted]!"


def test_secrets_are_looked_up_at_the_end() -> None:
    values = {"A": Secret("MY_TOKEN"), "B": "plain"}
    assert reveal(values, {"MY_TOKEN": "t-12345"}) == {"A": "t-12345", "B": "plain"}


def test_a_missing_and_a_short_secret_are_refused_by_name() -> None:
    values = {"A": Secret("B_TOKEN"), "B": Secret("A_KEY")}
    with pytest.raises(Credentials, match="not set: A_KEY, B_TOKEN"):
        reveal(values, {"B_TOKEN": ""})
    with pytest.raises(Credentials, match="B_TOKEN: shorter than 4") as caught:
        reveal(values, {"B_TOKEN": "xyz", "A_KEY": "long enough"})
    assert "xyz" not in str(caught.value)


def test_which_values_are_redacted() -> None:
    build = BuildConfig(context="/c", build_args={"T": Secret("GITHUB_TOKEN"), "V": "1"})
    env = {"K": Secret("A_KEY"), "D": Secret("DEBUG"), "U": Secret("URL"), "M": Secret("MISSING")}
    run = RunConfig(agent_image="i", command=(), workspace="/w", env=env, build=build)
    environ = {"A_KEY": "k-123", "DEBUG": "true", "URL": "pg://u:pw@h", "GITHUB_TOKEN": "ghp_1"}
    assert secret_values(run, environ) == ("ghp_1", "k-123", "pg://u:pw@h")
    assert build_secret_values(build, environ) == ("ghp_1",)
