"""The agent's Dockerfile put onto its base's."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.backends.cloud import flatten, ignore, staging
from swarm_host.backends.cloud.dockerfile import command_words, copy_parts, parse
from swarm_host.errors import UsageError
from swarm_host.records import BuildConfig, Secret

ROOT = Path(__file__).resolve().parents[4]
BASE = """\
# syntax=docker/dockerfile:1
ARG VERSION=22.04
FROM ubuntu:${VERSION}
ARG HEAVY=true
COPY environment/entrypoint.sh /entrypoint.sh
WORKDIR /home
ENTRYPOINT ["/entrypoint.sh"]
"""


def flat(agent: str, base: str | None = BASE, **build_args: str) -> str:
    return flatten.flatten(parse(base) if base else None, parse(agent), build_args).text


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_one_stage_each_become_one_stage() -> None:
    agent = "FROM mlebench-env\nCOPY start.sh /home/agent/\nCMD bash /home/agent/start.sh\n"
    assert lines(flat(agent)) == [
        "# syntax=docker/dockerfile:1",
        "ARG VERSION=22.04",
        "FROM ubuntu:${VERSION}",
        "ARG HEAVY=true",
        "COPY base/environment/entrypoint.sh /entrypoint.sh",
        "WORKDIR /home",
        'ENTRYPOINT ["/entrypoint.sh"]',
        "COPY agent/start.sh /home/agent/",
        "CMD bash /home/agent/start.sh",
    ]


def test_arg_before_from_names_the_base_and_keeps_its_value_inside() -> None:
    agent = "ARG TAG=latest\nARG BASE=mlebench-env:${TAG}\nFROM $BASE\nARG TAG\nRUN echo $TAG\n"
    found = lines(flat(agent))
    assert found[-2:] == ['ARG TAG="latest"', "RUN echo $TAG"]
    assert not any("mlebench-env" in line for line in found if line.startswith("FROM"))


def test_build_args_become_defaults_of_the_agent_alone() -> None:
    agent = 'FROM mlebench-env\nARG HEAVY\nARG NAME="a b"\nRUN x\n'
    found = lines(flat(agent, HEAVY="no", NAME='say "$x"'))
    assert found.count("ARG HEAVY=true") == 1
    assert found[-3:] == ['ARG HEAVY="no"', 'ARG NAME="say \\"\\$x\\""', "RUN x"]
    assert lines(flat(agent))[-2] == 'ARG NAME="a b"'


def test_several_names_of_one_arg_become_single_ones() -> None:
    agent = "ARG A=mlebench B=env\nFROM $A-$B\nARG B C='x y'\n"
    assert lines(flat(agent, C="z"))[-2:] == ['ARG B="env"', 'ARG C="z"']


def test_an_unknown_build_arg_is_named() -> None:
    with pytest.raises(UsageError, match="NAM"):
        flat("FROM mlebench-env\nARG NAME\n", NAM="x")
    assert "FROM ubuntu" in flat("FROM mlebench-env\n", HTTP_PROXY="http://x")


def test_a_build_arg_chooses_the_base() -> None:
    agent = parse("ARG BASE=python:3.11\nFROM ${BASE}\n")
    assert not flatten.needs_base(agent, {})
    assert flatten.needs_base(agent, {"BASE": "mlebench-env:v2"})
    assert lines(flat("ARG BASE=python:3.11\nFROM ${BASE}\n", None)) == ["FROM python:3.11"]


def test_more_stages_keep_theirs() -> None:
    base = "FROM golang AS tools\nRUN make\nFROM ubuntu\nCOPY --from=tools /a /a\nCOPY --from=0 /b /b\nCOPY c /c\n"
    agent = (
        "FROM node AS tools\nCOPY p.json .\nFROM mlebench-env AS run\n"
        "COPY --chown=1:2 --from=tools /x /x\nCOPY --from=0 /y /y\nCOPY --from=busybox /z /z\n"
    )
    assert lines(flat(agent, base)) == [
        "FROM golang AS base-tools",
        "RUN make",
        "FROM ubuntu AS swarm-base",
        "COPY --from=base-tools /a /a",
        "COPY --from=base-tools /b /b",
        "COPY base/c /c",
        "FROM node AS tools",
        "COPY agent/p.json .",
        "FROM swarm-base AS run",
        "COPY --from=tools --chown=1:2 /x /x",
        "COPY --from=2 /y /y",
        "COPY --from=busybox /z /z",
    ]


def test_what_the_base_does_on_build_is_done() -> None:
    found = lines(flat("FROM mlebench-env\nRUN mine\n", "FROM x\nONBUILD COPY a /a\nRUN base\n"))
    assert found == ["FROM x", "RUN base", "COPY agent/a /a", "RUN mine"]


@pytest.mark.parametrize(
    ("spelled", "written"),
    [
        ("COPY . /opt/agent", "COPY agent /opt/agent"),
        ("COPY ./a/ b* /x/", "COPY agent/a/ agent/b* /x/"),
        ("COPY /abs/file /x", "COPY agent/abs/file /x"),
        ('COPY ["one two", "/x"]', 'COPY ["agent/one two", "/x"]'),
        ("ADD a.txt /x", "COPY agent/a.txt /x"),
        ("ADD https://example.org/a.tar /x", "ADD https://example.org/a.tar /x"),
        ("copy --chmod=755 \\\n  # why\n  a \\\n  /x", "COPY --chmod=755 agent/a /x"),
    ],
)
def test_sources_lie_in_the_folder_of_their_context(spelled: str, written: str) -> None:
    assert lines(flat(f"FROM mlebench-env\n{spelled}\n"))[-1] == written


def test_steps_stay_letter_by_letter() -> None:
    step = 'RUN set -e; \\\n    # a comment in between\n    echo "FROM mlebench-env" && \\\n\n    COPY=1 true'
    heredoc = "RUN <<EOF\nFROM nothing\nCOPY a b\nEOF"
    text = flat(f"FROM mlebench-env\n{step}\n{heredoc}\n")
    assert step in text
    assert heredoc in text


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("FROM mlebench-env\nCOPY $X /x\n", "write their names"),
        ("FROM mlebench-env\nCOPY ../x /x\n", "out of the context"),
        ("FROM mlebench-env\nADD a.tar.gz /x\n", "RUN tar"),
        ("FROM mlebench-env\nRUN --mount=type=bind,target=/s make\n", "instead of mounting"),
        ("FROM mlebench-env\nRUN <<EOF\nx\n", "EOF is missing"),
        ("RUN x\nFROM mlebench-env\n", "only ARG"),
        ("RUN x\n", "no FROM"),
        ("# escape=`\nFROM mlebench-env\n", "Windows"),
        ("FROM mlebench-env\nCOPY x\n", "source and a target"),
    ],
)
def test_what_cannot_be_flattened_is_said(agent: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        flat(agent)


def test_commands_of_images() -> None:
    file = parse('FROM a\nCMD ["x"]\nFROM b\nCMD ["bash", "s.sh"]\nCMD run me\n')
    assert command_words(file.last("CMD")) == ("/bin/sh", "-c", "run me")
    assert command_words(parse('FROM a\nCMD ["b"]\nFROM c\n').last("CMD")) == ()
    assert copy_parts(parse("FROM a\nCOPY --from=x a b c/\n").instructions[1]).stage == "x"


# ---------------------------------------------------------------- files


def a_context(folder: Path, dockerfile: str, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in {"Dockerfile": dockerfile, **files}.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_both_contexts_are_staged_without_what_is_ignored(tmp_path: Path) -> None:
    base = a_context(tmp_path / "base", "FROM x\nCOPY sub/a.txt /a\n", sub__a="", other="")
    (base / "sub" / "a.txt").write_text("of the base")
    agent = a_context(
        tmp_path / "agent", 'FROM mlebench-env\nCOPY . /opt\nCMD ["go"]\n', main__py="", secret=""
    )
    (agent / ".dockerignore").write_text("secret\n*.log\n!kept.log\n")
    (agent / "a.log").write_text("")
    (agent / "kept.log").write_text("")
    (agent / "empty").mkdir()
    (agent / "link").symlink_to("/etc/passwd")
    config = BuildConfig(str(agent))
    with staging.staged(config, {"SWARM_HOST_BASE": str(base)}, ["ENV A=b"]) as staged:
        assert staged.command == ("go",)
        assert (staged.folder / "base" / "sub" / "a.txt").read_text() == "of the base"
        assert not (staged.folder / "base" / "other").exists()
        own = staged.folder / "agent"
        names = {str(path.relative_to(own)) for path in own.rglob("*")}
        assert names == {
            "Dockerfile",
            ".dockerignore",
            "main",
            "main/py",
            "kept.log",
            "empty",
            "link",
        }
        assert (own / "link").is_symlink()
        assert staged.dockerfile.read_text().endswith("ENV A=b\n")
    assert not staged.folder.exists()


def test_a_missing_base_or_file_is_named(tmp_path: Path) -> None:
    agent = a_context(tmp_path / "agent", "FROM mlebench-env\nCOPY nothing /x\n")
    config = BuildConfig(str(agent))
    with pytest.raises(UsageError, match="SWARM_HOST_MLE_BENCH"), staging.staged(config, {}):
        pass
    base = a_context(tmp_path / "base", "FROM x\n")
    with (
        pytest.raises(UsageError, match="nothing"),
        staging.staged(config, {"SWARM_HOST_MLE_BENCH": str(base)}),
    ):
        pass
    with pytest.raises(UsageError, match="no environment/Dockerfile"):
        staging.base_source({"SWARM_HOST_MLE_BENCH": str(tmp_path)})
    secret = BuildConfig(str(agent), build_args={"TOKEN": Secret("TOKEN")})
    with pytest.raises(UsageError, match="TOKEN"), staging.staged(secret, {}):
        pass


def test_the_agents_own_dockerfile_can_be_flattened() -> None:
    """On the base that stands in for mle-bench's."""
    base = parse((ROOT / "tests/container/base/Dockerfile").read_text())
    agent = parse((ROOT / "Dockerfile").read_text())
    text = flatten.flatten(base, agent, {"EMBEDDING_MODEL": "none"}).text
    assert text.count("\nFROM ") == 1
    assert 'ARG EMBEDDING_MODEL="none"' in text
    assert "COPY agent /opt/swarm-evo" in text


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("a.pyc", True),
        ("deep/er/a.pyc", True),
        ("logs/x/y", True),
        ("logs/keep/y", False),
        ("docs", True),
        ("mydocs", False),
        ("a/docs", False),
        ("file1", True),
        ("file2x", False),
        ("x[y]", False),
    ],
)
def test_dockerignore(path: str, out: bool) -> None:
    patterns = ["# a comment", "", "**/*.pyc", "*.pyc", "/logs", "!logs/keep", "docs/", "file[0-9]"]
    assert (path in ignore.parse(patterns)) == out
