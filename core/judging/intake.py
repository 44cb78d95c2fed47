"""Opens and parses a file that a foreign program left behind. Runs in a worker process.

Nothing about the file is trusted: it may be a link, a pipe, enormous, binary, ragged or no table at
all.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from utils.files import UntrustedFileError, read_untrusted
from utils.untrusted import one_line

SIZE_FLOOR = 64 << 20
SIZE_FACTOR = 40
# Characters in which a header must end, or as many times those of the columns that it must have.
_HEADER, _TIMES_HEADER = 1_000_000, 8
_MISSING = [
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "NULL",
    "null",
    "None",
    "<NA>",
    "#N/A",
    "NaT",
]


class FileRefusedError(Exception):
    """The file is no table; the message says why in one line."""


def read_bytes(path: Path, sample_size: int) -> bytes:
    """Content of a regular file of sensible size; a link, pipe, device or folder is not even opened
    for reading.

    sample_size: bytes of the sample submission, from which the limit follows. Raises FileRefusedError.
    """
    limit = max(SIZE_FLOOR, SIZE_FACTOR * sample_size)
    try:
        return read_untrusted(path, limit)
    except UntrustedFileError as error:
        raise FileRefusedError(_fault(path, error, limit)) from None
    except FileNotFoundError:
        raise FileRefusedError("there is no submission file") from None
    except OSError as error:
        if path.is_symlink():
            why = "is a link, not a regular file"
        else:
            why = f"cannot be opened: {error.strerror}"
        raise FileRefusedError(f"{path.name} {why}") from error


def _fault(path: Path, error: UntrustedFileError, limit: int) -> str:
    if error.fault == "folder":
        return f"{path.parent.name}/ is a link, not a folder"
    if error.fault == "kind":
        return f"{path.name} is not a regular file"
    return f"{path.name} has {error.size} bytes; at most {limit} are read"


def decode(data: bytes, encoding: str) -> tuple[str, list[str]]:
    """Text of the file, and warnings. Raises FileRefusedError for an empty or binary file or another
    encoding.
    """
    if not data.strip():
        raise FileRefusedError("the submission file is empty")
    if b"\0" in data:
        raise FileRefusedError("the submission is binary, not text")
    notes = []
    if data.startswith(b"\xef\xbb\xbf"):
        notes.append("the file starts with a byte order mark")
    for name in ("utf-8-sig", encoding):
        try:
            return data.decode(name), notes
        except (UnicodeDecodeError, LookupError):
            continue
    raise FileRefusedError(f"the submission is not {encoding} text")


def parse(
    text: str, delimiters: Sequence[str], ids: Sequence[str], targets: Sequence[str], as_text: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Id columns as text and target columns as numbers where they are (`as_text`: as text), in that
    order.

    Surplus columns are dropped and columns put in order, each with a warning. Raises FileRefusedError.
    """
    header, delimiter = _header(text, delimiters, [*ids, *targets])
    wanted = list(dict.fromkeys([*ids, *targets]))
    place_of = {name: place for place, name in enumerate(header)}
    places = [place_of[name] for name in wanted]
    known = set(wanted)
    surplus = [name or "(unnamed)" for name in header if name not in known]
    notes = []
    if surplus:
        notes.append(f"{len(surplus)} surplus columns dropped: {_few(surplus)}")
    if places != sorted(places):
        notes.append("columns put in the order of the sample submission")
    worded = wanted if as_text else ids
    texts = {place_of[name] for name in worded}
    frame = _cells(text, delimiter, len(header), places, texts)
    if not len(frame):
        raise FileRefusedError("the submission has a header and no rows")
    return frame.set_axis(wanted, axis=1), notes


def _header(text: str, delimiters: Sequence[str], wanted: Sequence[str]) -> tuple[list[str], str]:
    """Column names, and the separator under which all wanted columns are there."""
    names: list[str] = []
    text = text[: max(_HEADER, _TIMES_HEADER * sum(map(len, wanted)))]
    for delimiter in dict.fromkeys(delimiters):
        names = _first_row(text, delimiter)
        if set(wanted) <= set(names):
            counts = Counter(names)
            if twice := [name for name in dict.fromkeys(wanted) if counts[name] > 1]:
                raise FileRefusedError(f"columns occur twice: {_few(twice)}")
            return names, delimiter
    for other in ";\t|":
        if other not in delimiters and set(wanted) <= set(_first_row(text, other)):
            raise FileRefusedError(
                f"columns are separated by {other!r}; the sample submission uses {delimiters[0]!r}"
            )
    there = set(names)
    missing = [name for name in wanted if name not in there]
    raise FileRefusedError(
        f"{len(missing)} columns missing: {_few(missing)}; the file has {_few(names)}"
    )


def _first_row(text: str, delimiter: str) -> list[str]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row:
                return row
    except csv.Error as error:
        raise FileRefusedError(f"the header cannot be read: {error}") from error
    raise FileRefusedError("the submission file is empty")


def _cells(
    text: str, delimiter: str, width: int, places: Sequence[int], texts: set[int]
) -> pd.DataFrame:
    """The columns at these places, those of `texts` as text. Places stand for names, because
    surplus columns may be unnamed or repeated.
    """
    with warnings.catch_warnings():
        # pandas only warns about rows that are longer than the header, and cuts them.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                header=0,
                names=range(width),
                index_col=False,
                dtype=dict.fromkeys(texts, str),
                keep_default_na=False,
                na_values=dict.fromkeys(set(places) - texts, _MISSING),
                low_memory=False,
            )
        except (
            pd.errors.ParserError,
            pd.errors.ParserWarning,
            pd.errors.EmptyDataError,
            ValueError,
        ) as error:
            raise FileRefusedError(
                f"the submission is no proper csv: {str(error).strip().splitlines()[0][:200]}"
            ) from error
    return frame[list(places)]


def _few(names: Sequence[str]) -> str:
    shown = [one_line(name, 40) for name in names[:5]]
    if len(names) > len(shown):
        shown.append("...")
    return ", ".join(shown)
