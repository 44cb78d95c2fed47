"""A program as four loci of text, taken apart and put together without losing a line.

A locus starts at a marker line `# %% DATA` (the cell marker that editors know). What stands before
the first marker is the preamble. Loci may come in any order; a second marker of the same name
continues that locus.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Locus = Literal["DATA", "MODEL", "TRAIN", "POSTPROCESS"]
LOCI: tuple[Locus, ...] = get_args(Locus)

ASPECTS: dict[Locus, tuple[str, ...]] = {
    "DATA": ("features", "cleaning", "augmentation", "encoding"),
    "MODEL": ("architecture", "loss", "optimizer", "regularisation"),
    "TRAIN": ("validation", "early stopping", "schedule", "epochs"),
    "POSTPROCESS": ("ensemble", "threshold", "test-time augmentation"),
}

_MARKER = re.compile(r"^# %% (DATA|MODEL|TRAIN|POSTPROCESS)\b")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def digest(text: str) -> str:
    """Content hash of a program or a gene: 16 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_lines(program: str) -> list[str]:
    """The lines of a program with their ends, as Python counts them in tracebacks and syntax trees.

    str.splitlines also ends lines at form feeds and at separators that may stand inside a text.
    """
    return _LINE.findall(program)


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines that belong to one locus (None: the preamble), marker line included."""

    locus: Locus | None
    text: str


@dataclass(frozen=True, slots=True)
class Genome:
    """A program split at its locus markers; `str(genome)` is the program, byte for byte."""

    blocks: tuple[Block, ...]

    @classmethod
    def parse(cls, program: str) -> Genome:
        return cls(tuple(_blocks(program)))

    def __str__(self) -> str:
        return "".join(block.text for block in self.blocks)

    @property
    def loci(self) -> frozenset[Locus]:
        return frozenset(block.locus for block in self.blocks if block.locus)

    @property
    def complete(self) -> bool:
        """True when all four loci are marked."""
        return len(self.loci) == len(LOCI)

    def gene(self, locus: Locus | None) -> str:
        """Text of one locus (None: the preamble); empty when it is absent."""
        return "".join(block.text for block in self.blocks if block.locus == locus)

    def hashes(self) -> dict[str, str]:
        """Digest of each gene that is present, by locus."""
        return {locus: digest(self.gene(locus)) for locus in LOCI if locus in self.loci}

    def replace(self, locus: Locus, text: str) -> Genome:
        """The same program with another text for one locus (marker line included).

        Raises ValueError when the locus is absent or `text` does not consist of exactly that locus.
        """
        if locus not in self.loci:
            raise ValueError(f"the program has no {locus} locus")
        if any(block.locus != locus for block in _blocks(text)):
            raise ValueError(f"the new text is not a {locus} block")
        if not text.endswith("\n"):
            text += "\n"
        blocks = list[Block]()
        replaced = False
        for block in self.blocks:
            if block.locus != locus:
                blocks.append(block)
            elif not replaced:
                blocks.append(Block(locus, text))
                replaced = True
        return Genome(tuple(blocks))


def changed_loci(before: Genome, after: Genome) -> frozenset[Locus | None]:
    """Loci whose text differs; None stands for the preamble."""
    return frozenset(locus for locus in (None, *LOCI) if before.gene(locus) != after.gene(locus))


def normalised_digest(program: str) -> str:
    """Digest that ignores comments, blank lines and trailing spaces: equal for programs that do the
    same by text.
    """
    lines = []
    for line in program.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            lines.append(line.rstrip())
    return digest("\n".join(lines))


def _blocks(program: str) -> Iterator[Block]:
    locus: Locus | None = None
    lines: list[str] = []
    for line in code_lines(program):
        match = _MARKER.match(line)
        if match:
            if lines:
                yield Block(locus, "".join(lines))
            locus, lines = match.group(1), []  # type: ignore[assignment]
        lines.append(line)
    if lines:
        yield Block(locus, "".join(lines))
