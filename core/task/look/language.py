"""A guess at the language of texts, from stop words and scripts. Stdlib only."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

# Words that are frequent in one of these languages and in none of the others here.
_STOP_WORDS = {
    "English": "the and of to is that it for was with you this are have not but from they we",
    "German": "der und das ist nicht ich zu mit sich auf dem eine auch wir sie wird einen wie",
    "French": "le les et des est une dans que qui pas pour sur ce je avec il vous mais sont",
    "Spanish": "el los las y es una por con su muy pero lo como más este fue hay yo también",
    "Italian": "il di che non gli della sono per più anche ma nel questo alla è ho lo ci",
    "Portuguese": "o os as não uma em do da mas foi ele isso muito são pela você também ao",
    "Dutch": "het een van dat niet zijn op te voor met ook maar er wel naar heb bij deze",
}
_LANGUAGES: dict[str, set[str]] = {name: set(words.split()) for name, words in _STOP_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
# Shares: of words that must be stop words of the language, and of letters in a script.
_LEAST, _AHEAD, _SCRIPT = 0.06, 1.5, 0.5
_LETTERS, _WORDS, _FEW = 20_000, 20_000, 30


def language(texts: Iterable[str]) -> str:
    """In words, with how it was told; "language not told" where the signs are weak."""
    joined = " ".join(texts)[: 20 * _LETTERS].lower()
    words = _WORD.findall(joined)[:_WORDS]
    if len(words) < _FEW:
        return "language not told"
    script, share = _script(joined)
    if script != "LATIN":
        return f"{script.capitalize()} script ({share:.0%} of letters)"
    counts = Counter(words)
    scores: dict[str, float] = {}
    for name, stops in _LANGUAGES.items():
        scores[name] = sum(counts[word] for word in stops) / len(words)
    first, second = sorted(scores, key=lambda name: -scores[name])[:2]
    if scores[first] < _LEAST or scores[first] < _AHEAD * scores[second]:
        return "language not told"
    return f"{first} by its stop words ({scores[first]:.0%} of words)"


def _script(text: str) -> tuple[str, float]:
    """The commonest script by the names of its letters, and its share; LATIN where none leads."""
    letters = [char for char in text if char.isalpha()][:_LETTERS]
    scripts = Counter(unicodedata.name(char, "LATIN").split()[0] for char in letters)
    name, count = scripts.most_common(1)[0]
    share = count / len(letters)
    return (name, share) if share >= _SCRIPT else ("LATIN", share)
