"""The guards of tests/conftest.py themselves."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.house.source import ROOT


def test_lesson_39_writing_into_the_checkout_is_refused() -> None:
    with pytest.raises(PermissionError, match="outside its temporary folder"):
        (ROOT / "left_behind.txt").write_text("x")
    with pytest.raises(PermissionError, match="outside its temporary folder"):
        (ROOT / "left_behind").mkdir()
    with pytest.raises(PermissionError, match="outside its temporary folder"):
        os.open(ROOT / "left_behind.txt", os.O_CREAT | os.O_WRONLY)
    assert not (ROOT / "left_behind.txt").exists()
    assert not (ROOT / "left_behind").exists()


def test_lesson_39_the_network_is_refused_and_this_machine_is_not(tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("x")
    with socket.socket() as server, socket.socket() as client:
        with pytest.raises(PermissionError, match="network"):
            client.connect(("192.0.2.1", 80))
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
