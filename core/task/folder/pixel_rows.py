"""Images as rows of a sample submission, one per pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.records import PixelRows
from utils.errors import SpecError

Floats = npt.NDArray[np.float64]


def size_of(path: Path) -> tuple[int, int]:
    """(rows, columns) from the header. Raises SpecError."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, ValueError, SyntaxError) as error:
        raise SpecError(f"{path.name} cannot be read as an image") from error


def pixels_of(path: Path, scale: float) -> Floats:
    """Brightness [rows, columns]: 0 to 255, divided by `scale`. Raises SpecError."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"), dtype=np.float64) / scale
    except (OSError, ValueError, SyntaxError) as error:
        raise SpecError(f"{path.name} cannot be read as an image") from error


def item_of(ids: pd.Series, pixels: PixelRows) -> pd.Series:
    """The image of each sample row."""
    return ids.str.rsplit(pixels.joint, n=2).str[0].astype(object)


def ids_of(item: str, size: tuple[int, int], pixels: PixelRows) -> npt.NDArray[np.object_]:
    """Ids of all pixels of an image, row by row."""
    rows, columns = (
        np.arange(pixels.first, pixels.first + count).astype(str).astype(object) for count in size
    )
    named = (
        f"{item}{pixels.joint}"
        + np.repeat(rows, size[1])
        + pixels.joint
        + np.tile(columns, size[0])
    )
    return np.asarray(named, dtype=object)
