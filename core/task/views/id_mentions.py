"""Ids of rows that stand in text: alone, as the name of a file, in a path, or with more before and
after them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, islice

from core.task.folder.cells import text_of
from core.task.views.source import Source

_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"[\W_]")
_EXTENSION = re.compile(r"\.[A-Za-z]\w{0,5}$")
_USUAL_JOINTS = frozenset("_-./")
# A number may be an id where it is no part of a signed or decimal number, a date or a time, and
# beside a word.
_TOKEN = re.compile(r"-?\w+(?:[-.:]\w+)*")
_BESIDE_WORD = re.compile(
    r"(?<![^\W_])\d+(?=[-_.:][^\W\d_])|(?<=[^\W\d_][-_.:])(?<!\d[eE]-)\d+(?![^\W_])",
)
_LOOKED_AT = 20_000
_CHUNK = 1 << 22
_CHUNK_END = re.compile(r"[^\w\-.:/]")


class Mentions:
    """Looks for known ids in text, whatever the signs between their words and, where ids differ by
    more, their case.

    train, official: how many rows each part has. A row that is found is told by its number: rows of
    train count from 0, rows of the sample from `train`; of rows with the same id the first one.
    """

    def __init__(self, ids: Mapping[str, int], train: int, official: int) -> None:
        """ids: text to row number."""
        self.train, self.official = train, official
        self._ids = ids

    @cached_property
    def numeric(self) -> bool:
        """Most ids are plain numbers, which stand in any text by chance."""
        return self._mostly(
            lambda text: not _LETTER.search(_EXTENSION.sub("", text.rpartition("/")[2]))
        )

    @cached_property
    def wordy(self) -> bool:
        """Most ids are words, which text uses for other things as well."""
        return self._mostly(lambda text: not _DIGIT.search(text))

    def found(self, text: str, numbers: bool = False) -> set[int]:
        """Rows whose ids stand in the text. numbers: ids that are plain numbers as well, where
        `numeric`.
        """
        text = self._cased(text)
        words = set(_WORD.findall(text))
        found = _rows_of(words, self._single)
        if words & self._heads:
            for token in set(self._joined.findall(text)):
                found.update(self._rows_in(token))
        if numbers and self.numeric:
            found |= _rows_of(_numbers_in(text), self._plain)
        return found

    def numbers(self, text: str) -> tuple[set[int], int]:
        """Rows whose ids are plain numbers that stand in the text, and how many different numbers
        stand there.
        """
        numbers = {number for number in _numbers_in(text) if not _LETTER.search(number)}
        return _rows_of(numbers, self._plain), len(numbers)

    def found_in_long(self, text: str, enough: float) -> set[int]:
        """As `found`, with numbers, of rows of train only; stops when there are `enough`."""
        found: set[int] = set()
        start = 0
        while start < len(text) and len(found) < enough:
            match = _CHUNK_END.search(text, start + _CHUNK)
            end = match.end() if match else len(text)
            found |= self.of_train(self.found(text[start:end], numbers=True))
            start = end
        return found

    def of_train(self, rows: Iterable[int]) -> set[int]:
        """Those of the rows that are rows of train."""
        return {row for row in rows if row < self.train}

    def _mostly(self, holds: Callable[[str], bool]) -> bool:
        looked = list(islice(self._ids, 0, None, max(1, len(self._ids) // _LOOKED_AT)))
        return sum(map(holds, looked)) > 0.5 * len(looked)

    @cached_property
    def _known(self) -> dict[str, int]:
        """Each way to write an id, numbers as they are and others normalised; a way that several
        ids share belongs to none.
        """
        known: dict[str, int] = {}
        for text, row in self._ids.items():
            for form in _forms(self._cased(text)):
                if known.setdefault(form, row) != row:
                    known[form] = -1
        return {form: row for form, row in known.items() if form and row >= 0}

    @cached_property
    def _folded(self) -> bool:
        return len({text.lower() for text in self._ids}) == len(self._ids)

    def _cased(self, text: str) -> str:
        return text.lower() if self._folded else text

    @cached_property
    def _sorts(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """The ways to write ids: plain numbers (where `numeric`), one word, several words."""
        plain: dict[str, int] = {}
        single: dict[str, int] = {}
        several: dict[str, int] = {}
        for form, row in self._known.items():
            if self.numeric and not _LETTER.search(form):
                plain[form] = row
            elif " " in form:
                several[form] = row
            else:
                single[form] = row
        return plain, single, several

    @property
    def _plain(self) -> dict[str, int]:
        return self._sorts[0]

    @property
    def _single(self) -> dict[str, int]:
        return self._sorts[1]

    @property
    def _several(self) -> dict[str, int]:
        return self._sorts[2]

    @cached_property
    def _heads(self) -> set[str]:
        return {form.split(" ", 1)[0] for form in self._several}

    @cached_property
    def _sizes(self) -> set[int]:
        return {form.count(" ") + 1 for form in self._several}

    @cached_property
    def _joined(self) -> re.Pattern[str]:
        """Words with single signs between them, of those that join the words of ids."""
        signs = set(_USUAL_JOINTS)
        for text in self._ids:
            signs.update(_SIGN.findall(text))
        return re.compile(rf"[^\W_]+(?:[{re.escape(''.join(sorted(signs)))}][^\W_]+)+")

    def _rows_in(self, token: str) -> Iterator[int]:
        """Rows whose ids are words that follow each other in the token."""
        words = _WORD.findall(token)
        for size in self._sizes:
            for start in range(len(words) - size + 1):
                row = self._several.get(" ".join(words[start : start + size]))
                if row is not None:
                    yield row


def mentions_of(source: Source, things: Sequence[str] = ()) -> Mentions:
    """The ids of the rows; of ids in several columns only the one with most values. things: columns
    of train that name what is held out as a whole (Source.things); their cells stand for a row of
    theirs where ids are made of them.
    """
    ids: dict[str, int] = {}
    train, official = source.rows.ids, source.official
    if len(source.spec.ids.columns) > 1:
        parts = source.rows.shown[list(source.spec.ids.columns)]
        train, official = parts[parts.nunique().idxmax()], official.iloc[:0]
        things = ()
    _number(ids, chain(train, official))
    for column in filter(source.are_in_ids, things):
        _number(ids, chain(text_of(source.train[column]), source.official_cells(column)))
    return Mentions(ids, len(train), len(official))


def _number(ids: dict[str, int], texts: Iterable[str]) -> None:
    """Adds the row number of each text that is new."""
    for row, text in enumerate(texts):
        if text:
            ids.setdefault(text, row)


def _rows_of(texts: set[str], rows: Mapping[str, int]) -> set[int]:
    """The rows of those texts that have one."""
    return {rows[text] for text in texts & rows.keys()}


def _forms(text: str) -> Sequence[str]:
    """An id as it is, as the last part of its path, and both without an extension."""
    if text.isalnum():
        return (text,)
    whole = {text, text.rpartition("/")[2]}
    if "." in text:
        whole |= {_EXTENSION.sub("", form) for form in whole}
    return [_normal(form) for form in whole]


def _normal(text: str) -> str:
    words = _WORD.findall(text)
    return " ".join(words) if _LETTER.search(text) else text


def _numbers_in(text: str) -> set[str]:
    return {*_TOKEN.findall(text), *_BESIDE_WORD.findall(text)}
