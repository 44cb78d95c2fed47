"""A report on held-out errors as an author reads it: compact lines, the most telling first. Pure.

Names of columns, classes and groups come from the data: what is returned is to be fenced.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.records import ErrorGroup, ErrorReport, ErrorTable
from utils.untrusted import one_line

_LEGEND = "groups: error, bias (mean of prediction - answer), (rows)"
_TITLE_LETTERS = 160
_NAME_LETTERS = 90
_LINE_LETTERS = 420


def error_text(report: ErrorReport, limit: int) -> str:
    """At most `limit` characters, whole lines only: what does not fit is left out from the end; ""
    where not even the first line fits.
    """
    kept: list[str] = []
    left = limit
    for line in _lines(report):
        if len(line) > left:
            break
        kept.append(line)
        # The line break before the next one.
        left -= len(line) + 1
    return "\n".join(kept)


def _lines(report: ErrorReport) -> Iterator[str]:
    for statement in report.summary:
        yield f"- {one_line(statement, _LINE_LETTERS)}"
    told = [table for table in report.tables if table.groups]
    if told:
        yield f"- {_LEGEND}"
    for table in told:
        yield _table_line(table)


def _table_line(table: ErrorTable) -> str:
    """A table on one line, with as many of its groups as the line holds."""
    line = f"- {one_line(table.title, _TITLE_LETTERS)}:"
    joint = " "
    for group in table.groups:
        cell = _cell(group)
        if len(line) + len(joint) + len(cell) > _LINE_LETTERS:
            return f"{line}{joint}..."
        line += joint + cell
        joint = "; "
    return line


def _cell(group: ErrorGroup) -> str:
    figures = f"{group.error:.3g}"
    if group.bias is not None:
        figures += f", bias {group.bias:+.3g}"
    return f"{one_line(group.name, _NAME_LETTERS)} {figures} ({group.rows})"
