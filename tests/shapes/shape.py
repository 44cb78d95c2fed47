"""What a synthetic competition folder is, and what the harness should see in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.metric_names import BY_NAME
from core.records import Modality
from core.score import Direction
from tests.shapes.writing import Folder

DESCRIPTIONS = Path(__file__).parent / "descriptions"


@dataclass(frozen=True, slots=True)
class Expected:
    """ids, targets: columns of the sample submission. modalities, splits: any of them is right."""

    metric: str
    ids: tuple[str, ...]
    targets: tuple[str, ...]
    modalities: tuple[Modality, ...]
    splits: frozenset[str]

    @property
    def direction(self) -> Direction:
        return BY_NAME[self.metric].direction


@dataclass(frozen=True, slots=True)
class Labels:
    """Where a folder shows the labels of its train rows, for whoever looks for them in a view.

    columns: names of label columns and JSON keys. keys: columns that hold the row's key. name: a
    path that tells the label. line: bytes that tell the label; group 1 is a key of the row. blank:
    an empty cell is an answer too.
    """

    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ("id",)
    name: re.Pattern[str] | None = None
    line: re.Pattern[bytes] | None = None
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """write: fills an empty folder. quirk: what is unusual, for the table."""

    name: str
    quirk: str
    expected: Expected
    labels: Labels
    write: Callable[[Folder], None] = field(repr=False)

    @property
    def description(self) -> str:
        return (DESCRIPTIONS / f"{self.name}.md").read_text(encoding="utf-8")

    def build(self, root: Path) -> Folder:
        """Writes `root/public` (with description.md beside it) and `root/private/answers.csv`."""
        folder = Folder(root, self.name)
        self.write(folder)
        (root / "description.md").write_text(self.description, encoding="utf-8")
        return folder
