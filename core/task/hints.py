"""What is said of a competition beside its files: by the user, a language model, a written program.

Light: imports no table library.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from utils.config_schema import TaskConfig

# The user says nothing.
UNSET = TaskConfig(**dict.fromkeys(field.name for field in fields(TaskConfig)))


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """The metric that a language model read in a description that says nothing to the recogniser.

    name: a name of core.metric_names.BY_NAME; any other counts for nothing. why: one line.
    """

    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class WrittenTables:
    """What an accepted program made of a folder that no adaptor understands.

    folder: holds its train.csv and test.csv. program: its digest. group: column by which rows
    belong together.
    """

    folder: str
    program: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """user: the configuration's section task; what is None there is decided from the folder.

    ids: id columns of the sample submission that an earlier run decided; before the user's.
    """

    user: TaskConfig = UNSET
    metric: MetricAnswer | None = None
    tables: WrittenTables | None = None
    ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, ids: tuple[str, ...] = (), **task: Any) -> Hints:
        """task: keys of the configuration's section task; the others are not set."""
        return cls(TaskConfig(**(vars(UNSET) | task)), ids=ids)

    @property
    def id_columns(self) -> tuple[str, ...]:
        """Columns of the sample submission; the user writes several with commas. () when not set."""
        if self.ids or not self.user.id_column:
            return self.ids
        return tuple(name.strip() for name in self.user.id_column.split(","))

    @property
    def target_columns(self) -> tuple[str, ...]:
        """() when not set."""
        return self.user.target_columns or ()


NO_HINTS = Hints()
