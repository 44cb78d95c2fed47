"""A generated split: its tables are tried by invariants in the box, then the harness holds rows out
as ever.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from core.doubles import ProgramDict
from core.execution.box import Box
from core.execution.detection import detect
from core.execution.static_check import reasons_to_reject
from core.execution.stop import StopSignal
from core.execution.trial_box import TrialBox
from core.questions.split_stage import SplitQuestion, SplitStage, WrittenSplits
from core.records import CompetitionSpec
from core.task.hints import NO_HINTS, Hints, WrittenTables
from core.task.service import TaskService
from tests.llm.rig import models
from tests.shapes.unforeseen import build
from utils.config import load_config

pytestmark = pytest.mark.whole

# Recordings in folders: answers lie beside the signal in train, ids are made of the path and the
# time.
GOOD_A = """
from pathlib import Path
import pandas as pd

def table(folder, part):
    parts = []
    for path in sorted((Path(folder) / part).glob("*/*/device.csv")):
        rows = pd.read_csv(path)
        if part == "train":
            rows = rows.merge(pd.read_csv(path.with_name("ground_truth.csv")), on="time")
        else:
            rows["time"] = rows["time"]
        rows.insert(0, "tripId", path.parent.parent.name + "-" + path.parent.name)
        parts.append(rows)
    made = pd.concat(parts)
    return made.sort_values(["tripId", "time"])

def split(folder, train_csv, test_csv):
    table(folder, "train").to_csv(train_csv, index=False)
    table(folder, "test").to_csv(test_csv, index=False)
"""
GOOD_B = """
import csv
from pathlib import Path

def split(folder, train_csv, test_csv):
    known, asked = [], []
    for path in Path(folder).rglob("device.csv"):
        truth = path.with_name("ground_truth.csv")
        answers = {row["time"]: row for row in csv.DictReader(open(truth))} if truth.exists() else {}
        name = "-".join(path.parts[-3:-1])
        for row in csv.DictReader(open(path)):
            (known if answers else asked).append({"tripId": name, **row, **answers.get(row["time"], {})})
    for target, rows in ((train_csv, known), (test_csv, asked)):
        writer = csv.DictWriter(open(target, "w", newline=""), list(rows[0]))
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: (row["tripId"], float(row["time"]))))
"""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskService]:
    made = TaskService(log=tmp_path_factory.mktemp("task") / "worker.log")
    yield made
    made.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("truth_per_folder", tmp_path_factory.mktemp("shape")).public


@pytest.fixture
def box(tmp_path: Path, data: Path) -> Iterator[TrialBox]:
    stop = StopSignal()
    (tmp_path / "workspace").mkdir()
    environ = dict(os.environ)
    facts = detect(tmp_path / "workspace", (data,), (), environ)
    yield TrialBox(Box(tmp_path / "workspace", (data,), environ, facts, stop), 2048, 30.0)
    stop.close()


def bare(task: TaskService, data: Path) -> CompetitionSpec:
    return task.inspect_bare(data, "", NO_HINTS, None, "not understood")


def tried(
    task: TaskService,
    data: Path,
    box: TrialBox,
    first: str,
    second: str = GOOD_B,
    group: str | None = "tripId",
) -> tuple[WrittenTables | None, list[str]]:
    """What is accepted, and the reasons against it."""
    return answered(task, data, box, lambda question: WrittenSplits(first, second, group))


def answered(
    task: TaskService,
    data: Path,
    box: TrialBox,
    reader: Callable[[SplitQuestion], WrittenSplits | None],
) -> tuple[WrittenTables | None, list[str]]:
    stage = SplitStage(
        reader,
        task,
        box,
        lambda program: reasons_to_reject(program, [str(path) for path in box.box.protected]),
        ProgramDict(),
        box.box.workspace.parent / "tables",
    )
    spec = bare(task, data)
    nobody = models(load_config(use_cli=False).llm)
    question = SplitQuestion(spec, task.preview(spec), nobody, time.time() + 60)
    tables = stage.decide(question)
    assert list(box.box.workspace.iterdir()) == []
    return tables, stage.reasons


def test_programs_that_do_not_run_are_written_once_more(
    task: TaskService, data: Path, box: TrialBox
) -> None:
    broken = GOOD_B.replace("    known, asked = [], []\n", "    raise KeyError('drive')\n")
    assert broken != GOOD_B
    asked: list[SplitQuestion] = []

    def read(question: SplitQuestion) -> WrittenSplits:
        asked.append(question)
        return WrittenSplits(GOOD_A, broken if len(asked) == 1 else GOOD_B, "tripId")

    tables, reasons = answered(task, data, box, read)
    assert tables is not None
    assert reasons == []
    assert [question.broken is None for question in asked] == [True, False]
    assert asked[1].broken is not None
    assert asked[1].broken.written.second == broken
    (why,) = asked[1].broken.reasons
    assert why.startswith("second version: ")
    assert "KeyError: 'drive'" in why


@pytest.mark.parametrize(
    "first",
    [
        GOOD_A.replace("def split(", "def cut("),
        GOOD_A.replace("return made.sort_values", "return made.iloc[1:].sort_values"),
    ],
)
def test_nobody_is_asked_a_third_time_nor_again_for_tables_that_break_a_rule(
    task: TaskService, data: Path, box: TrialBox, first: str
) -> None:
    """A rule that is told can be kept by tables that still tell the answers."""
    asked: list[SplitQuestion] = []

    def read(question: SplitQuestion) -> WrittenSplits:
        asked.append(question)
        return WrittenSplits(first, GOOD_B, "tripId")

    tables, reasons = answered(task, data, box, read)
    assert tables is None
    assert reasons
    assert len(asked) == (2 if "def cut" in first else 1)


def test_two_good_versions_are_believed_and_the_harness_holds_out(
    task: TaskService, data: Path, box: TrialBox, tmp_path: Path
) -> None:
    tables, reasons = tried(task, data, box, GOOD_A)
    assert reasons == []
    assert tables is not None
    spec = task.inspect(data, "", Hints(tables=tables), tmp_path / "run")
    assert spec.split_program == tables.program
    assert (spec.ids.columns, spec.answers.targets) == (
        ("tripId", "time"),
        ("latitude", "longitude"),
    )
    assert spec.features.names == ("tripId", "time", "x", "y", "z")
    split = task.plan_split(spec, 3, 50_000)
    assert (split.kind, split.group_column) == ("group", "tripId")
    views, _ = task.build_views(spec, split, tmp_path / "run")
    sample = pd.read_csv(data / "sample_submission.csv")
    every = set(
        map(tuple, pd.read_csv(Path(tables.folder) / "train.csv")[["tripId", "time"]].to_numpy())
    )
    held_before: set[tuple[object, ...]] = set()
    for view in (view for view in views if view.kind == "search"):
        root = Path(view.path)
        train, test = (
            pd.read_csv(root / table.path)
            for table in (spec.tables.train, spec.tables.test)
            if table is not None
        )
        asked = pd.read_csv(root / "sample_submission.csv")
        assert list(asked.columns) == list(sample.columns)
        assert not asked.duplicated(["tripId", "time"]).any()
        keys = [
            set(map(tuple, table[["tripId", "time"]].to_numpy())) for table in (train, test, asked)
        ]
        official = set(map(tuple, sample[["tripId", "time"]].to_numpy()))
        held = keys[2] - official
        assert official < keys[2] == keys[1]
        assert 0.05 <= len(held) / len(every) <= 0.5
        assert keys[0] == every - held
        assert not held & held_before
        held_before |= held
        assert {"latitude", "longitude"}.isdisjoint(test.columns)
        shown = {path.name for path in root.rglob("*") if path.is_file()}
        assert shown == {"train_rows.csv", "test_rows.csv", "sample_submission.csv"}
        answers = pd.read_csv(Path(tables.folder) / "train.csv", dtype=str)[
            ["tripId", "time", "latitude", "longitude"]
        ]
        content = "".join(path.read_text() for path in root.rglob("*.csv"))
        for trip, at, *cells in answers.to_numpy().tolist():
            assert (",".join(cells) in content) == ((trip, int(at)) not in held)
    assert held_before == every


def more(change: str) -> str:
    """A version of the first program that does something else with the two tables before they are
    written.
    """
    return GOOD_A.replace(
        '    table(folder, "train").to_csv',
        f'    known, asked = table(folder, "train"), table(folder, "test")\n    {change}\n    known.to_csv',
    ).replace('table(folder, "test").to_csv', "asked.to_csv")


WRONG = [
    (
        more("known = pd.concat([known, asked.head(1).assign(latitude=1.0, longitude=2.0)])"),
        "whose answers nobody",
    ),
    (more("known = pd.concat([known, known.head(1)])"), "more than once"),
    (more("known = known.iloc[1:]"), "disagree on which rows"),
    (more("known['latitude'] += 0.01"), "disagree on 'latitude'"),
    (more("known['latitude'] = known['latitude'].to_numpy()[::-1]"), "disagree on 'latitude'"),
    (more("known['hint'] = known['latitude']; asked['hint'] = 0.0"), "is the answer"),
    (more("asked = asked.assign(latitude=0)"), "has the answer column"),
    (more("asked = asked.iloc[1:]"), "not those of the sample"),
    (more("known = known.drop(columns='longitude')"), "no column 'longitude'"),
    (more("known['latitude'] = 1"), "are the same"),
    (more("known['latitude'] = 'north'; known.iloc[0, 5] = 'south'"), "are no numbers"),
    (
        more("known['x'] = range(len(known))").replace('.sort_values(["tripId", "time"])', ""),
        "order of rows",
    ),
    (more("import random; known['x'] = random.random()"), "order of rows in files, or on chance"),
]


@pytest.mark.parametrize(("program", "why"), WRONG)
def test_subtly_wrong_ones_are_not(
    task: TaskService, data: Path, box: TrialBox, program: str, why: str
) -> None:
    tables, reasons = tried(task, data, box, program)
    assert tables is None
    assert any(why in reason for reason in reasons), reasons


SPLIT = "\n\ndef split(folder, train_csv, test_csv):\n    "
HOSTILE = [
    ("import time" + SPLIT + "\n    while True: time.sleep(1)\n", ""),
    ("x = 1" + SPLIT + "raise RuntimeError('no')\n", "RuntimeError"),
    ("import os" + SPLIT + "os._exit(0)\n", "it wrote no train.csv"),
    ("x = 1" + SPLIT + "open(train_csv, 'w').write('x' * (1 << 28))\n", ""),
    (
        "import os"
        + SPLIT
        + "os.symlink('split.py', train_csv); os.symlink('split.py', test_csv)\n",
        "no file of sensible",
    ),
    (
        "x = 1" + SPLIT + "open(train_csv, 'w').write('a'); open(test_csv, 'wb').write(bytes(9))\n",
        "",
    ),
    ("def other(): pass\n", "split"),
    ("this is no python", "syntax"),
    ("import openai" + SPLIT + "pass\n", "openai"),
]


@pytest.mark.parametrize(("program", "why"), HOSTILE)
def test_hostile_ones_are_a_reason_and_leave_nothing(
    task: TaskService, data: Path, box: TrialBox, program: str, why: str
) -> None:
    begun = time.monotonic()
    tables, reasons = tried(task, data, replace(box, limit_s=4.0), program)
    assert tables is None
    assert why in reasons[0]
    assert time.monotonic() - begun < 40


def test_it_cannot_write_into_the_competition(task: TaskService, data: Path, box: TrialBox) -> None:
    if not box.box.facts.landlock:
        pytest.skip("the kernel has no Landlock here")
    program = GOOD_A.replace(
        "def split(folder, train_csv, test_csv):",
        "def split(folder, train_csv, test_csv):\n"
        + ("    (Path(folder) / 'sample_submission.csv').write_text('gone')"),
    )
    before = (data / "sample_submission.csv").read_bytes()
    tables, reasons = tried(task, data, box, program)
    assert tables is None
    assert "PermissionError" in reasons[0]
    assert (data / "sample_submission.csv").read_bytes() == before
