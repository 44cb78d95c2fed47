"""What may not stand in any file, and what documents promise."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.house.source import ROOT, files, modules

THIS = Path("tests/house/test_files.py")
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.$}/-])/(?:root|work)/"),
    "the documents beside the checkout": re.compile(r"\.\./shared\b"),
    "a package registry": re.compile(
        r"pypi\.org|pythonhosted|npmjs\.org|anaconda\.org|hf-mirror|download\.pytorch|--(extra-)?index-url"
    ),
}
# Where containers of mle-bench have their data and their Kaggle account: targets of mounts, on no machine.
TARGETS = re.compile(r"/root/\.(?:cache/mlebench|kaggle)(?![\w.-])")
WITH_TARGETS = (Path("host"), Path("tests/host"))
_DOCKERIGNORE_001 = (
    ".git workspace logs tests docs Reference embedding-models datasets __pycache__ *.pyc .DS_Store .vscode .env "
    "draft.md implementation_plan.md"
)
_KNOWN = re.compile("LATIN|GREEK|MICRO")
_PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.]*")
_COMMAND = re.compile(
    r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(bash|sh|python3?|docker|\./)\s*(.*)$", re.MULTILINE
)


def text_of(path: Path) -> str | None:
    """The text of a file; None when it is data."""
    raw = (ROOT / path).read_bytes()
    if b"\0" in raw[:4096]:
        return None
    return raw.decode("utf-8", errors="replace")


TEXTS = {path: text for path in files() if (text := text_of(path)) is not None}


def without_targets(path: Path, text: str) -> str:
    """On the host side, a text without the targets of mounts that mle-bench gives."""
    if not any(path.is_relative_to(folder) for folder in WITH_TARGETS):
        return text
    return TARGETS.sub("", text)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    hits = []
    for path, text in TEXTS.items():
        if path != THIS and FORBIDDEN[what].search(without_targets(path, text)):
            hits.append(str(path))
    assert hits == [], f"{what} stands in {hits}"


def test_targets_of_mounts_may_stand_on_the_host_side_only() -> None:
    text = "~/.kaggle:/root/.kaggle:ro /root/.cache/mlebench/x"
    pattern = FORBIDDEN["a path of one machine"]
    assert not pattern.search(without_targets(Path("host/docs/a.md"), text))
    assert pattern.search(without_targets(Path("docs/a.md"), text))
    assert pattern.search(without_targets(Path("host/a.md"), "/root/.cache/mlebench2"))
    assert pattern.search(without_targets(Path("host/a.md"), "/root/x"))


def test_the_forbidden_patterns_find_something() -> None:
    assert FORBIDDEN["a path of one machine"].search("cd /work/main")
    assert not FORBIDDEN["a path of one machine"].search("/home/workspace ./work/x $HOME/root/y")
    assert FORBIDDEN["a package registry"].search("pip install --index-url x")


def odd_characters(text: str) -> set[str]:
    """Pictographs (but for lines and arrows of diagrams) and letters that neither English nor a
    formula uses.
    """
    return {
        char
        for char in set(text)
        if ord(char) > 127
        and (
            unicodedata.category(char) == "So"
            or (char.isalpha() and not _KNOWN.match(unicodedata.name(char, "")))
        )
        and not "\u2500" <= char <= "\u25ff"
        and char != "\ufffd"
    }


def test_every_file_is_english_without_pictographs() -> None:
    odd = {str(path): chars for path, text in TEXTS.items() if (chars := odd_characters(text))}
    assert odd == {}
    assert odd_characters("ok \u2705 \u4e2d") == {"\u2705", "\u4e2d"}


def test_no_large_or_generated_file_is_tracked() -> None:
    big = [str(path) for path in files() if (ROOT / path).stat().st_size > 2_000_000]
    assert big == []
    assert not [path for path in files() if "__pycache__" in path.parts or path.suffix == ".pyc"]


@pytest.mark.parametrize(
    "path",
    [path for path in files() if path.parent == Path(".ci") or path.suffix == ".sh"],
    ids=str,
)
def test_scripts_are_well_formed_and_executable(path: Path) -> None:
    assert subprocess.run(["bash", "-n", ROOT / path], capture_output=True).returncode == 0
    assert (ROOT / path).stat().st_mode & 0o100, f"{path} is not executable"


REQUIREMENTS = [
    path
    for path in files()
    if path.name.startswith("requirements") or path.parent.name == "requirements"
]


@pytest.mark.parametrize("path", REQUIREMENTS, ids=str)
def test_requirements_are_pinned_or_included(path: Path) -> None:
    for line in (ROOT / path).read_text().splitlines():
        word = line.split("#")[0].strip()
        if word.startswith("-r "):
            assert (ROOT / path.parent / word[3:].strip()).is_file()
        elif word and path.name not in ("requirements_agent.txt", "requirements_constraints.txt"):
            assert _PIN.fullmatch(word), f"{path}: {word}"


def test_dockerignore_keeps_the_entries_of_specification_001() -> None:
    assert set(_DOCKERIGNORE_001.split()) <= set((ROOT / ".dockerignore").read_text().split())


def commands_of(text: str) -> list[list[str]]:
    """Words of each command line in a document's code blocks and table cells."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    return [
        [program, *rest.split()] for block in blocks for program, rest in _COMMAND.findall(block)
    ]


OF_MLE_BENCH = {"run_agent.py"}


def test_the_commands_of_the_readme_exist() -> None:
    commands = commands_of((ROOT / "README.md").read_text())
    assert ["bash", "scripts/test.sh"] in [words[:2] for words in commands]
    for program, *words in commands:
        if program.startswith("python") and words[:1] == ["-m"]:
            known = words[1] in modules() or words[1] in (
                *sys.stdlib_module_names,
                "pip",
                "pytest",
                "mypy",
            )
            assert known, f"README: {words}"
        elif words and words[0].endswith((".py", ".sh", "run")) and words[0] not in OF_MLE_BENCH:
            assert (ROOT / words[0]).is_file(), f"README: {words[0]}"


def test_commands_are_found_in_blocks_and_cells() -> None:
    text = (
        "```bash\nA=1 python main.py --data x\n```\n| `bash scripts/test.sh` | python is nice |\n"
    )
    assert commands_of(text) == [["python", "main.py", "--data", "x"], ["bash", "scripts/test.sh"]]
