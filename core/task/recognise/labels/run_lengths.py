"""Masks as run lengths: an image file to pixels, pixels to the cell of a submission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

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
        order = _order_in(sentence)
        if order is not None:
            return order, f"as the description says ({_shown(sentence)})"
    return "columns", "the usual order: the description does not tell"


def _order_in(sentence: str) -> Order | None:
    """What is named as such, else what is named first of two directions."""
    down, across = _DOWN.search(sentence), _ACROSS.search(sentence)
    if down and _MAJOR.fullmatch(down[0]):
        return "columns"
    if down and across and down.start() < across.start():
        return "columns"
    if across and _MAJOR.fullmatch(across[0]):
        return "rows"
    if across and down:
        return "rows"
    return None


def pixels_of_mask(paths: Sequence[Path]) -> Pixels | None:
    """[rows, columns], true where one of the masks is; None where one is no image, or they differ
    in size.
    """
    union = None
    for path in paths:
        mask = _read(path)
        if mask is None or (union is not None and union.shape != mask.shape):
            return None
        union = mask if union is None else union | mask
    return union


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
    try:
        if path.suffix.lower() == ".npy":
            return _plane(np.load(path, allow_pickle=False))
        values = _lightness(path)
    except (OSError, EOFError, ValueError, SyntaxError):
        return None
    black = _HALF if path.suffix.lower() in _LOSSY else 0
    return np.asarray(values > black)


def _plane(cells: npt.NDArray[Any]) -> Pixels | None:
    """None where not two sides are longer than 1."""
    plane = np.squeeze(cells)
    if plane.ndim != 2 or not plane.size:
        return None
    return np.asarray(plane != 0)


def _lightness(path: Path) -> npt.NDArray[Any]:
    """[rows, columns]: the lightest channel of each pixel."""
    from PIL import Image

    with Image.open(path) as image:
        if image.mode in _GREY:
            return np.asarray(image)
        if image.mode == "LA":
            return np.asarray(image.convert("L"))
        values = np.asarray(image.convert("RGB"))
    # Channel by channel: ten times as fast as the maximum along the last axis.
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def _shown(sentence: str) -> str:
    return " ".join(sentence.split())[:100]
