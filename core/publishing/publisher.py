"""What the user finds: the published submission, the code that reproduces it, run.json and
journal.json.

Everything is replaced atomically as soon as something better is known, so a kill at any moment
leaves a valid result.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.blending import how_to_combine
from core.contract import Folders
from core.events import Published
from core.protocols import Combiner, Programs, Recorder
from core.publishing.harness import CHECKOUT, SOLUTION, copy_harness
from core.publishing.result import Result, single
from core.records import CompetitionSpec, Entry, FoldResult, SplitSpec
from utils.errors import PublishError
from utils.files import copy_atomic, is_file_of, write_atomic
from utils.json_records import to_json

log = logging.getLogger(__name__)


class ResultPublisher:
    """Implements core.protocols.Publisher."""

    def __init__(
        self,
        folders: Folders,
        spec: CompetitionSpec,
        split: SplitSpec,
        cpus: int,
        judge: Combiner,
        programs: Programs,
        recorder: Recorder,
        server_check: Callable[[Path], str | None],
    ) -> None:
        """cpus: CPUs of one lease, for the record.

        server_check: asks the validation server about a file: its objection, "" when it accepts,
        None when no server answers.
        """
        self._folders = folders
        self._spec = spec
        self._split = split
        self._cpus = cpus
        self._judge = judge
        self._programs = programs
        self._recorder = recorder
        self._server_check = server_check

    def publish(self, entry: Entry) -> None:
        self.publish_result(single(entry, how_to_combine(self._spec)))

    def publish_result(self, result: Result) -> bool:
        """Puts a result in place; False when the validation server objects to it.

        Raises PublishError when the output folder refuses it.
        """
        try:
            copy = self._folders.submission_copy
            draft = copy.with_name("next.csv")
            draft.parent.mkdir(parents=True, exist_ok=True)
            made = self._judge.combine(result.parts, result.how, draft)
            objection = self._server_check(draft)
            if objection:
                return False
            # The code first, the copy last: what was published before can be put back, wherever
            # this is cut off.
            self._write_code(result)
            copy_atomic(draft, self._folders.submission_csv)
        except OSError as error:
            raise _refused(self._folders, error) from error
        checked_by = "local" if objection is None else "server"
        self._recorder.append(Published(result.best, made.rows, made.sha256, checked_by))
        draft.replace(copy)
        return True

    def _write_code(self, result: Result) -> None:
        """code/: solution.py, the member programs, what it needs to rebuild the same views, and
        weights.json.
        """
        code = self._folders.code
        members = []
        for member in result.members:
            name = f"members/{member.entry.id}.py"
            write_atomic(code / name, self._programs.get(member.entry.program))
            folds = [_fold_json(fold) for fold in member.entry.valid_folds]
            members.append({"program": name, "weight": member.weight, "folds": folds})
        if self._spec.split_program:
            write_atomic(code / "split.py", self._programs.get(self._spec.split_program))
        plan = {
            "how": result.how,
            "cpus": self._cpus,
            "members": members,
            "spec": to_json(self._spec),
            "split": to_json(self._split),
        }
        write_atomic(code / "weights.json", json.dumps(plan, indent=1))
        copy_harness(code / "harness")
        copy_atomic(CHECKOUT / SOLUTION, code / "solution.py")
        best = self._folders.workspace / "best_solution"
        for member in result.members:
            copy_atomic(code / f"members/{member.entry.id}.py", best / f"{member.entry.id}.py")


def _fold_json(fold: FoldResult) -> dict[str, Any]:
    """Which view a member ran on, and how."""
    return {"view": fold.view, "fold": fold.fold, "seed": fold.seed}


def restore(folders: Folders, published: Published) -> bool:
    """Puts what was published in place again where it is missing or cut; False where no copy of it
    is left.

    Raises PublishError when the output folder refuses it.
    """
    if is_file_of(folders.submission_csv, published.sha256):
        return True
    if not is_file_of(folders.submission_copy, published.sha256):
        return False
    try:
        copy_atomic(folders.submission_copy, folders.submission_csv)
    except OSError as error:
        raise _refused(folders, error) from error
    log.info("submission put back: %s %s", published.best.kind, published.best.id)
    return True


def _refused(folders: Folders, error: OSError) -> PublishError:
    return PublishError(f"cannot publish to {folders.submission}: {error.strerror or error}")
