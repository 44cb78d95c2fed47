"""All shapes by name."""

from __future__ import annotations

from tests.shapes import audio, image, table, text
from tests.shapes.shape import Shape

SHAPES: tuple[Shape, ...] = (*image.SHAPES, *audio.SHAPES, *text.SHAPES, *table.SHAPES)
BY_NAME: dict[str, Shape] = {shape.name: shape for shape in SHAPES}
