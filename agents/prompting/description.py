"""Cuts a competition's description to a length: sections by what they are about, whole paragraphs,
order kept. Pure.

What says how answers are scored or handed in is never cut, nor a rule on external data; prizes,
timelines, citations and thanks always go; facts about the data come before background.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from utils.untrusted import plain

Kind = Literal["keep", "data", "background", "drop"]

CUT = "[...]"
_DATA_SHARE = 0.65
_LONG_LINE = 600
_LONG_BLOCK = 12

_NEVER = re.compile(
    r"prize|award|deadline|timeline|schedule|key dates|efficiency|\bcite|citation", re.I
)
_KEEP = re.compile(
    r"\bevaluation\b|\bmetrics?\b|\bscor(?:e|ing)\b|submission|\bsubmit|external data|what (?:to|should \w+) predict"
    r"|\btask\b|\bobjective|\bgoals?\b|\btargets?\b|^how .*(?:scored|evaluated|judged)",
    re.I,
)
_DATA = re.compile(
    r"\bdata\b|dataset|\bfiles?\b|column|\bfields?\b|variable|feature|attribute|dictionary|\bclasses\b|\blabels?\b",
    re.I,
)
_NOISE = re.compile(
    r"acknowledg|sponsor|\bhosts?\b|\babout (?:us|the|kaggle)|\bfaq|frequently|discussion|forum|tutorial|thanks"
    r"|notebooks?\b|getting started|practice skill|recommended|resources|\bteams?\b|leaderboard|recruit|contact|privacy"
    r"|eligib|winner|code requirements|kernels?\b|workshop|conference|how to (?:join|get)|learn more|partner|support"
    r"|references",
    re.I,
)
# Paragraphs of background that speak of scoring or handing in belong to what is kept.
_TELLS = re.compile(
    r"\b(?:evaluated|scored|judged|ranked) (?:on|by|using|with|according)|evaluation metric|submission (?:file|format)"
    r"|sample[_ ]?submission|for each \S+(?: \S+){0,6} (?:in the test|you must|predict)",
    re.I,
)
_EXTERNAL = re.compile(
    r"\bexternal (?:data|source|resource|dataset)|pre-?trained (?:model|weight|network)|publicly available data"
    r"|(?:other|additional|outside) data(?:sets?| sources?)? (?:is|are|may|can|must)|hand[- ]label",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d\"'(*-])")

_FENCE = re.compile(r"^\s*(```|~~~)")
_HASHES = re.compile(r"^ {0,3}(#{2,6}(?=\s*\S)|#(?=\s+\S))\s*(.+?)[\s#]*$")
_BOLD = re.compile(r"^\s*(\*\*|__)([^*_]{2,60})\1\s*:?\s*$")
_UNDERLINE = re.compile(r"^\s*(={3,}|-{3,})\s*$")
_BOLD_LEVEL = 7

_IMAGE = re.compile(
    r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->|<(?:style|script)\b.*?</(?:style|script)>", re.S | re.I
)
_LINK = re.compile(r"\[([^\]]*)\]\((?:[^()]|\([^)]*\))*\)")
_HTML_HEADING = re.compile(r"<h([1-6])[^>]*>(.*?)</h\1>", re.I | re.S)
_BREAK = re.compile(r"<(?:br|/p|/tr|/div|/ul|/ol|/table)\b[^>\n]*>", re.I)
_TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|u|s|small|ul|ol|table|t[rdh]|thead|tbody|img|pre|code|su[pb]|center|font|hr"
    r"|blockquote|fig\w+|iframe|video|source|section|details|summary)\b[^>\n]*>",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading line ("" for what stands before the first one) and the paragraphs below it."""

    heading: str
    kind: Kind
    paragraphs: tuple[str, ...]


def cut_description(text: str, limit: int) -> str:
    """At most about `limit` characters; more only where the parts that are never cut need them."""
    sections = sections_of(text)
    kept = [_marked(section) for section in sections]
    room = limit - _length(kept, "keep")
    data = _length(kept, "data")
    share = room - min(_length(kept, "background"), int(room * (1 - _DATA_SHARE))) if data else 0
    left = {"data": share, "background": room - min(data, share)}
    shown = [line for section in kept for line in _shown(section, left)]
    rules = _external_rules(sections, "\n".join(shown))
    return "\n\n".join([*shown, *rules])


def sections_of(text: str) -> list[Section]:
    """The description by headings; what has none is background. Markdown links and HTML tags become
    plain text.
    """
    sections: list[Section] = []
    inherited: list[tuple[int, Kind]] = []
    for level, heading, body in _split(_untagged(text)):
        inherited = [each for each in inherited if each[0] < level]
        kind = _kind(heading) or (inherited[-1][1] if inherited else "background")
        if level:
            inherited.append((level, kind))
        paragraphs = tuple(_paragraphs(body))
        if heading or paragraphs:
            sections.append(Section(heading, kind, paragraphs))
    return [
        section
        for i, section in enumerate(sections)
        if section.paragraphs or _leads(sections[i + 1 : i + 2])
    ]


def _leads(following: Sequence[Section]) -> bool:
    """An empty section is worth its heading when something other than noise follows."""
    return bool(following) and following[0].kind != "drop"


def _kind(heading: str) -> Kind | None:
    if not heading:
        return None
    words = heading.strip("#*_ ")
    rules: tuple[tuple[re.Pattern[str], Kind], ...]
    rules = ((_NEVER, "drop"), (_KEEP, "keep"), (_DATA, "data"), (_NOISE, "drop"))
    return next((kind for pattern, kind in rules if pattern.search(words)), None)


def _untagged(text: str) -> str:
    text = html.unescape(plain(text)).replace("\u00a0", " ")
    text = _HTML_HEADING.sub(
        lambda match: f"\n{'#' * max(int(match.group(1)), 2)} {match.group(2).strip()}\n", text
    )
    text = _LINK.sub(r"\1", _IMAGE.sub(" ", text))
    return _TAG.sub("", re.sub(r"<li\b[^>\n]*>", "\n- ", _BREAK.sub("\n", text), flags=re.I))


def _split(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Level (0 before the first heading), heading and lines of each section; code blocks hold no
    headings.
    """
    level, heading, body, fenced = 0, "", list[str](), False
    lines = text.split("\n")
    for i, line in enumerate(lines):
        fenced ^= bool(_FENCE.match(line))
        below = _UNDERLINE.match(lines[i + 1]) if i + 1 < len(lines) else None
        found = None if fenced else _heading(line, below)
        if found:
            yield level, heading, body
            (level, heading), body = found, []
        elif fenced or not _UNDERLINE.match(line):
            body.append(line.rstrip())
    yield level, heading, body


def _heading(line: str, below: re.Match[str] | None) -> tuple[int, str] | None:
    if match := _HASHES.match(line):
        return len(match.group(1)), line.strip()
    if match := _BOLD.match(line):
        return _BOLD_LEVEL, line.strip()
    if below and 0 < len(line.strip()) < 80 and not line.lstrip().startswith(("-", "|")):
        level = 1 if "=" in below.group(1) else 2
        return level, f"{'#' * level} {line.strip()}"
    return None


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Blocks between blank lines; a code block is one of its own. Endless lines and blocks are
    shortened.
    """
    block: list[str] = []
    fenced = False
    for line in [*lines, ""]:
        fenced ^= bool(_FENCE.match(line))
        if line.strip() or fenced:
            block.append(line if len(line) <= _LONG_LINE else f"{line[:_LONG_LINE]} {CUT}")
        elif block:
            yield "\n".join(_short_block(block))
            block = []
    if block:
        yield "\n".join(_short_block(block))


def _short_block(block: list[str]) -> list[str]:
    """A code block keeps its first lines: examples of a format go on like that."""
    if not _FENCE.match(block[0]) or len(block) <= _LONG_BLOCK:
        return block
    return [*block[: _LONG_BLOCK - 2], CUT, block[-1]]


def _marked(section: Section) -> tuple[Section, tuple[Kind, ...]]:
    """What each paragraph is: as its section, but for background that speaks of scoring."""

    def kind(paragraph: str) -> Kind:
        return "keep" if section.kind == "background" and _TELLS.search(paragraph) else section.kind

    return section, tuple(kind(paragraph) for paragraph in section.paragraphs)


def _length(marked: Sequence[tuple[Section, tuple[Kind, ...]]], kind: Kind) -> int:
    return sum(
        len(paragraph) + 2
        for section, kinds in marked
        for paragraph, each in zip(
            (section.heading, *section.paragraphs), (section.kind, *kinds), strict=True
        )
        if each == kind
    )


def _shown(marked: tuple[Section, tuple[Kind, ...]], left: dict[str, int]) -> list[str]:
    """Heading and paragraphs that fit; `left` shrinks by what was taken. A place where some are
    missing is marked.
    """
    section, kinds = marked
    lines: list[str] = []
    for paragraph, kind in zip(section.paragraphs, kinds, strict=True):
        if kind == "keep" or (kind in left and len(paragraph) + 2 <= left[kind]):
            lines.append(paragraph)
            if kind in left:
                left[kind] -= len(paragraph) + 2
        elif kind in left:
            # What follows a gap would be read as if nothing were missing.
            lines += _beginning(paragraph, left[kind])
            left[kind] = 0
    if section.kind == "drop" and not lines:
        return []
    return ([section.heading] if section.heading else []) + [
        line for i, line in enumerate(lines) if line != CUT or lines[i - 1 : i] != [CUT]
    ]


def _beginning(paragraph: str, limit: int) -> list[str]:
    """The first sentences or lines that fit, and a mark."""
    text = ""
    for piece in _pieces(paragraph):
        if len(text) + len(piece) > limit:
            break
        text += piece
    return [f"{text.rstrip()} {CUT}" if text.strip() else CUT]


def _pieces(paragraph: str) -> list[str]:
    if "\n" in paragraph:
        return [f"{line}\n" for line in paragraph.split("\n")]
    return [f"{sentence} " for sentence in _SENTENCE.split(paragraph)]


def _external_rules(sections: Sequence[Section], shown: str) -> list[str]:
    """Sentences on external data that the cut text lacks, as one paragraph."""
    texts = (paragraph for section in sections for paragraph in section.paragraphs)
    sentences = (
        piece for text in texts for line in text.split("\n") for piece in _SENTENCE.split(line)
    )
    rules = [" ".join(each.split()) for each in sentences if _EXTERNAL.search(each)]
    missing = dict.fromkeys(
        rule[:_LONG_LINE] for rule in rules if rule not in " ".join(shown.split())
    )
    return ["External data: " + " ".join(list(missing)[:4])] if missing else []
