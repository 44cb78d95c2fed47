"""A Preview as lines of bounded length, for a prompt. They hold cells and file names: the caller
fences them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.task.preview import ColumnFacts, Preview, TableFacts
from utils.untrusted import one_line

LIMIT = 4600
_LINE, _TITLE = 170, 40
# Shares of the limit for each part but the columns, which take what is left.
_TREE, _TARGET, _SAMPLE, _OTHERS, _MEDIA, _EXAMPLES = 0.2, 0.11, 0.06, 0.15, 0.11, 0.12
# Where no table is known, how files begin.
_CONTENTS = 0.6
# Of what the table gets: the names of columns that have no line.
_NAMES = 0.15


def preview_text(preview: Preview, limit: int = LIMIT) -> str:
    """At most `limit` characters (about a quarter as many tokens): lines of each part, the last
    ones left out.
    """
    train = preview.train
    parts = [
        *_part("Files:", preview.tree, _TREE * limit),
        *_part("Sample submission:", preview.sample, _SAMPLE * limit),
    ]
    if train is None:
        parts += _part("Contents:", preview.others, _CONTENTS * limit)
    else:
        parts += _part("Further tables:", preview.others, _OTHERS * limit)
    parts += _part("Media:", preview.media, _MEDIA * limit)
    parts += _part("Answers in train:", preview.target, _TARGET * limit)
    if train is None:
        return "\n".join(parts)
    room = _EXAMPLES * limit
    parts += _part("Rows of train:", train.examples, room, line_limit=int(room / 2) - 3)
    text = "\n".join(parts)
    return f"{text}\n{_table(train, limit - len(text) - 1)}"


def _part(title: str, lines: Sequence[str], limit: float, line_limit: int = _LINE) -> Sequence[str]:
    """A title and lines from the first one on, as many as fit with a last line that counts the
    others; none without lines.
    """
    if not lines:
        return []
    limit -= _TITLE
    fitting: list[str] = []
    for line in lines:
        shown = one_line(line, line_limit)
        limit -= len(shown) + 3
        if limit < 0:
            fitting.append(f"and {len(lines) - len(fitting)} more lines")
            break
        fitting.append(shown)
    return _listed(title, fitting)


def _table(train: TableFacts, limit: int) -> str:
    """Columns with drift are kept before others; those that have no room for a line are named at
    least.
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
    for i in sorted(range(len(lines)), key=lambda i: (not columns[i].drift, i)):
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
    many = f"{facts.count} columns, " if facts.count > 1 else ""
    line = f"{facts.name}: {many}{facts.kind}, {facts.summary}".rstrip(", ")
    if facts.missing >= 0.0005:
        line += f"; {facts.missing:.1%} missing"
    if facts.drift:
        line += f" [!] {facts.drift}"
    return line
