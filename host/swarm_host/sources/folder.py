"""Competition folders of one's own: public/, private/answers.csv and competition.yaml.

competition.yaml names the metric and, where needed, more:

    metric: rmse               # a name of this project's registry (docs/metrics.md)
    ids: [id]                  # id columns of the sample submission; the first column without it
    parameters: [0.5]          # numbers of a metric that has some, one for each target
    references: {mean: 0.71}   # scores to be shown beside results

The root is one such folder, or a folder of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.metric_names import BY_NAME
from swarm_host.errors import UsageError
from swarm_host.protocols import Graders
from swarm_host.records import Competition, Grade, GradingProgram
from swarm_host.sources.folders import NAME, sample_of
from swarm_host.sources.judged import Question, better_than, grade_of, judged
from swarm_host.spec import values
from swarm_host.spec.section import Section
from swarm_host.words.mistakes import each, raise_all
from swarm_host.words.names import known_name
from swarm_host.words.places import HOST, ROOT
from swarm_host.words.yaml_lines import Field, load

_FILE = "competition.yaml"


@dataclass(frozen=True, slots=True)
class OwnCompetition:
    """What competition.yaml says."""

    metric: str
    ids: tuple[str, ...] = ()
    parameters: tuple[float, ...] = ()
    references: Mapping[str, float] | None = None


class FolderSource:
    """root: a competition folder, or a folder of them. python: interpreter that grades.

    All methods raise UsageError for a root without a competition.
    """

    name = "folder"

    def __init__(self, root: Path, graders: Graders, python: str = sys.executable) -> None:
        self._root = root.absolute()
        self._graders = graders
        paths = (str(HOST), str(ROOT))
        self.program = GradingProgram(python, "swarm_host.grading.programs.own_metric", paths)

    def names(self) -> Sequence[str]:
        return sorted(self._folders())

    def prepare(self, competition: str) -> Competition:
        folder = self._folder(competition)
        said = read_competition(folder / _FILE)
        sample_of(folder / "public")
        _answers(folder)
        return Competition(
            name=competition,
            source=self.name,
            public=str(folder / "public"),
            metric=said.metric,
            lower_is_better=BY_NAME[said.metric].direction == "minimize",
            references=said.references or {},
        )

    def grade(self, competition: str, submission: Path) -> Grade:
        prepared, folder = self.prepare(competition), self._folder(competition)
        said = read_competition(folder / _FILE)
        sample = sample_of(folder / "public")
        train = folder / "public" / "train.csv"
        words = {
            "metric": said.metric,
            "answers": str(_answers(folder)),
            "sample": str(sample),
            "train": str(train) if train.is_file() else None,
            "ids": said.ids,
            "parameters": said.parameters,
        }
        arguments = (json.dumps(words), "submission.csv")
        question = Question(
            graders=self._graders,
            program=self.program,
            arguments=arguments,
            control=(arguments, sample),
            lower_is_better=prepared.lower_is_better,
            read=grade_of,
        )
        return _compared(judged(question, submission), prepared)

    def _folders(self) -> dict[str, Path]:
        if (self._root / "public").is_dir():
            return {self._root.name: self._root}
        found = [path.parent for path in self._root.glob("*/public") if path.is_dir()]
        named = [folder for folder in found if NAME.fullmatch(folder.name)]
        folders = {folder.name: folder for folder in named if not _is_mle_bench(folder)}
        if not folders:
            raise UsageError(self._why_empty())
        return folders

    def _why_empty(self) -> str:
        said = f"{self._root} is no competition and holds none: there is no public/, and no NAME/public/"
        for found in (self._root.glob("*/prepared/public"), self._root.glob("prepared/public")):
            if any(found):
                return (
                    f"{said}; NAME/prepared/public/ is mle-bench's way, --source mlebench reads it"
                )
        return f"{said}, each with private/answers.csv and {_FILE} beside it"

    def _folder(self, competition: str) -> Path:
        folders = self._folders()
        return folders[known_name(competition, folders, "competition")]


def read_competition(path: Path) -> OwnCompetition:
    """Raises SpecError with every problem, one a line, each with its line."""
    problems: list[str] = []
    section = Section(load(path), problems)
    found = OwnCompetition(
        metric=section.take("metric", partial(values.choice, words=BY_NAME), ""),
        ids=section.take("ids", _ids, ()),
        parameters=section.take("parameters", _parameters, ()),
        references=section.take("references", _references, None),
    )
    section.need("metric", "a name of docs/metrics.md")
    section.close()
    raise_all(problems)
    return found


def _ids(field: Field) -> tuple[str, ...]:
    if isinstance(field.value, list):
        return tuple(each(values.text, field.value))
    return (values.text(field),)


def _parameters(field: Field) -> tuple[float, ...]:
    return tuple(each(values.finite, values.items(field)))


def _references(field: Field) -> dict[str, float]:
    given = values.entries(field).items()
    return dict(each(lambda pair: (pair[0], values.finite(pair[1])), given))


def _is_mle_bench(folder: Path) -> bool:
    """A part of a competition as mle-bench lays it out, and no competition of this source."""
    return folder.name == "prepared" and not (folder / _FILE).exists()


def _answers(folder: Path) -> Path:
    """Raises UsageError unless there is one."""
    private = folder / "private"
    named = private / "answers.csv"
    if named.is_file():
        return named
    found = sorted(private.glob("*.csv"))
    if len(found) != 1:
        raise UsageError(f"{private} needs answers.csv")
    return found[0]


def _compared(grade: Grade, competition: Competition) -> Grade:
    lower = bool(competition.lower_is_better)
    beaten = better_than(grade.score, competition.references, lower)
    if beaten is None:
        return grade
    report = {**grade.report, "beats_references": beaten}
    return replace(grade, passed=all(beaten.values()), report=report)
