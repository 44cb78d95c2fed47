"""The cost of imports is that of an interpreter of its own, whatever this one holds."""

from __future__ import annotations

import dataclasses

import pytest

from benchmark.errors import NotRunError
from benchmark.measures import imports
from benchmark.measures.imports import ImportCost, imports_table, measure_imports


def test_each_import_is_measured_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    held = "x" * (200 << 20)
    monkeypatch.setattr(
        imports,
        "WAYS",
        {"nothing": ("", "pass"), "memory": ("import os", "kept = b'x' * (64 << 20)")},
    )
    nothing, memory = measure_imports(1)
    assert len(held) > nothing.peak_mb * (1 << 20) > 0
    assert nothing.added_mb < 4
    assert 60 < memory.added_mb < 80


def test_a_library_that_is_not_there_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "WAYS", {"absent": ("", "import no_such_library")})
    with pytest.raises(NotRunError, match="no_such_library"):
        measure_imports(1)


def test_the_table_has_a_line_per_import() -> None:
    costs = [dataclasses.asdict(ImportCost("the agent", 0.254, 15.2, 36.4))]
    assert imports_table({"costs": costs}).splitlines()[-1] == "| the agent | 0.25 | 15 | 36 |"
