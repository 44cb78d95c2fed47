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
from typing import Any

HERE = Path(__file__).resolve().parent


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Rebuild the submission that swarm-evo published.")
    parser.add_argument("--data", type=Path, required=True, help="the competition folder")
    parser.add_argument("--out", type=Path, required=True, help="where the submission is written")
    options = parser.parse_args(argv)
    if not options.data.is_dir():
        parser.error(f"there is no folder {options.data}")
    plan = json.loads((HERE / "weights.json").read_text(encoding="utf-8"))
    folder = "original_dir" if plan["spec"].get("original_dir") else "data_dir"
    plan["spec"][folder] = str(options.data.resolve())
    with tempfile.TemporaryDirectory() as scratch:
        rebuild(plan, HERE, Path(scratch), options.out)
    return 0


def rebuild(plan: dict[str, Any], code: Path, scratch: Path, out_csv: Path) -> None:
    """plan: the content of weights.json. Raises SystemExit when a member leaves no submission."""
    from core.judging.service import HoldoutJudge
    from core.records import CompetitionSpec, Job, Outcome, SplitSpec, from_json
    from core.task.hints import Hints, WrittenTables
    from core.task.service import TaskService

    spec, split = from_json(CompetitionSpec, plan["spec"]), from_json(SplitSpec, plan["split"])
    names = sorted({fold["view"] for member in plan["members"] for fold in member["folds"]})
    task = TaskService()
    if spec.original_dir:
        # What the run added to the competition (unpacked archives, a table of labels) is made
        # again.
        hints = Hints.of(
            spec.ids.columns, metric=spec.metric.name, target_columns=spec.answers.targets
        )
        original = Path(spec.original_dir)
        bare = spec.tables.train is None or spec.split_program
        if bare:
            again = task.inspect_bare(original, spec.description, hints, scratch, split.why)
        if spec.split_program:
            folder = run_split(code / "split.py", Path(again.data_dir), scratch / "split")
            tables = WrittenTables(folder, group=split.group_column)
            hints = replace(hints, tables=tables)
        if spec.split_program or not bare:
            again = task.inspect(original, spec.description, hints, scratch)
        spec = replace(spec, data_dir=again.data_dir)
    judge = HoldoutJudge(spec, store=scratch / "predictions")
    try:
        views = {view.name: view for view in task.build_views(spec, split, scratch, names)[0]}
        parts = []
        for number, member in enumerate(plan["members"]):
            kept = []
            for fold in member["folds"]:
                view = views[fold["view"]]
                key = f"{number}-{view.name}"
                submission = run_member(
                    code / member["program"], Path(view.path), scratch / key, fold, plan["cpus"]
                )
                done = Outcome(0, None, False, 0.0, 0.0, 0.0, None, "", submission=str(submission))
                verdict = judge.judge(Job(key, key, "", view, fold["seed"], 0.0), done)
                if not verdict.valid:
                    raise SystemExit(
                        f"{member['program']} on {view.name}: {'; '.join(verdict.reasons)}"
                    )
                kept.append(key)
            parts.append((kept, member["weight"]))
        judge.combine(parts, plan["how"], out_csv)
    finally:
        judge.close()
        task.close()


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
