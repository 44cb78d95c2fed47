"""Submissions that an agent may leave by mistake or on purpose, made from a right one."""

from __future__ import annotations

import gzip


def hostile(right: bytes) -> dict[str, tuple[bytes, bool]]:
    """By name: the content, and whether a grade is right for it, too.

    right: a csv with a header, an id and a numeric column.
    """
    header, *rows = right.decode().splitlines()
    first = rows[0].partition(",")[0]

    def with_first(cell: str) -> bytes:
        return "\n".join([header, f"{first},{cell}", *rows[1:], ""]).encode()

    return {
        "a line of 10 MB": (b"x" * 10_000_000, False),
        "a cell of 10 MB": (with_first("7" * 10_000_000), False),
        "many columns": (b"," * 50_000 + b"\n" + b"," * 50_000, False),
        "NaN": (with_first("NaN"), False),
        "infinity": (with_first("1e999"), False),
        "a word": (with_first("high"), False),
        "a formula": (with_first("=1+1"), False),
        "a list": (with_first('"[1, 2]"'), False),
        "a complex number": (with_first("1+2j"), False),
        "binary": (bytes(range(256)) * 100, False),
        "NUL": (right.replace(b"\n", b"\0\n"), False),
        "gzip": (gzip.compress(right), False),
        "a gzip bomb": (gzip.compress(b"0" * 20_000_000), False),
        "other columns": (right.replace(header.encode(), b"a,b"), False),
        "one column": (b"id\n" + b"\n".join(row.split(",")[0].encode() for row in rows), False),
        "the header twice": (f"{header}\n{right.decode()}".encode(), False),
        "duplicate ids": ("\n".join([header, rows[0], *rows]).encode(), False),
        "a row too few": ("\n".join([header, *rows[1:]]).encode(), False),
        "an unknown id": ("\n".join([header, *rows, "no-such-id,1"]).encode(), False),
        "no rows": (f"{header}\n".encode(), False),
        "empty": (b"", False),
        "blank": (b" \n\n\t", False),
        "an open quote": (right + b'"', False),
        "UTF-16": (right.decode().encode("utf-16"), False),
        "a byte order mark": (b"\xef\xbb\xbf" + right, True),
        "CRLF": (right.replace(b"\n", b"\r\n"), True),
        "rows in another order": ("\n".join([header, *reversed(rows), ""]).encode(), True),
        "no last line end": (right.rstrip(b"\n"), True),
    }
