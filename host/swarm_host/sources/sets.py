"""Sets of competitions: files of names that stand in host/experiments/splits, by the file's name."""

from __future__ import annotations

from pathlib import Path

from swarm_host.errors import UsageError
from swarm_host.sources.folders import NAME
from swarm_host.words.names import known_name
from swarm_host.words.places import HOST

SPLITS = HOST / "experiments" / "splits"


def set_names(splits: Path = SPLITS) -> list[str]:
    return sorted(path.stem for path in splits.glob("*.txt"))


def competition_set(name: str, splits: Path = SPLITS) -> tuple[str, ...]:
    """The competitions of a set, in the order of its file. `dev`, `dev.txt` and mle-bench's way of
    saying it, `experiments/splits/dev.txt`, are the same.

    Raises UnknownName for another one, also when it is the path of a file, UsageError for a broken
    file.
    """
    word = name.removeprefix("experiments/splits/").removesuffix(".txt")
    known_name(word, set_names(splits), "competition set")
    names = []
    for line in (splits / f"{word}.txt").read_text(encoding="utf-8").splitlines():
        entry = line.partition("#")[0].strip()
        if entry and not NAME.fullmatch(entry):
            raise UsageError(f"{word}.txt: {entry!r} is no name of a competition")
        if entry and entry not in names:
            names.append(entry)
    if not names:
        raise UsageError(f"{word}.txt names no competition")
    return tuple(names)
