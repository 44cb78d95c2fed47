"""What a failed probe says about a program: only errors that more data cannot cure are a verdict.
Pure.
"""

from __future__ import annotations

import re

from core.records import ErrorInfo, Outcome

# Raised by the text of the program, whatever the data.
_ALWAYS = {
    "SyntaxError": "does not compile",
    "IndentationError": "does not compile",
    "TabError": "does not compile",
    "ImportError": "imports what is not there",
    "ModuleNotFoundError": "imports what is not there",
    "NameError": "uses an undefined name",
    "UnboundLocalError": "uses a variable before it has a value",
    "UndefinedVariableError": "uses a column that is not there",
    "FileNotFoundError": "opens a file that is not there",
    "NotADirectoryError": "takes a file for a folder",
    "IsADirectoryError": "takes a folder for a file",
    "PermissionError": "writes or reads where it may not",
    # A sample of a file holds the same encoding as the file.
    "UnicodeDecodeError": "reads a file in the wrong encoding",
}
# Raised by a wrong use of a library, unless a small sample produced nothing to use.
_UNLESS_NONE = {
    "AttributeError": "uses an attribute that is not there",
    "TypeError": "calls something in a wrong way",
}
# A dictionary may lack a key because a sample is small; a table lacks a column always.
_COLUMN_MESSAGE = re.compile(
    r"not in index|not found in axis|are in the \[columns\]|not found in columns"
)
_COLUMN_FRAME = re.compile(r"pandas[/\\]core[/\\]frame\.py")


def probe_fault(outcome: Outcome) -> str | None:
    """Why a run on more data cannot succeed, in one line; None when it may.

    Only errors that more data cannot cure count. Time-outs, memory, signals, exit statuses and
    errors about sizes, values and classes say nothing about a full run.
    """
    error = outcome.error
    if error is None or outcome.killed_for is not None or outcome.signal is not None:
        return None
    reason = _fault(error)
    if reason is None:
        return None
    first_line = next(iter(error.message.splitlines()), "")
    return f"{reason} ({error.type}: {first_line})"


def _fault(error: ErrorInfo) -> str | None:
    kind = error.type.rpartition(".")[2]
    if kind in _ALWAYS:
        return _ALWAYS[kind]
    if kind in _UNLESS_NONE and "NoneType" not in error.message:
        return _UNLESS_NONE[kind]
    if kind == "KeyError" and (
        _COLUMN_MESSAGE.search(error.message) or _COLUMN_FRAME.search(error.traceback)
    ):
        return "uses a column that is not there"
    # read_csv(usecols=...) reports missing columns as a ValueError.
    if kind == "ValueError" and "Usecols do not match columns" in error.message:
        return "uses a column that is not there"
    return None
