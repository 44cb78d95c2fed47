"""Masks as run lengths: an image file to pixels, pixels to the cell of a submission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Order = Literal["columns", "rows"]
Pixels = npt.NDArray[np.bool_]

_LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
_HALF = 127
_GREY = frozenset({"1", "L", "I", "F", "I;16", "I;16B", "I;16L"})
_SENTENCE = re.compile(r"[^.;\n]+")
_DOWN = re.compile(
    r"top[ -]to[ -](?:the[ -])?bottom|\bdown(?:wards?)?\b|column[ -](?:major|wise|by)", re.I
)
_ACROSS = re.compile(
    r"left[ -]to[ -](?:the[ -])?right|\bto the right\b|\brightwards?\b|row[ -](?:major|wise|by)",
    re.I,
)
_MAJOR = re.compile(r"column[ -](?:major|wise|by)|row[ -](?:major|wise|by)", re.I)


def pixel_order(description: str) -> tuple[Order, str]:
    """(which pixels follow each other in a run, why); down the columns where the description does
    not tell.
    """
    for sentence in _SENTENCE.findall(description):
        down, across = _DOWN.search(sentence), _ACROSS.search(sentence)
        if down and (_MAJOR.fullmatch(down[0]) or (across and down.start() < across.start())):
            return "columns", f"as the description says ({_shown(sentence)})"
        if across and (_MAJOR.fullmatch(across[0]) or (down and across.start() < down.start())):
            return "rows", f"as the description says ({_shown(sentence)})"
    return "columns", "the usual order: the description does not tell"


def pixels_of_mask(paths: Sequence[Path]) -> Pixels | None:
    """[rows, columns], true where one of the masks is; None where one is no image, or they differ
    in size.
    """
    masks = [_read(path) for path in paths]
    found = [mask for mask in masks if mask is not None]
    if len(found) < len(masks) or len({mask.shape for mask in found}) != 1:
        return None
    return np.logical_or.reduce(found)


def run_lengths(mask: Pixels, order: Order) -> str:
    """Pairs "start length", starts from 1; "" for a mask without a pixel."""
    flat = mask.ravel("F" if order == "columns" else "C")
    ends = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    pairs = np.stack([ends[::2] + 1, ends[1::2] - ends[::2]], axis=1)
    return " ".join(map(str, pairs.ravel().tolist()))


def _read(path: Path) -> Pixels | None:
    """Whatever is not black; where colours were compressed with a loss, what is lighter than half
    of white.
    """
    from PIL import Image

    try:
        if path.suffix.lower() == ".npy":
            cells = np.load(path, allow_pickle=False)
            plane = cells.reshape([size for size in cells.shape if size > 1])
            return np.asarray(plane != 0) if plane.ndim == 2 else None
        with Image.open(path) as image:
            plain = image.mode in _GREY
            values = np.asarray(
                image if plain else image.convert("L" if image.mode == "LA" else "RGB")
            )
    except (OSError, EOFError, ValueError, SyntaxError):
        return None
    # Channel by channel: ten times as fast as the maximum along the last axis.
    lightest = (
        values
        if values.ndim == 2
        else np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
    )
    return np.asarray(lightest > (_HALF if path.suffix.lower() in _LOSSY else 0))


def _shown(sentence: str) -> str:
    return " ".join(sentence.split())[:100]
