"""Dockerfiles as instructions: read, changed and written again. Pure.

Only what has to be changed is understood; everything else stays letter by letter.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from swarm_host.errors import UsageError

_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(\S.*?)\s*", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\})", re.ASCII)
_WORD = re.compile(r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+""")
_FLAG = re.compile(r"--[a-z][a-z-]*(?:=\S*)?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its continuation lines and heredocs. `word` is in capitals."""

    word: str
    # All after the word, line ends included.
    rest: str
    # Comments and empty lines before it.
    before: str = ""

    @property
    def text(self) -> str:
        return f"{self.before}{self.word} {self.rest}\n"

    @property
    def heredoc(self) -> bool:
        return self.word in ("RUN", "COPY", "ADD") and bool(_HEREDOC.search(self.rest))

    def flat(self) -> str:
        """The rest as one line, without comments between its lines."""
        lines = [line for line in self.rest.split("\n") if not line.lstrip().startswith("#")]
        return " ".join(line.rstrip().removesuffix("\\").strip() for line in lines).strip()


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A whole file. `directives` are its first lines, such as `# syntax=...`."""

    directives: Mapping[str, str]
    instructions: tuple[Instruction, ...]

    @property
    def text(self) -> str:
        head = "".join(f"# {name}={value}\n" for name, value in self.directives.items())
        return head + "".join(one.text for one in self.instructions)

    @property
    def global_args(self) -> tuple[Instruction, ...]:
        """ARG before the first FROM."""
        return self.instructions[: self.first_from]

    @property
    def first_from(self) -> int:
        for index, one in enumerate(self.instructions):
            if one.word == "FROM":
                return index
        raise UsageError("a Dockerfile has no FROM")

    @property
    def froms(self) -> tuple[Instruction, ...]:
        return tuple(one for one in self.instructions if one.word == "FROM")

    def last(self, word: str) -> Instruction | None:
        """Of the last stage."""
        found = None
        for one in self.instructions:
            if one.word == "FROM":
                found = None
            elif one.word == word:
                found = one
        return found


def parse(text: str, name: str = "Dockerfile") -> Dockerfile:
    """Raises UsageError for what is no Dockerfile."""
    lines = text.replace("\r\n", "\n").split("\n")
    directives: dict[str, str] = {}
    while lines and (match := _DIRECTIVE.fullmatch(lines[0].strip())):
        directives[match[1].lower()] = match[2]
        lines.pop(0)
    if directives.get("escape", "\\") != "\\":
        raise UsageError(
            f"{name}: escape={directives['escape']} is for Windows, and not understood"
        )
    found = Dockerfile(directives, tuple(_instructions(lines, name)))
    if any(one.word not in ("ARG", "FROM") for one in found.instructions[: found.first_from]):
        raise UsageError(f"{name}: only ARG may stand before the first FROM")
    return found


def _instructions(lines: list[str], name: str) -> Iterator[Instruction]:
    before = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip() or line.lstrip().startswith("#"):
            before += line + "\n"
            continue
        word, _, rest = line.strip().partition(" ")
        taken = [rest.strip()]
        # A comment or an empty line between continuation lines does not end them.
        while at < len(lines) and _goes_on(taken):
            taken.append(lines[at])
            at += 1
        one = Instruction(word.upper(), "\n".join(taken), before)
        if one.heredoc:
            for match in _HEREDOC.finditer(one.flat()):
                at = _heredoc(lines, at, match[2], taken, name)
            one = replace(one, rest="\n".join(taken))
        if not word.isalpha():
            raise UsageError(f"{name}: {line.strip()[:60]!r} is no instruction")
        yield one
        before = ""


def _goes_on(taken: Sequence[str]) -> bool:
    for line in reversed(taken):
        plain = line.strip()
        if plain and not plain.startswith("#"):
            return plain.endswith("\\")
    return True


def _heredoc(lines: Sequence[str], at: int, end: str, taken: list[str], name: str) -> int:
    for index in range(at, len(lines)):
        taken.append(lines[index])
        if lines[index].lstrip("\t") == end:
            return index + 1
    raise UsageError(f"{name}: the end of the heredoc {end} is missing")


# ---------------------------------------------------------------- what instructions say


def from_parts(one: Instruction) -> tuple[str, str, str | None]:
    """(flags with a blank after them, image or stage, name of the stage) of a FROM."""
    words = one.flat().split()
    flags = [word for word in words if word.startswith("--")]
    plain = [word for word in words if not word.startswith("--")]
    name = plain[2] if len(plain) == 3 and plain[1].upper() == "AS" else None
    if not plain or len(plain) not in (1, 3):
        raise UsageError(f"FROM {one.flat()}: not understood")
    return "".join(f"{flag} " for flag in flags), plain[0], name


def single_args(one: Instruction) -> list[Instruction]:
    """An ARG with several names as one for each."""
    words = _WORD.findall(one.flat())
    found = [replace(one, rest=word, before="") for word in words]
    if found:
        found[0] = replace(found[0], before=one.before)
    return found


def arg_default(one: Instruction) -> tuple[str, str | None]:
    """(name, default) of an ARG with one name."""
    name, equals, value = one.flat().partition("=")
    return name.strip(), unquoted(value) if equals else None


def unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def quoted(text: str) -> str:
    """As the value of an ARG."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with `$X`, `${X}`, `${X:-default}` and `${X:+other}` replaced."""

    def value(match: re.Match[str]) -> str:
        known = values.get(match[1] or match[2], "")
        if match[3] == "-":
            return known or match[4]
        if match[3] == "+":
            return match[4] if known else ""
        return known

    return _VARIABLE.sub(value, text)


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY or ADD: flags, what is copied, and where to."""

    flags: tuple[str, ...]
    sources: tuple[str, ...]
    target: str

    @property
    def stage(self) -> str | None:
        """Of --from=; None: from the context."""
        for flag in self.flags:
            if flag.startswith("--from="):
                return flag.removeprefix("--from=")
        return None

    def written(self, word: str, before: str = "") -> Instruction:
        """As plain words where they are plain: Modal does not understand the other spelling."""
        words = [*self.sources, self.target]
        plain = all(re.fullmatch(r"[^\s\"'\\\[\]]+", name) for name in words)
        spelled = " ".join(words) if plain else json.dumps(words)
        return Instruction(word, "".join(f"{flag} " for flag in self.flags) + spelled, before)


def copy_parts(one: Instruction) -> Copy:
    """Raises UsageError."""
    rest = one.flat()
    flags = []
    while match := _FLAG.match(rest):
        flags.append(match[0])
        rest = rest[match.end() :].lstrip()
    try:
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
    except ValueError:
        raise UsageError(f"{one.word} {rest}: not understood") from None
    if len(words) < 2 or not all(isinstance(word, str) for word in words):
        raise UsageError(f"{one.word} {rest}: needs a source and a target")
    return Copy(tuple(flags), tuple(words[:-1]), words[-1])


def command_words(one: Instruction | None) -> tuple[str, ...]:
    """The words of a CMD or an ENTRYPOINT; a plain text is run by a shell."""
    if one is None:
        return ()
    rest = one.flat()
    if rest.startswith("["):
        try:
            return tuple(str(word) for word in json.loads(rest))
        except ValueError:
            pass
    return ("/bin/sh", "-c", rest) if rest else ()
