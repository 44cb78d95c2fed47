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
    parts = [("Files", _kept(preview.tree, _TREE * limit))]
    if preview.sample:
        parts.append(("Sample submission", _kept(preview.sample, _SAMPLE * limit)))
    title, share = (
        ("Further tables", _OTHERS) if preview.train is not None else ("Contents", _CONTENTS)
    )
    parts.append((title, _kept(preview.others, share * limit)))
    parts.append(("Media", _kept(preview.media, _MEDIA * limit)))
    parts.append(("Answers in train", _kept(preview.target, _TARGET * limit)))
    train = preview.train
    if train is not None:
        parts.append(
            (
                "Rows of train",
                _kept(train.examples, _EXAMPLES * limit, int(_EXAMPLES * limit / 2) - 3),
            )
        )
    text = "\n".join(_titled(title, lines) for title, lines in parts if lines)
    return text if train is None else f"{text}\n{_table(train, limit - len(text) - 1)}"


def _titled(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"- {line}" for line in lines)])


def _kept(lines: Sequence[str], limit: float, line_limit: int = _LINE) -> list[str]:
    """Lines from the first one on, as many as fit with a title and a last line that counts the
    others.
    """
    limit -= _TITLE
    kept: list[str] = []
    for line in lines:
        shown = one_line(line, line_limit)
        limit -= len(shown) + 3
        if limit < 0:
            return [*kept, f"and {len(lines) - len(kept)} more lines"]
        kept.append(shown)
    return kept


def _table(train: TableFacts, limit: int) -> str:
    """Columns with drift are kept before others; those that have no room for a line are named at
    least.
    """
    head = f"Columns of {one_line(train.layout, _LINE)}, {train.rows:,} rows:"
    if not train.columns and not train.only_train:
        return f"{head} ids and answers only"
    end = list(_below(train))
    left = limit - len(head) - sum(len(line) + 3 for line in end)
    lines = [one_line(_column(facts), _LINE) for facts in train.columns]
    if sum(len(line) + 3 for line in lines) <= left:
        return _listed(head, [*lines, *end])
    names = int(_NAMES * limit)
    kept = _that_fit(train.columns, lines, left - names - 3)
    others = [facts for i, facts in enumerate(train.columns) if i not in kept]
    shown = [lines[i] for i in sorted(kept)]
    return _listed(head, [*shown, _named(others, names), *end])


def _listed(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"- {line}" for line in lines)])


def _that_fit(columns: Sequence[ColumnFacts], lines: Sequence[str], room: int) -> set[int]:
    """Places of the columns whose lines have room."""
    kept: set[int] = set()
    for i in sorted(range(len(lines)), key=lambda i: (not columns[i].drift, i)):
        room -= len(lines[i]) + 3
        if room < 0:
            break
        kept.add(i)
    return kept


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
    missing = f"; {facts.missing:.1%} missing" if facts.missing >= 0.0005 else ""
    drift = f" [!] {facts.drift}" if facts.drift else ""
    return f"{facts.name}: {many}{facts.kind}, {facts.summary}".rstrip(", ") + missing + drift
