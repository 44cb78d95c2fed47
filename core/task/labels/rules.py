"""The rules that make a label table, in the order in which they are asked. Runs in a worker process."""

from __future__ import annotations

from core.task.labels.blanks import labels_of_some_rows
from core.task.labels.coco import labels_in_annotations
from core.task.labels.coded import labels_in_lists
from core.task.labels.joined import labels_of_joined_ids
from core.task.labels.lists import labels_in_cells
from core.task.labels.long import labels_in_rows
from core.task.labels.masks import labels_in_masks
from core.task.labels.melted import labels_in_columns
from core.task.labels.names import labels_in_names
from core.task.labels.pixels import labels_in_pixels
from core.task.labels.positions import labels_in_sequences
from core.task.seen import LateRule, Rule

# Asked where no table holds the targets.
RULES: tuple[Rule, ...] = (
    labels_in_cells,
    labels_in_columns,
    labels_in_annotations,
    labels_in_pixels,
    labels_in_lists,
    labels_in_masks,
    labels_in_names,
)
# Asked where one does, because it may hold rows of both parts, or several rows of the same item.
LATE_RULES: tuple[LateRule, ...] = (labels_of_some_rows, labels_in_rows, labels_in_sequences, labels_of_joined_ids)
