"""Reading YAML with lines. What specification files hold is tested in tests/host/spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.errors import SpecError
from swarm_host.words.yaml_lines import load, plain, read


def test_values_are_those_of_yaml_1_2_with_their_lines() -> None:
    root = read(b"a: no\nb:\n  - 12:30\n  - 010\n  - '1'\n  - 1.5\nc: true\n", "x.yaml")
    assert plain(root) == {"a": "no", "b": ["12:30", 10, "1", 1.5], "c": True}
    assert isinstance(root.value, dict)
    items = root.value["b"].value
    assert isinstance(items, list)
    assert [(item.place, item.path) for item in items][1] == ("x.yaml:4", "b.1")


def test_another_meaning_of_words_leaves_quoted_texts_alone() -> None:
    root = read(b"a: [word, 'word']", "x.yaml", meaning=len)
    assert plain(root) == {"a": [4, "word"]}


def test_a_few_lines_do_not_become_billions_of_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 10):
        inside = ", ".join([f"*a{number - 1}"] * 10)
        lines.append(f"a{number}: &a{number} [{inside}]")
    with pytest.raises(SpecError, match=r"x\.yaml:1: .*more than 100,000 values"):
        read("\n".join(lines).encode(), "x.yaml")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"missing\.yaml: No such file"):
        load(tmp_path / "missing.yaml")
    with pytest.raises(SpecError, match="Is a directory"):
        load(tmp_path)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (1024**2 + 1))
    with pytest.raises(SpecError, match=r"large\.yaml: larger than 1 MiB"):
        load(large)
