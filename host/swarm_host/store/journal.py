"""events.jsonl of a unit's folder: the events of its rows, appended after they are committed.

What a crash or a full disk left out is appended with the next event; a torn last line is passed
over by readers and written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from swarm_host.disk import files
from swarm_host.errors import SpecError
from swarm_host.records import Event
from swarm_host.words import jsonio

NAME = "events.jsonl"


def catch_up(folder: Path, later_than: Callable[[int], Sequence[Event]]) -> int:
    """Appends what the file lacks, and says the seq of its last event.

    later_than: the unit's committed events with a larger seq. Raises OSError: the folder is gone, or
    the disk full; nothing is half written then.
    """
    with files.locked(folder / NAME) as handle:
        last = _last_seq(files.last_lines(handle))
        missing = later_than(last)
        if not missing:
            return last
        files.append_lines(handle, [jsonio.dumps(event) for event in missing])
        return missing[-1].seq


def _last_seq(lines: Sequence[bytes]) -> int:
    for line in reversed(lines):
        try:
            return int(json.loads(line)["seq"])
        except (ValueError, KeyError, TypeError):
            continue
    return 0


def read(folder: Path) -> Iterator[Event]:
    """Every whole line, in order; where a number comes twice, its last line."""
    found: dict[int, Event] = {}
    with (folder / NAME).open("rb") as file:
        for line in file:
            try:
                event = jsonio.loads(Event, line)
            except SpecError:
                continue
            found.pop(event.seq, None)
            found[event.seq] = event
    yield from found.values()
