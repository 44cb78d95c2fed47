"""Brought-back files take their places, also when it is done twice, and nothing is followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from swarm_host.disk.sink import FileSink
from swarm_host.life.settling import artefacts, hand_over, put_away, settle, staging


def collected(folder: Path, **files: str) -> None:
    """Files by name, `a__b` for a/b."""
    into = staging(folder)
    for name, text in files.items():
        path = into / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_places(tmp_path: Path) -> None:
    collected(tmp_path, submission__x="s", code__y="c", logs__z="l")
    settle(tmp_path)
    assert artefacts(tmp_path) == ("code/y", "logs/z", "submission/x")


def test_twice_is_once_and_the_later_counts(tmp_path: Path) -> None:
    collected(tmp_path, submission__old="1", logs__a="1")
    settle(tmp_path)
    collected(tmp_path, submission__new="2", logs__a="2")
    settle(tmp_path)
    assert artefacts(tmp_path) == ("logs/a", "submission/new")
    assert (tmp_path / "logs" / "a").read_text() == "2"


def test_half_a_collection_is_never_taken_for_all(tmp_path: Path) -> None:
    collected(tmp_path, submission__half="1")
    collected(tmp_path, submission__whole="2")
    settle(tmp_path)
    assert artefacts(tmp_path) == ("submission/whole",)


@pytest.mark.parametrize("name", ["stdout.log", "marks.json", "entrypoint.log", ".stdout.log.end1"])
def test_names_of_ours_are_kept_apart(tmp_path: Path, name: str) -> None:
    sink = FileSink(tmp_path / "logs")
    for stream in ("stdout", "entrypoint"):
        sink.write(stream, b"ours\n", "1")  # type: ignore[arg-type]
    sink.end("stdout", "entrypoint")
    for _ in range(2):
        (staging(tmp_path) / "logs").mkdir()
        (tmp_path / ".collected" / "logs" / name).write_text("the agent's")
        settle(tmp_path)
    assert (tmp_path / "logs" / f"agent_{name}").read_text() == "the agent's"
    assert (tmp_path / "logs" / "stdout.log").read_text() == "ours\n"


def test_a_log_that_the_sink_did_not_write_keeps_its_name(tmp_path: Path) -> None:
    for _ in range(2):
        collected(tmp_path, **{"logs__entrypoint.log": "x"})
        settle(tmp_path)
    assert artefacts(tmp_path) == ("logs/entrypoint.log",)


def test_an_earlier_attempt_is_put_away_whole(tmp_path: Path) -> None:
    collected(tmp_path, submission__x="1", code__y="1", logs__z="1")
    settle(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "spec.json").write_text("{}")
    put_away(tmp_path, 1)
    put_away(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["attempts", "spec.json"]
    kept = sorted(path.name for path in (tmp_path / "attempts" / "1").iterdir())
    assert kept == ["code", "logs", "result.json", "submission"]


def test_a_link_of_the_agent_in_the_workspace_is_not_followed(tmp_path: Path) -> None:
    workspace, outside = tmp_path / "work", tmp_path / "outside"
    workspace.mkdir()
    (workspace / "submission").symlink_to(outside)
    collected(tmp_path, submission__x="1")
    settle(tmp_path)
    hand_over(tmp_path, workspace)
    assert not outside.exists()


def test_artefacts_are_files_and_not_too_many(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "link").symlink_to("/etc/passwd")
    for number in range(1005):
        (tmp_path / "code" / f"{number:04d}").touch()
    found = artefacts(tmp_path)
    assert len(found) == 1000
    assert "code/link" not in found
