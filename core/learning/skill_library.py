"""Lessons that runs share: a folder of readable files, written at the end of a run and read at the
start of others.

Only changes in the words of recipes are kept, because these name nothing of a competition;
sentences of a model may. A file is a TOML header between two lines `+++` and a text for people:
what a prompt says is made from the header.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from core.evolution.changes import LONGEST, Change, read_change
from core.evolution.clusters import sure
from core.evolution.topics import TOPICS
from core.genome import LOCI
from core.skill import Skill
from utils.files import read_untrusted, write_atomic
from utils.untrusted import one_line

log = logging.getLogger(__name__)

# Skills that one run is given, the best first, and files that it looks at.
MOST_CARRIED = 30
MOST_FILES = 1000
MOST_BYTES = 16 << 10
# What is kept: a lift above 0 over so many uses, or a sure gain of so much over so many tries.
LEAST_USES = 4
STRONG_GAIN, STRONG_TRIES = 0.1, 4
# Names of the data that are shorter could be any word.
LEAST_NAME = 3

_LARGEST = 1e6
_FENCE = "+++\n"
_PREFIX = re.compile(r"\b(?:data|model|train|postprocess)_")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\dA-Za-z_]+|\d+")


def read_library(folder: Path) -> list[Skill]:
    """The best skills of a folder, not yet used in this run; [] where there is none. What cannot be
    read is logged.
    """
    found: dict[str, tuple[float, Skill]] = {}
    for path in _files(folder):
        try:
            worth, skill = _parsed(path)
        except (OSError, ValueError, RecursionError) as error:
            log.warning(
                "skill library: %s is left out: %s",
                one_line(path.name, 80),
                one_line(str(error), 200),
            )
            continue
        if worth > found.get(skill.id, (0.0, skill))[0]:
            found[skill.id] = (worth, skill)
    best = sorted(found.values(), key=lambda pair: (-pair[0], pair[1].id))
    return [skill for _, skill in best[:MOST_CARRIED]]


def write_library(folder: Path, skills: Iterable[Skill], forbidden: Collection[str]) -> int:
    """Adds what a run has learnt; returns how many files were written. A folder that refuses them
    is logged.

    skills: as they were last in the run, retired ones too: a lesson that did harm must not stay a
    good one. forbidden: names of the competition, of its columns and files; no skill that contains
    one is written. A file stays as it is when it rests on more uses, or on as many and more tries.
    """
    names = {_words(name) for name in forbidden}
    names |= {_words(PurePosixPath(name).stem) for name in forbidden}
    names.discard(())
    written, refused = 0, []
    for skill in skills:
        change = read_change(skill.change, skill.locus or "")
        if not _may_be_shared(skill, change, names):
            continue
        path = folder / f"{change.id}.md"
        try:
            if _says_more(skill, path):
                write_atomic(path, _text(skill, change))
                written += 1
        except OSError as error:
            refused.append(error)
    if refused:
        log.warning(
            "skill library: %s takes no lesson (%d were not written): %s",
            folder,
            len(refused),
            refused[0],
        )
    return written


def library_trouble(folder: Path) -> str | None:
    """Why lessons cannot be added to a folder, which is made where it is missing; None where they
    can.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"{folder} takes no lessons: {error.strerror or error}"


def _may_be_shared(skill: Skill, change: Change, names: Collection[tuple[str, ...]]) -> bool:
    """It is in the words of recipes, and names nothing of the data."""
    # What never paid here may pay on other data.
    if skill.warns or skill.locus not in LOCI:
        return False
    return change.of_recipes and _speaks_of_no_data(change, names)


def _says_more(skill: Skill, path: Path) -> bool:
    """True for figures worth keeping that are better founded than those of the file."""
    known, tried = _known(path), len(skill.evidence)
    if known is None:
        measured = skill.uses >= LEAST_USES and skill.lift > 0
        proven = tried >= STRONG_TRIES and sure(skill.gain, tried) >= STRONG_GAIN
        return measured or (proven and skill.lift >= 0)
    return (skill.uses, tried) > known and skill.uses + tried > 0


def _known(path: Path) -> tuple[int, int] | None:
    """Uses and tries that a file rests on; None where there is no proper one."""
    try:
        header = _header(path)
        return int(_number(header, "uses")), int(_number(header, "tried"))
    except (OSError, ValueError, RecursionError):
        return None


def _text(skill: Skill, change: Change) -> str:
    fields = {
        "change": skill.change,
        "locus": skill.locus,
        "tried": len(skill.evidence),
        "gain": skill.gain,
        "uses": skill.uses,
        "lift": skill.lift,
    }
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in fields.items()]
    lines.append("\n[fits]\n")
    for key, value in sorted(skill.fits.items()):
        if key in TOPICS:
            lines.append(f"{json.dumps(key)} = {value}\n")
    lesson = _lesson(change, len(skill.evidence), skill.gain)
    return f"{_FENCE}{''.join(lines)}{_FENCE}{lesson}\n"


def _lesson(change: Change, tried: int, gain: float) -> str:
    """What stands in a prompt."""
    return f"{change.advice} Evidence: in an earlier run, tried {tried} times, {gain:+.2f} spreads on average."


def _speaks_of_no_data(change: Change, names: Collection[tuple[str, ...]]) -> bool:
    """No name stands in the words of a change, whole or as a part of an identifier."""
    said = _words(_PREFIX.sub("", change.text))
    starts = range(len(said))
    return not any(said[at : at + len(name)] == name for name in names for at in starts)


def _words(name: str) -> tuple[str, ...]:
    """Lower-case words of an identifier; () where they are too short to tell anything."""
    words = tuple(map(str.lower, _PARTS.findall(name)))
    if sum(map(len, words)) < LEAST_NAME:
        return ()
    return words


# ---------------------------------------------------------------- reading


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(filter(_is_lesson, folder.iterdir()))[:MOST_FILES]
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("skill library: %s cannot be read: %s", folder, error)
        return []


def _is_lesson(path: Path) -> bool:
    return path.suffix == ".md" and not path.name.startswith(".")


def _parsed(path: Path) -> tuple[float, Skill]:
    """What a skill was worth where it comes from, and the skill as a new run begins with it.

    Raises OSError or ValueError.
    """
    header = _header(path)
    said, locus = header.get("change"), header.get("locus")
    if not isinstance(said, str) or len(said) > LONGEST or locus not in LOCI:
        raise ValueError("change or locus is missing")
    change = read_change(said, locus)
    if not change.of_recipes or said != f"{locus}: {change.text}":
        raise ValueError("its change is not in the words of recipes")
    tried, gain, uses, lift = (_number(header, key) for key in ("tried", "gain", "uses", "lift"))
    fits = header.get("fits", {})
    if not isinstance(fits, dict):
        raise ValueError("fits must be a table")
    skill = Skill(
        id=change.id,
        text=_lesson(change, int(tried), gain),
        change=said,
        locus=locus,
        fits={key: _number(fits, key) for key in TOPICS if key in fits},
        evidence=(),
        gain=gain,
        origin=path.name,
    )
    worth = lift if uses >= LEAST_USES else sure(gain, int(tried))
    return worth, skill


def _header(path: Path) -> dict[str, Any]:
    """Raises OSError, or ValueError for anything but a small regular file with a header."""
    # The folder is the user's, and may be a link.
    real = path.parent.resolve() / path.name
    before, fence, rest = read_untrusted(real, MOST_BYTES).decode().partition(_FENCE)
    header, end, _ = rest.partition(_FENCE)
    if before or not fence or not end:
        raise ValueError("it has no header")
    return tomllib.loads(header)


def _number(table: dict[str, Any], key: str) -> float:
    """Raises ValueError unless it is a finite number that a run could have written."""
    value = table.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        raise ValueError(f"{key} must be a number")
    return float(value)
