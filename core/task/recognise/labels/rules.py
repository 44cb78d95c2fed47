"""The rules that make a label table, in the order in which they are asked."""

from __future__ import annotations

from core.task.recognise.evidence import LateRule, Rule
from core.task.recognise.labels.blanks import labels_of_some_rows
from core.task.recognise.labels.coco import labels_in_annotations
from core.task.recognise.labels.joined import labels_of_joined_ids
from core.task.recognise.labels.lists import labels_in_cells
from core.task.recognise.labels.masks import labels_in_masks
from core.task.recognise.labels.melted import labels_in_columns
from core.task.recognise.labels.names import labels_in_names
from core.task.recognise.labels.pixels import labels_in_pixels
from core.task.recognise.labels.positions import labels_in_sequences
from core.task.recognise.labels.quantiles import labels_of_quantiles
from core.task.recognise.labels.ragged import labels_in_lists
from core.task.recognise.labels.several_rows import labels_in_rows

# Asked where no table holds the targets.
RULES: tuple[Rule, ...] = (
    labels_of_quantiles,
    labels_in_cells,
    labels_in_columns,
    labels_in_annotations,
    labels_in_pixels,
    labels_in_lists,
    labels_in_masks,
    labels_in_names,
)
# Asked where one does, because it may hold rows of both parts, or several rows of the same item.
LATE_RULES: tuple[LateRule, ...] = (
    labels_of_some_rows,
    labels_in_rows,
    labels_in_sequences,
    labels_of_joined_ids,
)
