"""What a whole evaluation section adds to the metric that one of its sentences names. Pure."""

from __future__ import annotations

import re

_PIXELS = re.compile(r"\bpixels?\b|\bmasks?\b|run[ -]length")
_BOXES = re.compile(r"\bbounding\b|\bbox(?:es)?\b|\bvolumes?\b|\b3d\b")
_PER_IMAGE = re.compile(
    r"(?:for|of|in|per|over|across) (?:each|every|all|image)\b|per[ -]image|mean of the dice|image[ -]wise"
)
_GLOBAL = re.compile(
    r"\bglobal(?:ly)?\b|entire set|all (?:observations|images|pixels)|concatenated"
)
_SHARED_OUT = re.compile(r"divided by the (?:total )?(?:number|length) of\b")
_AVERAGE = re.compile(r"\b(macro|micro)\b")

PLAIN = {
    "f1": re.compile(r"\bf[ -]?1\b|\bf[ -]?(?:score|measure)\b"),
    "plain dice": re.compile(r"\bdice (?:similarity )?(?:coefficient|score|index)"),
}


def settled(name: str | None, section: str) -> str | None:
    """The metric that `name` means in this section; None where the section does not say or speaks
    of something else.

    name: a name of BY_NAME, or f1 or plain dice, for which only the section can tell how it is
    averaged. section: lower case, without what it sets aside.
    """
    if name == "f1":
        return _averaged_f1(section)
    if name == "plain dice":
        return _averaged_dice(section)
    if name == "iou_precision" and (_BOXES.search(section) or not _PIXELS.search(section)):
        return None
    if name == "levenshtein" and _SHARED_OUT.search(section):
        return "word_error_rate"
    return name


def plain_names(sentence: str) -> set[str]:
    """Names that say nothing about the average, in a sentence that names no metric in full."""
    return {name for name, words in PLAIN.items() if words.search(sentence)}


def _averaged_f1(section: str) -> str | None:
    words = set(_AVERAGE.findall(section))
    if len(words) != 1:
        return None
    return f"f1_{words.pop()}"


def _averaged_dice(section: str) -> str | None:
    over_all, per_image = bool(_GLOBAL.search(section)), bool(_PER_IMAGE.search(section))
    if over_all == per_image:
        return None
    if over_all:
        return "dice_global"
    return "dice"
