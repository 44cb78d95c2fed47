"""What a brief can be about, as a fixed list of texts: a skill knows beforehand how well it fits
each of them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.evolution.briefs import BY_KIND, BriefTraits
from core.genome import ASPECTS, LOCI, Locus

_PARTS: dict[Locus, str] = {
    "DATA": "data preparation",
    "MODEL": "model",
    "TRAIN": "training procedure",
    "POSTPROCESS": "postprocessing of the predictions",
}


def topic_key(kind: str, locus: str | None = None, aspect: str | None = None) -> str:
    """The name of a topic."""
    return " ".join(filter(None, (kind, locus, aspect)))


def fit(fits: Mapping[str, float], kind: str, locus: str | None, aspect: str | None) -> float:
    """Of the topic that is closest to a brief; 0 where none of them is known."""
    keys = (topic_key(kind, locus, aspect), topic_key(kind, locus), kind)
    return next((fits[key] for key in keys if key in fits), 0.0)


def _topics() -> dict[str, str]:
    texts: dict[str, str] = {}
    for traits in BY_KIND.values():
        if traits.mends:
            continue
        if traits.one_part:
            texts |= _topics_of_parts(traits)
        else:
            texts[traits.kind] = traits.words
    return texts


def _topics_of_parts(traits: BriefTraits) -> dict[str, str]:
    texts: dict[str, str] = {}
    for locus in LOCI:
        words = traits.words.format(part=_PARTS[locus])
        texts[topic_key(traits.kind, locus)] = words
        if traits.aspects:
            for aspect in ASPECTS[locus]:
                about = f"{words.removesuffix('.')}: {aspect}."
                texts[topic_key(traits.kind, locus, aspect)] = about
    return texts


TOPICS = _topics()
"""Text of each topic by its key."""
