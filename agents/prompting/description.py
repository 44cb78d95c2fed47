"""Cuts a competition's description to a length: sections by what they are about, whole paragraphs,
order kept. Pure.

What says how answers are scored or handed in is never cut, nor a rule on external data; prizes,
timelines, citations and thanks always go; facts about the data come before background.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from utils.markup import LINK, replaced, unescaped, with_headings
from utils.text import cap
from utils.untrusted import plain

Kind = Literal["keep", "data", "background", "drop"]

CUT = "[...]"
_DATA_SHARE = 0.65
_LONG_LINE = 600
_LONG_BLOCK = 12
# What is never cut may need more room than there is: up to this many times as much, or as many
# characters.
_MOST_KEPT, _LEAST_KEPT = 3, 6_000
_MOST_RULES = 4

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
_HASHES = re.compile(r"^ {0,3}(#{2,6}(?=\s*\S)|#(?=\s+\S))")
_BOLD = re.compile(r"^(\*\*|__)([^*_]{2,60})\1\s*:?$")
_UNDERLINE = re.compile(r"^\s*(={3,}|-{3,})\s*$")
_BOLD_LEVEL = 7
# Of a heading by what underlines it.
_LEVELS = {"=": 1, "-": 2}

_IMAGE = re.compile(r"!\[[^\[\]]*+\]\([^()]*+\)")
_UNSHOWN = re.compile(r"<!--|<(?:style|script)\b", re.I)
_BREAK = re.compile(r"<(?:br|/p|/tr|/div|/ul|/ol|/table)\b[^<>\n]*+>", re.I)
_ITEM = re.compile(r"<li\b[^<>\n]*+>", re.I)
_TAG = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|u|s|small|ul|ol|table|t[rdh]|thead|tbody|img|pre|code|su[pb]|center|font|hr"
    r"|blockquote|fig\w+|iframe|video|source|section|details|summary)\b[^<>\n]*+>",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading line ("" for what stands before the first one) and the paragraphs below it."""

    heading: str
    kind: Kind
    paragraphs: tuple[str, ...]


def cut_description(text: str, limit: int) -> str:
    """At most about `limit` characters; more, up to three times as many or 6,000, only where the
    parts that are never cut need them. Takes time in proportion to the text.
    """
    most = max(_MOST_KEPT * limit, _LEAST_KEPT)
    sections = sections_of(text)
    sizes = _sizes(sections)
    room = limit - sizes["keep"]
    share = 0
    if sizes["data"]:
        share = room - min(sizes["background"], int(room * (1 - _DATA_SHARE)))
    left: dict[Kind, int] = {
        "keep": most,
        "data": share,
        "background": room - min(sizes["data"], share),
    }
    shown: list[str] = []
    for section in sections:
        shown += _shown(section, left)
    rules = _external_rules(sections, "\n".join(shown))
    return cap("\n\n".join([*shown, *rules]), most, 0.8)


def sections_of(text: str) -> list[Section]:
    """The description by headings; what has none is background. Markdown links and HTML tags become
    plain text.
    """
    sections: list[Section] = []
    # Levels and kinds of the headings above; what stands below none of them is background.
    inherited: list[tuple[int, Kind]] = [(0, "background")]
    for level, heading, body in _split(_untagged(text)):
        while inherited[-1][0] >= max(level, 1):
            inherited.pop()
        kind = _kind(heading) or inherited[-1][1]
        if level:
            inherited.append((level, kind))
        paragraphs = tuple(_paragraphs(body))
        if heading or paragraphs:
            sections.append(Section(heading, kind, paragraphs))
    # An empty section is worth its heading when something other than noise follows.
    pairs = pairwise([*sections, Section("", "drop", ())])
    return [section for section, after in pairs if section.paragraphs or after.kind != "drop"]


def _kind(heading: str) -> Kind | None:
    if not heading:
        return None
    words = heading.strip("#*_ ")
    rules: tuple[tuple[re.Pattern[str], Kind], ...]
    rules = ((_NEVER, "drop"), (_KEEP, "keep"), (_DATA, "data"), (_NOISE, "drop"))
    for pattern, kind in rules:
        if pattern.search(words):
            return kind
    return None


def _untagged(text: str) -> str:
    text = unescaped(plain(text)).replace("\u00a0", " ")
    text = with_headings(text, lambda level, words: f"{'#' * max(level, 2)} {words.strip()}")
    text = replaced(_IMAGE.sub(" ", text), _UNSHOWN, _end_of_unshown, lambda mark, inner: " ")
    return _TAG.sub("", _ITEM.sub("\n- ", _BREAK.sub("\n", LINK.sub(r"\1", text))))


def _end_of_unshown(mark: re.Match[str]) -> str:
    if mark[0] == "<!--":
        return "-->"
    return "</(?:style|script)>"


def _split(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Level (0 before the first heading), heading and lines of each section; code blocks hold no
    headings.
    """
    level, heading, body, fenced = 0, "", list[str](), False
    lines = text.split("\n")
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        fenced ^= bool(_FENCE.match(line))
        if fenced:
            body.append(line.rstrip())
        elif found := _heading(line, _UNDERLINE.match(below)):
            yield level, heading, body
            (level, heading), body = found, []
        elif not _UNDERLINE.match(line):
            body.append(line.rstrip())
    yield level, heading, body


def _heading(line: str, below: re.Match[str] | None) -> tuple[int, str] | None:
    if match := _HASHES.match(line):
        return len(match.group(1)), line.strip()[:_LONG_LINE]
    if match := _BOLD.match(line.strip()):
        return _BOLD_LEVEL, line.strip()
    if below and 0 < len(line.strip()) < 80 and not line.lstrip().startswith(("-", "|")):
        level = _LEVELS[below[1][0]]
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
            if len(line) > _LONG_LINE:
                line = f"{line[:_LONG_LINE]} {CUT}"
            block.append(line)
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


def _kind_of(paragraph: str, section: Section) -> Kind:
    """As its section, but for background that speaks of scoring."""
    if section.kind == "background" and _TELLS.search(paragraph):
        return "keep"
    return section.kind


def _sizes(sections: Sequence[Section]) -> Counter[Kind]:
    """Characters of headings and paragraphs by what they are, with the blank lines between them."""
    sizes = Counter[Kind]()
    for section in sections:
        sizes[section.kind] += len(section.heading) + 2
        for paragraph in section.paragraphs:
            sizes[_kind_of(paragraph, section)] += len(paragraph) + 2
    return sizes


def _shown(section: Section, left: dict[Kind, int]) -> list[str]:
    """Heading and paragraphs that fit; `left` shrinks by what was taken. A place where some are
    missing is marked.
    """
    lines: list[str] = []
    for paragraph in section.paragraphs:
        kind, size = _kind_of(paragraph, section), len(paragraph) + 2
        if kind in left and size <= left[kind]:
            lines.append(paragraph)
            left[kind] -= size
        elif kind in left:
            # What follows a gap would be read as if nothing were missing.
            lines.append(_beginning(paragraph, left[kind]))
            left[kind] = 0
    if section.kind == "drop" and not lines:
        return []
    pairs = pairwise([section.heading, *lines])
    shown = [line for before, line in pairs if (before, line) != (CUT, CUT)]
    if not section.heading:
        return shown
    return [section.heading, *shown]


def _beginning(paragraph: str, limit: int) -> str:
    """The first sentences or lines that fit, and a mark."""
    pieces, end = _SENTENCE.split(paragraph), " "
    if "\n" in paragraph:
        pieces, end = paragraph.split("\n"), "\n"
    text = ""
    for piece in pieces:
        if len(text) + len(piece + end) > limit:
            break
        text += piece + end
    if not text.strip():
        return CUT
    return f"{text.rstrip()} {CUT}"


def _external_rules(sections: Sequence[Section], shown: str) -> list[str]:
    """Sentences on external data that the cut text lacks, as one paragraph."""
    known = " ".join(shown.split())
    rules = dict.fromkeys(filter(_EXTERNAL.search, _sentences(sections)))
    lines = (" ".join(rule.split()) for rule in rules)
    missing = dict.fromkeys(line[:_LONG_LINE] for line in lines if line not in known)
    if not missing:
        return []
    return ["External data: " + " ".join(list(missing)[:_MOST_RULES])]


def _sentences(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        for line in "\n".join(section.paragraphs).split("\n"):
            yield from _SENTENCE.split(line)
