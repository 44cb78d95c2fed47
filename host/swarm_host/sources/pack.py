"""The offline pack of this project, by its command line `python -m benchmark`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swarm_host.errors import NotHere, UsageError
from swarm_host.protocols import Graders
from swarm_host.records import Competition, Grade, GradingAnswer, GradingProgram
from swarm_host.sources.folders import sample_of
from swarm_host.sources.judged import (
    Question,
    better_than,
    finite,
    invalid,
    judged,
    last_json,
)
from swarm_host.words.names import known_name
from swarm_host.words.places import DEMO, ROOT, typed

_LIST_S, _PREPARE_S = 120.0, 1800.0
_NOT_GRADABLE = 1
# The worker puts a copy of the submission under this name into its folder.
_SUBMISSION = "submission.csv"


def public_of(root: Path, competition: str) -> Path:
    """What agents see of a competition, also before it is prepared. root: of the prepared ones."""
    return root / competition / "prepared" / "public"


class PackSource:
    """root: folder of the prepared competitions. python: interpreter with the pack's libraries."""

    name = "pack"

    def __init__(self, root: Path, graders: Graders, python: str = sys.executable) -> None:
        self._root = root.absolute()
        self._graders = graders
        self._python = python
        self._facts: dict[str, dict[str, Any]] = {}
        self._ready: dict[str, Competition] = {}

    @property
    def program(self) -> GradingProgram:
        """What grades, for workers that shall be warm in time."""
        return GradingProgram(self._python, "benchmark.__main__", (str(ROOT),))

    def names(self) -> Sequence[str]:
        return sorted(self._listed())

    def prepare(self, competition: str) -> Competition:
        known_name(competition, self._listed(), "competition")
        if competition not in self._ready:
            self._benchmark(["prepare", competition, "--dest", str(self._root)], _PREPARE_S)
            self._ready[competition] = self._prepared(competition)
        return self._ready[competition]

    def grade(self, competition: str, submission: Path) -> Grade:
        prepared = self.prepare(competition)
        arguments = ("grade", competition, _SUBMISSION, "--dest", str(self._root), "--json")
        question = Question(
            graders=self._graders,
            program=self.program,
            arguments=arguments,
            control=(arguments, sample_of(Path(prepared.public))),
            lower_is_better=prepared.lower_is_better,
            read=lambda answer: _grade(answer, prepared),
        )
        return judged(question, submission)

    def _listed(self) -> Mapping[str, dict[str, Any]]:
        if not self._facts:
            for facts in json.loads(self._benchmark(["list", "--json"], _LIST_S)):
                self._facts[facts["name"]] = facts
        return self._facts

    def _prepared(self, competition: str) -> Competition:
        facts, public = self._facts[competition], public_of(self._root, competition)
        references = json.loads((public.parent / "private" / "reference.json").read_text())
        return Competition(
            name=competition,
            source=self.name,
            public=str(public),
            metric=facts["metric"],
            lower_is_better=facts["direction"] == "minimize",
            references=references,
        )

    def _benchmark(self, arguments: Sequence[str], seconds: float) -> str:
        """What the command prints. Raises UsageError with its own complaint, NotHere for a library."""
        command = [self._python, "-m", "benchmark", *arguments]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=seconds
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"the offline pack: {error}") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            what = f"the offline pack: {lines[-1]}"
            if lines[-1].startswith("ModuleNotFoundError"):
                raise NotHere(f"{what}; cure: {self._python} -m pip install -r {typed(DEMO)}")
            raise UsageError(what)
        return done.stdout


def _grade(answer: GradingAnswer, competition: Competition) -> Grade | None:
    said, lower = last_json(answer), bool(competition.lower_is_better)
    if said is None:
        return None
    if answer.status == _NOT_GRADABLE and "invalid" in said:
        return invalid(str(said["invalid"]), lower)
    if answer.status != 0:
        return None
    score = finite(said["score"])
    if score is None:
        return invalid(f"{competition.metric} has no value for these predictions", lower)
    beaten = better_than(score, competition.references, lower)
    report = {"metric": competition.metric, "rows": said["rows"], "beats_references": beaten}
    passed = None
    if beaten is not None:
        passed = all(beaten.values())
    return Grade(True, score, lower, "", passed, report)
