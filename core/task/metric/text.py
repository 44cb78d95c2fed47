"""Recognises the metric of a competition from its description: only in the evaluation section, and
never by a guess.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.metric_names import METRICS
from core.task.metric.details import plain_names, settled
from core.task.metric.unscored import UNSCORED
from utils.markup import IMAGE, LINK, replaced, unescaped, with_headings

_FENCE = re.compile(r"^(```|~~~)", re.M)
_FORMULA = re.compile(r"\$\$|\\\[|\\\\?\(")
_END_OF_FORMULA = {"$$": r"\$\$", r"\[": r"\\\]"}
_INLINE_FORMULA = re.compile(r"\$(?!\d)[^$\n]{1,200}\$")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*+>")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u3000]")
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff]")

_HASHES = re.compile(r"^ {0,3}(#{1,6})(.+)$")
_BOLD_LINE = re.compile(r"^(\*\*|__)([^*_]{2,60})\1\s*:?$")
_INLINE_LABEL = re.compile(
    r"^\W{0,12}((?:evaluation|scoring|competition)? ?metric|evaluation|scoring)\W{0,6}:\W{0,12}(\w.*)$",
    re.I,
)
_UNDERLINE = re.compile(r"^\s*(=+|-{3,})\s*$")
_NUMBERED = re.compile(r"^(?:\d+|[ivx]+)[.)]\s+")
_BOLD_LEVEL = 7
# Characters of a line, of a sentence, and of all that is read about the metric: what is longer is no
# text for people, and every phrase that names a metric is searched in all of it.
_LONG_LINE, _LONG_SENTENCE, _MOST_TEXT = 8_000, 2_000, 30_000
# Levels of headings by what stands below them.
_UNDERLINED = {"=": 1, "-": 2}
_PARAGRAPHS = re.compile(r"\n\s*\n")
_PUNCTUATION = str.maketrans("\u2019\u2010\u2011\u2013", "'---")

_OPENS = re.compile(r"\bevaluation\b|\bmetrics?\b|\bscoring\b|^how .*(?:scored|evaluated|judged)")
_CLOSES = re.compile(
    r"submission|submit|timeline|schedule|prize|award|^data\b|dataset|\bdata (?:set|description|files)\b"
    r"|evaluation (?:data|set)\b|\brules\b|requirements|citation|acknowledg|\bfaq\b|leaderboard|\btie|efficiency"
    r"|\bphase|getting started|background|description"
)

_DECLARES = re.compile(
    r"\b(?:evaluated|scored|judged|ranked|graded|assessed|measured)\b"
    r"|\b(?:evaluation|competition|primary|official|main|scoring|performance|error) (?:metric|measure|criteri)"
    r"|\bmetrics? (?:is|used|for|will|in)\b|\bscore (?:is|will be)\b"
)
_EVALUATED = re.compile(
    r"\b(?:evaluated|scored|judged|graded|assessed) (?:on|by|using|with|according|based|against)\b"
)
_ASIDE = re.compile(
    r"\b(?:previous|earlier|past|last year|former|prior) |\bties?\b|tie[- ]break|efficiency"
    r"|second(?:ary)? (?:metric|prize|score)"
    r"|for (?:reference|information) only|not (?:be )?(?:used|scored|evaluated|judged|ranked)"
    r"|\b(?:baseline|benchmark|starter|trivial|constant)[\w ]* (?:model |solution |notebook )?"
    r"(?:reaches|achieves|gets|scores|obtains|has) (?:an?|about|around|\d)"
)
_CONTRAST = re.compile(
    r"\b(?:instead of|rather than|as opposed to|in contrast (?:to|with)|unlike|analogous to|similar to|diverges from"
    r"|differs from|compared (?:to|with)|not by|not on|and not|so that)\b[^,;)]*"
)
_COMBINES = re.compile(
    r"sub-?metrics?|generali[sz]ed mean|(?:combin|product|average|sum|blend|mean)\w* of (?:the )?(?:two|three|several) "
    r"(?:different )?(?:metrics|scores|measures)|\bhalf of (?:the|your) (?:final )?(?:score|grade|points)\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d\"'(])")
_LEFT_OUT = re.compile(
    r"\bnot (?:be )?(?:scored|evaluated|counted)\b"
    r"|\b(?:excluded from|ignored (?:in|by|for)|not used (?:in|for)) (?:the )?(?:scor|evaluat|metric)"
    r"|\b(?:other|remaining|these|such) (?:rows|pixels|phases?)[\w ]* ignored\b"
    r"|\bonly (?:the )?[\w ]{0,30}\b(?:rows|pixels|phase)[\w ]* (?:scored|evaluated|count)"
)
_COMMON = frozenset(metric.name for metric in METRICS if metric.wording.common)
_REFUSED = (
    *UNSCORED,
    *itertools.chain.from_iterable(metric.wording.relatives for metric in METRICS),
)
_WEIGHTED = re.compile(
    r"\b(?:sample[ -])?weighted(?: (?:average|mean)(?= of))?[ -]+|\bw(?=(?:mae|rmse)\b)"
)


@dataclass(frozen=True, slots=True)
class MetricText:
    """What the text says. name: a key of BY_NAME, None when nothing that can be scored is named
    beyond doubt.

    evidence: the sentence that decided, "" when no sentence names a metric.
    """

    name: str | None
    evidence: str


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a text names a metric. name: None for one without a scorer."""

    start: int
    end: int
    name: str | None

    def inside(self, other: _Mention) -> bool:
        """True when `other` is a longer phrase of another name that spans this one."""
        if other.name == self.name or not other.start <= self.start <= self.end <= other.end:
            return False
        return other.end - other.start > self.end - self.start


@dataclass(frozen=True, slots=True)
class _Line:
    """level: of a heading (1-6, bold lines 7), 0 for text."""

    level: int
    text: str


def recognise(description: str) -> MetricText:
    """The metric that the evaluation section declares; sections are asked in order until one names
    a metric.

    After one that declares a metric by words that are not known here, only a section about a metric
    is asked.
    """
    unknown = ""
    for section in evaluation_sections(description):
        if unknown and "metric" not in section.split("\n", 1)[0].lower():
            continue
        found = _from_section(section)
        if found.evidence:
            return found
        unknown = unknown or _declaration(section)
    return MetricText(None, unknown)


def unweighted(sentence: str) -> str | None:
    """The metric that a sentence names once its words about weights are left out; None where that
    is not one metric.
    """
    text, count = _WEIGHTED.subn("", sentence.lower())
    if not count:
        return None
    return _only(_names_in(text))


def left_out(section: str) -> str | None:
    """The sentence that says that some rows do not count, None without one."""
    for part in _PARAGRAPHS.split(section):
        for sentence in _SENTENCE_END.split(part):
            if _LEFT_OUT.search(sentence.lower()):
                return " ".join(sentence.split())[:200]
    return None


def evaluation_sections(description: str) -> list[str]:
    """Normalised paragraphs (joined by blank lines) below each heading that opens an evaluation
    section; at most about 30,000 characters of each kind of section, in time in proportion to the
    description.
    """
    lines = list(_lines(description))
    below, labelled = [], []
    room = spare = _MOST_TEXT
    for i, line in enumerate(lines):
        if line.level:
            if room > 0 and _opens(line.text):
                below.append(_body(lines, i, room))
                room -= len(below[-1])
        elif spare > 0 and (match := _INLINE_LABEL.match(line.text)):
            labelled.append(match.group(2))
            spare -= len(line.text)
    return [section for section in below + labelled if section.strip()]


def normalise(text: str) -> str:
    """Plain text: no links, tags, formulas, emphasis or odd spaces. Line breaks stay."""
    text = _INVISIBLE.sub("", _SPACES.sub(" ", unescaped(text)))
    text = text.translate(_PUNCTUATION)
    text = replaced(
        text.replace("\r\n", "\n"),
        _FENCE,
        lambda mark: rf"^{mark[1]}[^\n]*$",
        lambda mark, inner: "\n",
    )
    text = LINK.sub(r"\1", IMAGE.sub(" ", text))
    text = with_headings(text, lambda level, words: f"{'#' * level} {words}")
    text = replaced(
        text,
        _FORMULA,
        lambda mark: _END_OF_FORMULA.get(mark[0], r"\\\\?\)"),
        lambda mark, inner: " ",
    )
    return _TAG.sub(" ", _INLINE_FORMULA.sub(" ", text))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*`]+|_+", " ", text).split())


def _lines(description: str) -> Iterator[_Line]:
    raw = normalise(description).split("\n")
    for line, following in itertools.pairwise([*(line[:_LONG_LINE] for line in raw), ""]):
        hashes, bold = _HASHES.match(line), _BOLD_LINE.match(line.strip())
        below = _UNDERLINE.match(following)
        if hashes:
            yield _Line(len(hashes.group(1)), _plain(hashes.group(2).rstrip("# \t")))
        elif bold:
            yield _Line(_BOLD_LEVEL, _plain(bold.group(2)))
        elif below and 0 < len(line.strip()) < 80:
            yield _Line(_UNDERLINED[below.group(1)[0]], _plain(line))
        elif not _UNDERLINE.match(line):
            yield _plain_line(_plain(line))


def _plain_line(text: str) -> _Line:
    """Text without a mark, or a heading that is one by its capitals."""
    if _in_capitals(text):
        return _Line(_BOLD_LEVEL, text)
    return _Line(0, text)


def _in_capitals(line: str) -> bool:
    """A line like EVALUATION or SUBMISSION FILE; names of metrics are written so as well, and are
    no headings.
    """
    lowered = line.lower()
    words = re.fullmatch(r"[A-Z][A-Z ]{3,40}:?", line)
    return words is not None and bool(_OPENS.search(lowered) or _CLOSES.search(lowered))


def _opens(heading: str) -> bool:
    lowered = _NUMBERED.sub("", heading.lower())
    asks = lowered.startswith("how ") or not _CLOSES.search(lowered)
    return len(lowered) < 80 and bool(_OPENS.search(lowered)) and asks


def _body(lines: list[_Line], start: int, room: int) -> str:
    """Text from a heading to the next one that closes it, or to where `room` characters are full;
    sub-headings stay as paragraphs of their own.

    A heading of the same level right below an empty one belongs to it.
    """
    level, parts, filled = lines[start].level, [lines[start].text, ""], False
    for line in map(lines.__getitem__, range(start + 1, len(lines))):
        room -= len(line.text) + 1
        if room < 0:
            break
        if line.level:
            if _CLOSES.search(line.text.lower()) or (filled and line.level <= level):
                break
            parts += ["", line.text, ""]
        else:
            filled = filled or bool(line.text)
            parts.append(line.text)
    return "\n".join(parts)


def _from_section(section: str) -> MetricText:
    if combined := _COMBINES.search(section.lower()):
        return MetricText(None, combined.group())
    sentences = list(_sentences(section))
    declaring = [sentence for sentence in sentences if _DECLARES.search(sentence.lower())]
    for sentence in declaring + sentences:
        names = _names_in(sentence)
        if names:
            name = settled(_only(names), _CONTRAST.sub(" ", section.lower()))
            return MetricText(name, sentence[:300])
    return MetricText(None, "")


def _only(names: set[str | None]) -> str | None:
    """The name where there is one."""
    if len(names) != 1:
        return None
    return next(iter(names))


def _declaration(section: str) -> str:
    """The sentence that says how submissions are evaluated, "" when none does."""
    for sentence in _sentences(section):
        if _EVALUATED.search(sentence.lower()):
            return sentence[:300]
    return ""


def _sentences(section: str) -> Iterator[str]:
    for paragraph in _PARAGRAPHS.split(section):
        for sentence in _SENTENCE_END.split(" ".join(paragraph.split())):
            sentence = sentence[:_LONG_SENTENCE]
            if sentence and not _ASIDE.search(sentence.lower()):
                yield sentence


def _names_in(sentence: str) -> set[str | None]:
    """Distinct metrics that a sentence names, None for one without a scorer; common words yield to
    any other name.
    """
    text = _CONTRAST.sub(" ", sentence.lower())
    found = list(_mentions(text))
    names = {mention.name for mention in found if not any(map(mention.inside, found))}
    if not names:
        names |= plain_names(text)
    return names - _COMMON or names


def _mentions(text: str) -> Iterator[_Mention]:
    """Every place where some phrase matches."""
    for phrase in _REFUSED:
        for match in re.finditer(phrase, text):
            yield _Mention(match.start(), match.end(), None)
    for metric in METRICS:
        for phrase in metric.wording.names:
            for match in re.finditer(phrase, text):
                yield _Mention(match.start(), match.end(), _in_full(metric.name, match))


def _in_full(name: str, match: re.Match[str]) -> str:
    """The name, for a family with the number that the text gives."""
    if not name.endswith("@k"):
        return name
    return f"{name.removesuffix('k')}{match[match.re.groups]}"
