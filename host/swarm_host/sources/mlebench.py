"""Prepared data of mle-bench: <data>/<competition>/prepared/{public,private}, graded by its own graders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from swarm_host.errors import UnknownName, UsageError
from swarm_host.protocols import Graders
from swarm_host.records import Competition, Grade, GradingProgram
from swarm_host.sources.folders import NAME
from swarm_host.sources.judged import Question, grade_of, judged
from swarm_host.words.names import known_name

_PROGRAM = Path(__file__).resolve().parents[1] / "grading" / "programs" / "mle_bench.py"


class MleBenchSource:
    """data: mle-bench's data folder. checkout: a checkout of mle-bench; None takes the package that
    `python` has installed. python: interpreter with its libraries.
    """

    name = "mlebench"

    def __init__(
        self,
        data: Path,
        graders: Graders,
        checkout: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._data = data.absolute()
        self._graders = graders
        self._checkout = checkout
        self._python = python

    @property
    def program(self) -> GradingProgram:
        """What grades, for workers that shall be warm in time."""
        paths: tuple[str, ...] = ()
        if self._checkout is not None:
            paths = (str(self._checkout.absolute()),)
        return GradingProgram(self._python, str(_PROGRAM), paths)

    def names(self) -> Sequence[str]:
        """Raises UsageError where there is none."""
        names = self._prepared()
        if not names:
            raise UsageError(
                f"no competition is prepared in {self._data} as NAME/prepared/public/: "
                "`mlebench prepare -c NAME` makes it"
            )
        return names

    def _prepared(self) -> list[str]:
        found = self._data.glob("*/prepared/public")
        return sorted(path.parent.parent.name for path in found if path.is_dir())

    def prepare(self, competition: str) -> Competition:
        names = self._prepared()
        if NAME.fullmatch(competition) and competition not in names:
            known = self._registered(competition)
            if known or (self._data / competition).is_dir():
                raise UsageError(
                    f"{competition} is not prepared in {self._data}: `mlebench prepare -c {competition}`"
                )
        try:
            known_name(competition, names, "competition")
        except UnknownName as error:
            raise UnknownName(f"{error} in {self._data}") from None
        prepared = self._data / competition / "prepared"
        for part in ("public", "private"):
            if not (prepared / part).is_dir() or not any((prepared / part).iterdir()):
                raise UsageError(
                    f"{prepared / part} is empty: `mlebench prepare -c {competition}` makes it"
                )
        return Competition(competition, self.name, str(prepared / "public"))

    def grade(self, competition: str, submission: Path) -> Grade:
        self.prepare(competition)
        place = (str(self._data), competition)
        question = Question(
            graders=self._graders,
            program=self.program,
            arguments=(*place, "submission.csv"),
            # Without a submission the program grades the sample that mle-bench itself names, which may
            # lie among the answers.
            control=(place, _PROGRAM),
            lower_is_better=None,
            read=grade_of,
        )
        grade = judged(question, submission)
        if not grade.report:
            return grade
        # The program saw a copy.
        return replace(grade, report={**grade.report, "submission_path": str(submission)})

    def _registered(self, competition: str) -> bool:
        if self._checkout is None:
            return False
        return (self._checkout / "mlebench" / "competitions" / competition).is_dir()
