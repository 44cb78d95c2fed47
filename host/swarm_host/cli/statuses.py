"""Exit statuses, and how errors are said."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from swarm_host.errors import HostError, NotHere, UsageError
from swarm_host.words import libraries
from swarm_host.words.places import HOST, typed

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
    try:
        status = command()
        # As print does it: there may be no standard output at all.
        print(end="", flush=True)
        return status
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
        cure = f"pip install -r {typed(HOST / 'requirements.txt')}"
        complain(f"{package} is not installed: {cure}", as_json, "NOT RUN")
        return NOT_RUN
    except HostError as error:
        complain(str(error), as_json)
        return FAILED
    except BrokenPipeError:
        _drop_output()
        return FAILED
    except OSError as error:
        if error.filename is None:
            _drop_output()
        complain(f"{error.filename or 'the output'}: {error.strerror}", as_json)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _drop_output() -> None:
    """Nobody takes it any more: Python's own complaint at the end would only be noise."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
