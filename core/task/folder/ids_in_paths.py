"""Where an id stands in the path of a file. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

_BREAKS = re.compile(r"[_\-. ]")
_MAX_BREAKS = 12
# No path has it.
_ANY_ID = "\0"
_NUMBER = re.compile(r"[0-9a-f]*\d[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class IdInPath:
    """An id found in a path. before, after: the rest of the path around the id; whole: the id is
    the path itself.
    """

    id: str
    before: str
    after: str
    whole: bool = False


def find_id(inside: str, known: Container[str], paths: bool = True) -> IdInPath | None:
    """The id that a path carries: the path or the name without extension, else a part of the name.

    paths: some ids are paths; without such ids there is less to look up.
    """
    name = inside.rfind("/") + 1
    starts = (0, name) if paths and name else (name,)
    for start in starts:
        for cut in cuts_of(inside, start):
            if inside[start:cut] in known:
                return IdInPath(inside[start:cut], inside[:start], inside[cut:])
    breaks = [match.start() for match in _BREAKS.finditer(inside, name)][:_MAX_BREAKS]
    ends = [len(inside), *reversed(breaks)]
    for low in (name, *(spot + 1 for spot in breaks)):
        for high in ends:
            if low < high and inside[low:high] in known:
                return IdInPath(inside[low:high], inside[:low], inside[high:])
    return None


def folder_id(inside: str, known: Container[str]) -> IdInPath | None:
    """The id that is the name of a folder on the path, the outermost one."""
    start = 0
    while (end := inside.find("/", start)) >= 0:
        if inside[start:end] in known:
            return IdInPath(inside[start:end], inside[:start], inside[end:])
        start = end + 1
    return None


def cuts_of(path: str, start: int) -> list[int]:
    """Ends of the name in `path`, with and without its extensions, the longest first."""
    name = path.rfind("/") + 1
    dots = [spot for spot in range(max(name, start) + 1, len(path)) if path[spot] == "."]
    return [len(path), *reversed(dots)]


def place_in(found: IdInPath) -> str:
    """Sub-folder of the file, "" or with its closing slash, for any id (see `inside`); an id that
    is a path brings its own.
    """
    folder = found.before[: found.before.rfind("/") + 1]
    if found.id not in folder:
        return folder
    parts = folder.split("/")
    for spot, part in enumerate(parts):
        if part == found.id:
            parts[spot] = _ANY_ID
    return "/".join(parts)


def inside(place: str, shown: str) -> str:
    """The sub-folder of a file whose id is `shown`."""
    return place.replace(_ANY_ID, shown)


def ending_of(found: IdInPath) -> tuple[str, str]:
    """What stands around the id in the name; files in a folder of their own may be numbered, or
    have the id too.
    """
    after = found.after
    if after.startswith("/"):
        after = _NUMBER.sub("#", after.replace(found.id, "#"))
    return name_before(found), after


def after_as(found: IdInPath, shown: str) -> str:
    """What stands behind the id where it is `shown`: names in a folder of its own may begin with
    it.
    """
    if shown == found.id or not found.after.startswith("/"):
        return found.after
    begins = re.compile(rf"(?<=/){re.escape(found.id)}(?![^\W_])")
    return begins.sub(lambda _: shown, found.after)


def name_before(found: IdInPath) -> str:
    """What stands before the id in the file's name."""
    return found.before[found.before.rfind("/") + 1 :]
