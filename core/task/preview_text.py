"""A Preview as lines of bounded length, for a prompt. They hold cells and file names: the caller
fences them. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.task.preview import ColumnFacts, Preview, TableFacts, rank_of
from utils.untrusted import one_line

LIMIT = 4600
_LINE, _LONG_LINE, _TITLE = 170, 240, 40
# Where no table is known, how files begin.
_CONTENTS = 0.6
# What columns get at least where there are so many.
_COLUMNS = 0.28
# Of what the table gets: the names of columns that have no line.
_NAMES = 0.15


@dataclass(frozen=True, slots=True)
class _Part:
    """share: of the limit that its lines may take. rank: the lowest is served first."""

    title: str
    lines: Sequence[str]
    share: float
    rank: int
    line_limit: int = _LINE


def preview_text(preview: Preview, limit: int = LIMIT) -> str:
    """At most `limit` characters (about a quarter as many tokens): lines of each part, the last
    ones left out; what tells most of the task is served first.
    """
    train = preview.train
    left = limit
    if train is not None:
        left -= min(int(_COLUMNS * limit), len(_table(train, limit)) + 1)
    shown: dict[int, str] = {}
    parts = _parts(preview, limit)
    for place in sorted(range(len(parts)), key=lambda place: parts[place].rank):
        part = parts[place]
        lines = _listing(part, min(part.share * limit, left))
        if lines:
            shown[place] = "\n".join(lines)
            left -= len(shown[place]) + 1
    text = "\n".join(shown[place] for place in sorted(shown))
    if train is None:
        return text
    return f"{text}\n{_table(train, limit - len(text) - 1)}"


def _parts(preview: Preview, limit: int) -> list[_Part]:
    """In the order in which they are shown, but for the columns."""
    further, contents = "Test and further tables:", 0.15
    if preview.train is None:
        further, contents = "Contents:", _CONTENTS
    examples = _Part("Rows of train:", (), 0, 0)
    if preview.train is not None:
        room = int(0.12 * limit / 2) - 3
        examples = _Part("Rows of train:", preview.train.examples, 0.12, 5, room)
    texts = "Texts, and some of them with their answers:"
    return [
        _Part("Files:", preview.tree, 0.2, 7),
        _Part("Sample submission:", preview.sample, 0.07, 6),
        _Part(further, preview.others, contents, 8),
        _Part("Media:", preview.media, 0.13, 4),
        _Part("Answers in train:", preview.target, 0.13, 1, _LONG_LINE),
        _Part("Time:", preview.series, 0.36, 2, _LONG_LINE),
        _Part("Rows that belong together:", preview.groups, 0.1, 3, _LONG_LINE),
        _Part(texts, preview.texts, 0.36, 4, _LONG_LINE),
        examples,
    ]


def _listing(part: _Part, limit: float) -> Sequence[str]:
    """A title and lines from the first one on, as many as fit with a last line that counts the
    others; none without lines, or without room for one.
    """
    limit -= _TITLE
    fitting: list[str] = []
    for line in part.lines:
        shown = one_line(line, part.line_limit)
        limit -= len(shown) + 3
        if limit < 0:
            if not fitting:
                return []
            fitting.append(f"and {len(part.lines) - len(fitting)} more lines")
            break
        fitting.append(shown)
    return _listed(part.title, fitting) if fitting else []


def _table(train: TableFacts, limit: int) -> str:
    """Columns that tell most are kept before others (`rank_of`); those that have no room for a line
    are named at least.
    """
    head = f"Columns of {one_line(train.layout, _LINE)}, {train.rows:,} rows:"
    if not train.columns and not train.only_train:
        return f"{head} ids and answers only"
    end = list(_below(train))
    left = limit - len(head) - _size(end)
    lines = [one_line(_column(facts), _LINE) for facts in train.columns]
    if _size(lines) > left:
        names = int(_NAMES * limit)
        fitting = _that_fit(train.columns, lines, left - names - 3)
        others = [facts for i, facts in enumerate(train.columns) if i not in fitting]
        lines = [lines[i] for i in sorted(fitting)]
        lines.append(_named(others, names))
    return "\n".join(_listed(head, [*lines, *end]))


def _size(lines: Sequence[str]) -> int:
    """Characters of the lines in a list."""
    return sum(map(len, lines)) + 3 * len(lines)


def _listed(head: str, lines: Sequence[str]) -> list[str]:
    return [head, *(f"- {line}" for line in lines)]


def _that_fit(columns: Sequence[ColumnFacts], lines: Sequence[str], room: int) -> set[int]:
    """Places of the columns whose lines have room."""
    places: set[int] = set()
    kinds = Counter(facts.kind for facts in columns)
    for i in sorted(range(len(lines)), key=lambda i: (rank_of(columns[i], kinds), i)):
        room -= len(lines[i]) + 3
        if room < 0:
            break
        places.add(i)
    return places


def _named(columns: Sequence[ColumnFacts], room: int) -> str:
    """As many names as fit into `room` characters, and how many columns there are."""
    line = f"and {sum(facts.count for facts in columns)} columns more: "
    line += ", ".join(facts.name for facts in columns)
    return one_line(line, room)


def _below(train: TableFacts) -> Iterator[str]:
    if train.more:
        yield f"and further columns: {train.more}"
    if train.only_train:
        yield one_line(f"only in train, not in test: {', '.join(train.only_train)}", _LINE)


def _column(facts: ColumnFacts) -> str:
    """Of a long line the summary is cut, and never what is missing or differs."""
    many = f"{facts.count} columns, " if facts.count > 1 else ""
    head, end = f"{facts.name}: {many}{facts.kind}", ""
    if facts.missing:
        end += f"; {_share(facts.missing)} missing"
    if facts.drift:
        end += f" [!] {facts.drift}"
    room = max(_LINE - len(head) - len(end) - 2, 20)
    return f"{head}, {one_line(facts.summary, room)}".rstrip(", ") + end


def _share(share: float) -> str:
    """A share in percent that is neither all nor nothing."""
    if share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{100 * share:.1f} %"
