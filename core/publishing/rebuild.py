"""Rebuilds a published submission: makes the same views, runs the member programs on them, combines
the predictions.

Published as code/solution.py beside weights.json, members/ and harness/ (the parts of swarm-evo
that it needs):

    python solution.py --data DIR --out submission.csv
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.judging.service import HoldoutJudge
    from core.records import CompetitionSpec, SplitSpec, View
    from core.task.service import TaskService

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Rebuild the submission that swarm-evo published.")
    parser.add_argument("--data", type=Path, required=True, help="the competition folder")
    parser.add_argument("--out", type=Path, required=True, help="where the submission is written")
    options = parser.parse_args(argv)
    if not options.data.is_dir():
        parser.error(f"there is no folder {options.data}")
    plan = json.loads((HERE / "weights.json").read_text(encoding="utf-8"))
    folder = "data_dir"
    if plan["spec"].get("original_dir"):
        folder = "original_dir"
    plan["spec"][folder] = str(options.data.resolve())
    with tempfile.TemporaryDirectory() as scratch:
        rebuild(plan, HERE, Path(scratch), options.out)
    return 0


def rebuild(plan: dict[str, Any], code: Path, scratch: Path, out_csv: Path) -> None:
    """plan: the content of weights.json. Raises SystemExit when a member leaves no submission."""
    from core.judging.service import HoldoutJudge
    from core.records import CompetitionSpec, SplitSpec
    from core.task.service import TaskService
    from utils.json_records import from_json

    spec, split = from_json(CompetitionSpec, plan["spec"]), from_json(SplitSpec, plan["split"])
    task = TaskService()
    if spec.original_dir:
        spec = replace(spec, data_dir=prepared(task, spec, split, code, scratch))
    judge = HoldoutJudge(spec, store=scratch / "predictions")
    try:
        names = view_names(plan)
        built = task.build_views(spec, split, scratch, names)[0]
        views = {view.name: view for view in built}
        parts = []
        for number, member in enumerate(plan["members"]):
            keys = []
            for fold in member["folds"]:
                view = views[fold["view"]]
                key = f"{number}-{view.name}"
                program = code / member["program"]
                folder = scratch / key
                submission = run_member(program, Path(view.path), folder, fold, plan["cpus"])
                check(judge, key, view, fold["seed"], submission, member["program"])
                keys.append(key)
            parts.append((keys, member["weight"]))
        judge.combine(parts, plan["how"], out_csv)
    finally:
        judge.close()
        task.close()


def view_names(plan: dict[str, Any]) -> list[str]:
    """Every view that some member ran on."""
    names = set()
    for member in plan["members"]:
        for fold in member["folds"]:
            names.add(fold["view"])
    return sorted(names)


def prepared(
    task: TaskService, spec: CompetitionSpec, split: SplitSpec, code: Path, scratch: Path
) -> str:
    """What the run added to the competition (unpacked archives, a table of labels), made again;
    returns the folder that holds it.
    """
    from core.task.hints import Hints, WrittenTables

    hints = Hints.of(spec.ids.columns, metric=spec.metric.name, target_columns=spec.answers.targets)
    original = Path(spec.original_dir)
    if spec.tables.train is None or spec.split_program:
        bare = task.inspect_bare(original, spec.description, hints, scratch, split.why)
        if not spec.split_program:
            return bare.data_dir
        folder = run_split(code / "split.py", Path(bare.data_dir), scratch / "split")
        hints = replace(hints, tables=WrittenTables(folder, group=split.group_column))
    return task.inspect(original, spec.description, hints, scratch).data_dir


def check(
    judge: HoldoutJudge, key: str, view: View, seed: int, submission: Path, program: str
) -> None:
    """Puts a member's predictions into the judge's store. Raises SystemExit for an invalid one."""
    from core.records import Job, Outcome

    done = Outcome(0, None, False, 0.0, 0.0, 0.0, None, "", submission=str(submission))
    verdict = judge.judge(Job(key, key, "", view, seed, 0.0), done)
    if not verdict.valid:
        raise SystemExit(f"{program} on {view.name}: {'; '.join(verdict.reasons)}")


def run_split(program: Path, data: Path, folder: Path) -> str:
    """Has the program that understood the competition make its tables, without the box; returns
    their folder.
    """
    folder.mkdir(parents=True)
    call = f"import runpy; runpy.run_path({str(program.resolve())!r})['split']({str(data)!r}, 'train.csv', 'test.csv')"
    subprocess.run([sys.executable, "-c", call], cwd=folder, check=True)
    return str(folder)


def run_member(program: Path, view: Path, folder: Path, fold: dict[str, Any], cpus: int) -> Path:
    """Runs a member as a candidate runs, without the box: it is known by now. Returns its
    submission.
    """
    for name in ("working", "submission"):
        (folder / name).mkdir(parents=True)
    (folder / "input").symlink_to(view)
    seen = {
        "SWARM_SEED": fold["seed"],
        "SWARM_FOLD": fold["fold"],
        "SWARM_VIEW": "search",
        "SWARM_CPUS": cpus,
    }
    seen |= {"SWARM_DEADLINE": "inf", "SWARM_WEIGHTS": "", "OMP_NUM_THREADS": cpus}
    seen |= {"PYTHONHASHSEED": int(fold["seed"]) % 2**32}
    words = [f"{name}={value}" for name, value in seen.items()]
    subprocess.run(["env", *words, sys.executable, str(program.resolve())], cwd=folder, check=True)
    return folder / "submission" / "submission.csv"


if __name__ == "__main__":
    sys.path.insert(0, str(HERE / "harness"))
    raise SystemExit(main())
