"""A finished run as a small file for tests, and the decisions in it taken again without running a
program.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import math
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agents.authors import prompts_of
from agents.prompting.prompt_builder import PromptBuilder
from benchmark.measure import Figures, Measure, Option, folder
from benchmark.measures.run_folder import KeptJournal
from core.assembly import model_search
from core.events import BriefMade, revive
from core.evolution.briefing import Briefing
from core.evolution.diversity import genes_in_common
from core.evolution.search import EvolutionSearch
from core.execution.weights import NOTHING
from core.journal.history import History
from core.journal.journal import read_lines
from core.journal.programs import ProgramStore
from core.learning.level_two import assignment_of
from core.protocols import Search
from core.records import Brief, CompetitionSpec, Entry, Proposal
from core.settings import Surroundings
from core.task.look.collect import look
from core.task.preview import Preview
from utils.config import load_config
from utils.config_schema import EvolutionConfig, SearchConfig
from utils.errors import DataError, UsageError
from utils.files import UntrustedFileError, read_untrusted, write_atomic
from utils.json_records import from_json, to_json

RECORDED = Path("tests/recorded/strong")
MOST_BYTES = 700_000
_SUFFIX = ".tar.xz"
_PREVIEW = "preview.json"
# Where the run and its data were.
_OUT, _DATA = "@OUT@", "@DATA@"
# Characters of what a program printed; prompts show less.
_TAIL = 2_000
# A name of a recorded run: a file of the folder, never one elsewhere.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
# Of one text beside the journal, in bytes.
_MOST_TEXT = 1 << 20
Line = dict[str, Any]


# ---------------------------------------------------------------- packing


def pack(logs: Path, target: Path) -> None:
    """Writes a finished run into one file: journal, programs, answers, and a look at its data where
    they are still there.

    Raises DataError for what is no run of a model, or is too large.
    """
    beside = _texts_of(logs)
    kept = KeptJournal(logs)
    if not any(line["type"] == BriefMade.type for line in kept.lines):
        raise DataError(f"{logs} holds no decision of a run with a model")
    spec = _spec(kept.history)
    files = {f"logs/{_JOURNAL}": _plain(kept.lines, logs, spec).encode(), **beside}
    if Path(spec.data_dir).is_dir():
        files[f"logs/{_PREVIEW}"] = json.dumps(to_json(look(spec))).encode()
    raw = _archive(files)
    if len(raw) > MOST_BYTES:
        raise DataError(f"{logs} takes {len(raw)} bytes, more than {MOST_BYTES}")
    write_atomic(target, raw)


_JOURNAL = "journal.jsonl"


def _texts_of(logs: Path) -> dict[str, bytes]:
    """Programs and answers as they are. Raises DataError for a link, which would bring in a file of
    another place, and for anything else than a small file.
    """
    found = {}
    if (logs / _JOURNAL).is_symlink():
        raise DataError(f"{logs / _JOURNAL} is a link")
    for name in ("programs", "answers"):
        for path in sorted((logs / name).glob("*")):
            try:
                found[f"logs/{name}/{path.name}"] = read_untrusted(path, _MOST_TEXT)
            except (OSError, UntrustedFileError) as error:
                raise DataError(f"{path} is a link, or no small file that can be read") from error
    return found


def _spec(history: History) -> CompetitionSpec:
    if history.spec is None:
        raise DataError("the run never knew its competition")
    return history.spec.spec


def _plain(lines: Sequence[Line], logs: Path, spec: CompetitionSpec) -> str:
    """The journal without long outputs, and without places of the machine that it was written on."""
    text = ""
    for line in lines:
        outcome = line.get("outcome")
        if outcome:
            line = line | {"outcome": outcome | {"tail": outcome["tail"][-_TAIL:]}}
        text += json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
    for place, mark in ((spec.data_dir, _DATA), (str(logs.resolve().parent), _OUT)):
        text = text.replace(place, mark)
    return text


def _archive(files: Mapping[str, bytes]) -> bytes:
    """The same files give the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:xz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return raw.getvalue()


def unpack(packed: Path, place: Path) -> Path:
    """The log folder of a packed run, below `place`."""
    with tarfile.open(packed, "r:xz") as archive:
        archive.extractall(place, filter="data")
    return place / "logs"


def recorded_runs(root: Path) -> list[Path]:
    """root: of the checkout."""
    return sorted((root / RECORDED).glob(f"*{_SUFFIX}"))


# ---------------------------------------------------------------- deciding again


@dataclass(frozen=True, slots=True)
class Redecision:
    """A decision as it was recorded, and as it is taken now from what was recorded before it."""

    recorded: BriefMade
    now: Brief
    # System text and prompt of the request as they are now; "" where recipes answered.
    prompt: str

    @property
    def same(self) -> bool:
        """Kind, parents and part."""
        again = BriefMade.of(self.now, (), 0.0)
        names = ("step", "kind", "parents", "locus")
        return all(getattr(again, name) == getattr(self.recorded, name) for name in names)


class Refold:
    """Folds the journal of a run again, and stops at each decision of its search."""

    def __init__(self, logs: Path) -> None:
        self._lines, _ = read_lines(logs / _JOURNAL)
        self._programs = ProgramStore(logs / "programs")
        self._history = History(self._programs.get)
        self._preview = _preview_in(logs)
        self._by_model = {line["step"] for line in self._lines if _is_of_model(line)}
        # By id: programs as they were proposed, and briefs without a program.
        self._written: dict[str, Proposal] = {}
        self._asked: dict[str, Proposal] = {}

    def decisions(self) -> Iterator[Redecision]:
        """Each decision that led to a program of the model, in order."""
        search: Search | None = None
        prompts: PromptBuilder | None = None
        for line in self._lines:
            if line["type"] == BriefMade.type:
                search = search or self._search()
                made = cast(BriefMade, revive(line))
                brief = self._decide(search, made)
                if made.step in self._by_model:
                    prompts = prompts or prompts_of(self._surroundings())
                    yield Redecision(made, brief, prompts.system() + prompts.write(brief))
            self._history.apply(line)
            self._written |= self._history.pending

    def _decide(self, search: Search, made: BriefMade) -> Brief:
        running = []
        for step in made.running:
            known = self._asked if step in made.writing else self._written
            running.append(known[step])
        entries = list(self._history.entries)
        brief = search.next_brief(entries, made.step, running, made.progress)
        asked = Proposal.to(brief, plan="", program="", genes={})
        self._asked[asked.id] = asked
        return dataclasses.replace(brief, seconds=made.seconds or math.inf)

    def _search(self) -> Search:
        """As core.assembly builds it, with what the journal knows in place of a judge."""
        history, spec = self._history, _spec(self._history)
        search, evolution, seed = _settings(history)
        assignment = assignment_of(evolution, seed, lambda: history.population)
        alone = dataclasses.replace(evolution.solution, tune=False)
        direction, programs = spec.metric.direction, self._programs.get
        stand_in = EvolutionSearch(
            search, alone, direction, seed, programs, genes_in_common, assignment
        )
        briefing = Briefing(seed, programs, assignment)
        return model_search(spec, search, evolution.solution, briefing, self._alike, stand_in)

    def _alike(self, a: Entry, b: Entry) -> float:
        if a.id == b.id:
            return 1.0
        known = self._history.likeness.get(frozenset((a.id, b.id)))
        if known is None:
            return genes_in_common(a, b)
        return known

    def _surroundings(self) -> Surroundings:
        """What prompts are made of. What only a run has is not there: nothing here asks for it."""
        history, found = self._history, self._history.spec
        assert found is not None
        known: dict[str, Any] = {
            "spec": found.spec,
            "split": found.split,
            "warnings": found.warnings,
            "program": self._programs.get,
            "history": history,
            "preview": lambda: self._preview,
            "weights": lambda: NOTHING,
            "cpus_each": 1,
            "memory_mb": 4096,
            "clock": lambda: 0.0,
            "search_ends": lambda: math.inf,
            "errors": history.errors.get,
            "blend": lambda: history.blend,
        }
        fields: dict[str, Any] = {}
        for field in dataclasses.fields(Surroundings):
            fields[field.name] = known.get(field.name)
        return Surroundings(**fields)


def _is_of_model(line: Line) -> bool:
    return line["type"] == "proposal" and line["author"] == "model" and not line.get("extra")


def _preview_in(logs: Path) -> Preview | None:
    path = logs / _PREVIEW
    if not path.is_file():
        return None
    return from_json(Preview, json.loads(path.read_text(encoding="utf-8")))


def _settings(history: History) -> tuple[SearchConfig, EvolutionConfig, int]:
    """As the run had them; keys that are newer than it as they come."""
    assert history.run is not None
    usual, had = load_config(use_cli=False, overrides={}), history.run.config
    search = from_json(SearchConfig, to_json(usual.search) | had["search"])
    evolution = dict(to_json(usual.evolution))
    for name, values in had["evolution"].items():
        evolution[name] = evolution.get(name, {}) | values
    return search, from_json(EvolutionConfig, evolution), history.run.seed


# ---------------------------------------------------------------- the command


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    if not _NAME.fullmatch(options.name):
        raise UsageError(f"{options.name!r} is no name of a file: letters, digits, . _ - in it")
    target = options.to / f"{options.name}{_SUFFIX}"
    pack(options.logs.resolve(), target)
    yield {"file": str(target), "bytes": target.stat().st_size}


MEASURE = Measure(
    name="record",
    help="pack a finished run with a model, so that a test takes its decisions again",
    options=(
        Option(
            "logs",
            {"type": Path, "metavar": "LOGDIR", "help": "the logs folder of a run's --out"},
            lambda logs: [str(logs)],
        ),
        Option(
            "name",
            {"metavar": "NAME", "help": f"of the file, without {_SUFFIX}"},
            lambda name: [name],
        ),
        folder("--to", RECORDED, "folder of the recorded runs"),
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures),
)
