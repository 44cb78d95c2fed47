"""Variables in specification files, each form and each mistake."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from swarm_host.errors import SpecError
from swarm_host.records import Secret
from swarm_host.words.expand import (
    Scope,
    expand_path,
    expand_text,
    expand_value,
    looks_secret,
)

SCOPE = Scope(
    own={"run_id": "r1", "seed": "7"},
    environ={
        "DATA": "/data",
        "EMPTY": "",
        "MODEL": "gpt",
        "HOME": "/home/ada",
        "WANDB_API_KEY": "w-secret",
        "DATABASE": "pg://u:pw@h",
        "run_id": "of the host",
        "TWICE": "$DATA",
    },
    home="/home/ada",
    base="/here",
)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$DATA/x", "/data/x"),
        ("${DATA}x", "/datax"),
        ("$MODEL-${run_id}", "gpt-r1"),
        ("${run_id}/$run_id", "r1/r1"),
        ("${MISSING:-here}", "here"),
        ("${EMPTY:-here}", "here"),
        ("${DATA:-here}", "/data"),
        ("${MISSING:-}", ""),
        ("${MISSING:-${OTHER:-${seed}}}/x", "7/x"),
        ("$EMPTY|", "|"),
        ("$$DATA $${DATA}", "$DATA ${DATA}"),
        ("$$$DATA", "$/data"),
        ("5$ and $5 and $", "5$ and $5 and $"),
        ("${{ secrets.X }}", "${{ secrets.X }}"),
        ("a ${{ anything at all }} $seed", "a ${{ anything at all }} 7"),
        ("$TWICE", "$DATA"),
        ("~ a~b", "~ a~b"),
        ("$seedling", None),
    ],
)
def test_text(text: str, expanded: str | None) -> None:
    if expanded is None:
        with pytest.raises(SpecError, match=r"seedling is not set; nearest: seed"):
            expand_text(text, SCOPE)
    else:
        assert expand_text(text, SCOPE) == expanded


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${MODLE}", r"\$MODLE is not set; nearest: MODEL; .*:-default.*\$\$MODLE"),
        ("${run-id}", "only .*are known"),
        ("${}", "only .*are known"),
        ("${X-y}", "only .*are known"),
        ("${DATA", "closing brace"),
        ("${A:-${B}", "closing brace"),
        ("--key $WANDB_API_KEY", r"looks like a secret.*secrets\.WANDB_API_KEY"),
        ("${MISSING:-$WANDB_API_KEY}", "looks like a secret"),
    ],
)
def test_mistakes_in_text(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        expand_text(text, SCOPE)
    assert "w-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/home/ada"),
        ("~/x", "/home/ada/x"),
        ("${MISSING:-~/x}", "/home/ada/x"),
        ("a/~", "/here/a/~"),
        ("./runs/${run_id}", "/here/runs/r1"),
        ("../up", "/up"),
        ("/abs//x/", "/abs/x"),
        ("$DATA", "/data"),
    ],
)
def test_path(text: str, path: str) -> None:
    assert expand_path(text, SCOPE) == path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("~bob/x", "only ~ by itself"),
        ("", "empty"),
        ("$EMPTY", "empty"),
        ("a\0b", "NUL"),
        ("/x/${{ secrets.X }}", "env and build_args only"),
    ],
)
def test_mistakes_in_paths(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        expand_path(text, SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ secrets.OPENAI }}", Secret("OPENAI")),
        ("${{secrets.X}}", Secret("X")),
        ("$DATABASE", Secret("DATABASE")),
        ("${DATABASE:-none}", Secret("DATABASE")),
        ("$MODEL", "gpt"),
        ("${MODEL:-other}", "gpt"),
        ("${WANDB_API_KEY}", Secret("WANDB_API_KEY")),
        ("${WANDB_API_KEY:-none}", Secret("WANDB_API_KEY")),
        ("${MISSING:-none}", "none"),
        ("$HOME", "/home/ada"),
        ("$run_id", "r1"),
        ("$MODEL/7", "gpt/7"),
        ("$$MODEL", "$MODEL"),
        ("$EMPTY", ""),
    ],
)
def test_value(text: str, value: str | Secret) -> None:
    assert expand_value(text, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Bearer ${{ secrets.X }}", "whole value"),
        ("${{ env.X }}", r"only \$\{\{ secrets\.NAME \}\}"),
        ("Bearer $WANDB_API_KEY", "looks like a secret"),
        ("$WANDB_APY_KEY", "nearest: WANDB_API_KEY"),
    ],
)
def test_mistakes_in_values(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        expand_value(text, SCOPE)


def test_names_that_look_secret() -> None:
    secret = ["OPENAI_API_KEY", "HF_TOKEN", "db_password", "GITHUB_PAT", "APIKEY", "KEY"]
    plain = ["KEYBOARD", "PATH", "MODEL", "MONKEY", "TOKENIZERS_PARALLELISM"]
    assert [looks_secret(name) for name in secret + plain] == [True] * 6 + [False] * 5


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.sampled_from(["$", "$$", "{", "}", "${a}", "$b", "${late}", "-", "x"])))
def test_two_expansions_say_what_one_says(parts: list[str]) -> None:
    """What is known later fills in what the first expansion left."""
    text, known, late = "".join(parts), {"a": "1$$2$", "b": ""}, {"late": "5$a"}
    whole = Scope({**known, **late}, {}, "", "/")
    first = Scope(known, {}, "", "/", later=frozenset(late))
    try:
        wanted = expand_text(text, whole)
    except SpecError:
        with pytest.raises(SpecError):
            expand_text(text, first)
        return
    assert expand_text(expand_text(text, first), Scope(late, {}, "", "/")) == wanted


def test_what_is_known_later_takes_no_default() -> None:
    scope = Scope({}, {}, "", "/", later=frozenset({"seed"}))
    with pytest.raises(SpecError, match="takes no default"):
        expand_text("${seed:-3}", scope)
