"""The task worker over its real process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.task.hints import NO_HINTS, Hints
from core.task.service import TaskService
from tests.task import folders
from utils.errors import ConfigError, DataError, PublishError, SpecError


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskService]:
    service = TaskService(log=tmp_path_factory.mktemp("logs") / "workers.log")
    yield service
    service.close()


def test_inspect_and_baseline_over_the_worker(service: TaskService, tmp_path: Path) -> None:
    root = folders.one_hot_text(tmp_path / "data")
    spec = service.inspect(root, "## Metric\n\nLog loss.\n", Hints.of(metric=None))
    assert (spec.metric.name, spec.answers.classes) == ("log_loss", ("MWS", "HPL", "EAP"))
    assert service.baseline(root, spec, tmp_path / "prior.csv") == ("prior", 20)
    assert service.baseline(root, None, tmp_path / "sample.csv") == ("sample", 20)
    assert (tmp_path / "sample.csv").read_bytes() == (root / "sample_submission.csv").read_bytes()


def test_errors_come_out_as_themselves_and_the_worker_stays(
    service: TaskService, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="does not exist"):
        service.inspect(tmp_path / "nowhere", "", NO_HINTS)
    folders.put(tmp_path / "train.csv", ("id", "y"), [(1, 2)])
    with pytest.raises(SpecError, match="no sample submission"):
        service.inspect(tmp_path, "", NO_HINTS)
    with pytest.raises(ConfigError, match="nonsense"):
        service.inspect(folders.binary_rows(tmp_path / "data"), "", Hints.of(metric="nonsense"))


def test_an_output_folder_that_refuses_is_a_publish_error(
    service: TaskService, tmp_path: Path
) -> None:
    root = folders.binary_rows(tmp_path / "data")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(PublishError, match="cannot be written"):
        service.baseline(root, None, tmp_path / "file" / "submission.csv")


def test_the_agent_side_imports_no_table_library() -> None:
    heavy = "numpy pandas pyarrow sklearn scipy torch"
    code = "import sys, core.task.service, core.task.metric.text; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in heavy.split() if f"'{name}'" in done.stdout]
