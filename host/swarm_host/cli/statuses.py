"""Exit statuses, and how errors are said."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from swarm_host.errors import HostError, NotHere, UsageError
from swarm_host.words import libraries
from swarm_host.words.places import install

OK, FAILED, WRONG_USE, NOT_RUN = 0, 1, 2, 3
# Where no manager hears the signal.
INTERRUPTED = 130


def complain(text: str, as_json: bool, word: str = "error") -> None:
    """Lines for people on standard error; with as_json also {"error": lines} on standard output.

    word: what stands before each line.
    """
    lines = text.splitlines() or ["it failed"]
    for line in lines:
        print(f"{word}: {line}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": lines}))


def guarded(command: Callable[[], int], as_json: bool) -> int:
    """The exit status of a command, whatever it raises on purpose."""
    status = FAILED
    try:
        status = _status_of(command, as_json)
        # As print does it: there may be no standard output at all.
        print(end="", flush=True)
    except OSError as error:
        # Only of what is printed: what else the command raises has been said.
        _drop_output()
        if status == OK and not isinstance(error, BrokenPipeError):
            complain(f"the output: {error.strerror}", as_json=False)
        return status or FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _status_of(command: Callable[[], int], as_json: bool) -> int:
    """As guarded. Raises BrokenPipeError: a reader of the output went away, and wants to hear nothing."""
    try:
        return command()
    except NotHere as error:
        complain(str(error), as_json, "NOT RUN")
        return NOT_RUN
    except UsageError as error:
        complain(str(error), as_json)
        return WRONG_USE
    except ModuleNotFoundError as error:
        package = libraries.OWN.get(error.name or "")
        if package is None:
            raise
        cure = install("requirements.txt")
        complain(f"{package} is not installed: {cure}", as_json, "NOT RUN")
        return NOT_RUN
    except HostError as error:
        complain(str(error), as_json)
        return FAILED
    except BrokenPipeError:
        raise
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        complain(text, as_json)
        return FAILED


def _drop_output() -> None:
    """Nobody takes it any more: Python's own complaint at the end would only be noise."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
