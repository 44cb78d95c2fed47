"""The members that we call still have the names, kinds and defaults that the backends are written for."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("modal", reason="see host/requirements_cloud.txt")
pytest.importorskip("daytona", reason="see host/requirements_cloud.txt")

from tests.host.cloud import signatures  # noqa: E402

KNOWN = json.loads(signatures.FILE.read_text())


@pytest.mark.parametrize("library", ["modal", "daytona"])
def test_signatures_are_as_they_were(library: str) -> None:
    now = signatures.current()[library]
    assert now.keys() == KNOWN[library].keys()
    for name, parameters in now.items():
        assert parameters == KNOWN[library][name], name


@pytest.mark.parametrize("library", ["modal", "daytona"])
def test_every_parameter_that_we_give_is_there(library: str) -> None:
    wanted = {"modal": signatures.MODAL, "daytona": signatures.DAYTONA}[library]
    for name, parameters in wanted.items():
        assert set(parameters) <= KNOWN[library][name].keys(), name


def test_the_defaults_that_end_runs_are_known() -> None:
    """They are the reason why every sandbox gets a time to live of ours."""
    assert KNOWN["modal"]["Sandbox.create"]["timeout"] == "KEYWORD_ONLY = 300"
    assert KNOWN["daytona"]["Daytona.create"]["timeout"] == "KEYWORD_ONLY = 60"
