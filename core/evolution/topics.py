"""What a brief can be about, as a fixed list of texts: a skill knows beforehand how well it fits
each of them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.genome import ASPECTS, LOCI, Locus

# Kinds of brief that lessons can help. A repair mends a fault and changes nothing else.
KINDS = ("draft", "mutate", "merge", "tune")

_PARTS: dict[Locus, str] = {
    "DATA": "data preparation",
    "MODEL": "model",
    "TRAIN": "training procedure",
    "POSTPROCESS": "postprocessing of the predictions",
}


def topic_key(kind: str, locus: str | None = None, aspect: str | None = None) -> str:
    """The name of a topic."""
    return " ".join(part for part in (kind, locus, aspect) if part)


def fit(fits: Mapping[str, float], kind: str, locus: str | None, aspect: str | None) -> float:
    """Of the topic that is closest to a brief; 0 where none of them is known."""
    keys = (topic_key(kind, locus, aspect), topic_key(kind, locus), kind)
    return next((fits[key] for key in keys if key in fits), 0.0)


def _topics() -> dict[str, str]:
    texts = {
        "draft": "Write a new program with a method that was not tried yet.",
        "merge": "Combine the best parts of two programs.",
    }
    for locus in LOCI:
        texts[topic_key("tune", locus)] = f"Set parameters of the {_PARTS[locus]} to other values."
        texts[topic_key("mutate", locus)] = f"Change the {_PARTS[locus]}."
        for aspect in ASPECTS[locus]:
            texts[topic_key("mutate", locus, aspect)] = f"Change the {_PARTS[locus]}: {aspect}."
    return texts


TOPICS = _topics()
"""Text of each topic by its key."""
