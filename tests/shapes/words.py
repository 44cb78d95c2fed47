"""Sentences from word lists, with words that say something about a label."""

from __future__ import annotations

import numpy as np

COMMON = (
    "the a of and to in is that it was for on are as with they at be this have from or one had by word but not what "
    "all were we when your can said there use an each which she do how their if will up other about out many then "
    "them these so some her would make like him into time has look two more write go see number no way could people"
).split()
PLACES = "harbour meadow tower river market castle village forest island bridge garden chapel valley station".split()
KIND = "thanks great lovely helpful agree wonderful friend welcome learn share".split()
RUDE = "fool idiot shut liar pathetic garbage loser clown stupid trash".split()


def sentence(
    rng: np.random.Generator, length: int, special: list[str] | None = None, share: float = 0.0
) -> str:
    """Common words and places; each word is one of `special` with probability `share`."""
    pool = [*COMMON, *PLACES]

    def word() -> str:
        if special and rng.random() < share:
            return special[int(rng.integers(len(special)))]
        return pool[int(rng.zipf(1.3)) % len(pool)]

    return " ".join(word() for _ in range(length))
