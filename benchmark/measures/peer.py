"""The plainest peer, aideml, beside this agent: the same author, data, cores and minutes, one after
the other.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.competitions import grading
from benchmark.competitions.competition import Competition
from benchmark.competitions.pack import PreparedCompetition, open_prepared
from benchmark.competitions.registry import find_all
from benchmark.errors import NotRunError
from benchmark.measure import (
    DEST,
    OVERRIDES,
    SOME,
    Figures,
    Measure,
    Option,
    folder,
    markdown,
    number,
)
from benchmark.measures import whole
from benchmark.measures.flaml_runs import paired_stderr
from benchmark.measures.own_environment import environment, usual_place
from benchmark.measures.real_model import ModelServer
from benchmark.measures.run_folder import KeptJournal, has_ended, submission_of
from benchmark.provenance import claim, go_on
from core.contract import EXIT_STATUS
from core.execution.environment import inherited
from utils.errors import UsageError, WorkerError
from utils.files import write_atomic
from utils.hardware import usable_cpus

REQUIREMENTS, WHAT = "peer_aideml.txt", "aideml"
_PROGRAM = Path(__file__).with_name("peer_program.py")
_ENDED = "ended.json"
# Between asking a process to end and ending it.
_GRACE_S = 10.0
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class PeerJob:
    """What the program of the peer reads. folder: for what it leaves. data: what a competitor sees.

    description: file. seconds: of the whole run. program_s: limit of one program.
    """

    folder: str
    data: str
    description: str
    model: str
    seconds: float
    program_s: float


@dataclass(frozen=True, slots=True)
class Contender:
    """One side of a pair. private: None where it left nothing that can be graded."""

    private: float | None
    # By its own measure: held-out rows, or what its program printed.
    own: float | None
    # To the model.
    requests: int
    # That were tried, and those of them that ended well.
    programs: int
    good: int
    minutes: float
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class PeerPair:
    """Both on one competition."""

    # Of the pack.
    competition: str
    # Its name.
    metric: str
    # Of the metric.
    direction: str
    # That both had.
    minutes: float
    # That both could use.
    cores: int
    # Who wrote for both.
    model: str
    # This agent.
    ours: Contender
    # aideml.
    peer: Contender
    # How much better the private score of ours is, plus is better.
    ahead: float | None
    # Of that difference, paired over the private rows.
    stderr: float | None
    # Private scores of the reference models.
    reference: Mapping[str, float]
    # Of the checkouts that made both.
    commit: str
    # What cost one side time and not the other: the pair counts for nobody. "" where nothing did.
    spoilt: str = ""


# ---------------------------------------------------------------- the peer


def run_peer(python: Path, job: PeerJob, server: ModelServer) -> None:
    """Runs the peer for its time and keeps what it left. One that is over is not run again.

    Raises UsageError for one that was cut off, NotRunError where it tried no program at all.
    """
    place = Path(job.folder)
    if (place / _ENDED).is_file():
        return
    if (place / "job.json").exists():
        raise UsageError(f"{place} was cut off, and cannot go on: remove it or use another --out")
    write_atomic(place / "job.json", json.dumps(asdict(job), indent=1))
    given = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "NO_PROXY": "127.0.0.1"}
    with (place / "console.log").open("wb") as console:
        process = subprocess.Popen(
            [str(python), str(_PROGRAM), str(place / "job.json")],
            cwd=place,
            env=inherited() | given,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(job.seconds)
        finally:
            _end(process)
    steps = read_log(place / "steps.jsonl")
    if not any("kind" in step for step in steps):
        raise NotRunError(f"{WHAT} tried no program: {_last_words(place, steps)}")
    write_atomic(place / _ENDED, json.dumps({"code": process.returncode, "steps": len(steps)}))


def _end(process: subprocess.Popen[bytes]) -> None:
    """With its programs, which are in its session."""
    for stop in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def _last_words(place: Path, steps: Sequence[Mapping[str, Any]]) -> str:
    """The error of its last step, or the last line that it printed."""
    if steps:
        return str(steps[-1].get("error"))
    output = (place / "console.log").read_text(encoding="utf-8", errors="replace")
    return ["no output", *output.strip().splitlines()][-1]


def read_log(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a log, [] where there is none."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def measure_peer(place: Path, prepared: PreparedCompetition, minutes: float) -> Contender:
    """What the peer left. Its submission is that of its best program, by its own numbers, of those
    whose submission can be graded.
    """
    steps = [step for step in read_log(place / "steps.jsonl") if "kind" in step]
    calls, good = read_log(place / "calls.jsonl"), ranked(steps)
    own = private = None
    for step in good:
        path = kept_submission(place, step["step"])
        private, _ = grading.try_grade(prepared.competition, path, prepared.dest)
        if private is not None:
            own = step["metric"]
            write_atomic(place / "submission.csv", path.read_bytes())
            break
    return Contender(
        private=private,
        own=own,
        requests=len(calls),
        programs=len(steps),
        good=len(good),
        minutes=minutes,
        prompt_tokens=_sum(calls, "prompt_tokens"),
        completion_tokens=_sum(calls, "completion_tokens"),
    )


def _sum(calls: Sequence[Mapping[str, Any]], key: str) -> int:
    return sum(call[key] for call in calls)


def ranked(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Good programs, best first by what they printed; of equals the first one, as aideml does."""
    good = [step for step in steps if step.get("good") and step.get("metric") is not None]
    if not good:
        return []
    return sorted(good, key=lambda step: step["metric"], reverse=bool(good[0]["maximize"]))


def kept_submission(place: Path, step: int) -> Path:
    return place / "submissions" / f"{step:03d}.csv"


# ---------------------------------------------------------------- this agent


def run_ours(
    prepared: PreparedCompetition,
    out: Path,
    minutes: float,
    server: ModelServer,
    words: Sequence[str],
) -> None:
    """A run of main.py, made or finished where it is not over. Raises UsageError, WorkerError."""
    if has_ended(out) is not None:
        return
    asked = [*server.words("code"), *server.words("feedback"), *words]
    code = whole.run_main_py(prepared.public, out, minutes, asked)
    if code == EXIT_STATUS["usage"]:
        raise UsageError(f"main.py refused, see {out / 'console.log'}")
    if has_ended(out) is None:
        raise WorkerError(f"the run did not end, see {out / 'console.log'}: the same goes on")


def measure_ours(out: Path, prepared: PreparedCompetition) -> Contender:
    """What a run of main.py left."""
    history = KeptJournal(out / "logs").history
    private, _ = grading.try_grade(prepared.competition, submission_of(out), prepared.dest)
    good = [entry for entry in history.entries if entry.verdict.valid]
    own = None
    if history.published is not None:
        own = history.published.best.final_pick or history.published.best.score
    return Contender(
        private=private,
        own=own,
        requests=history.llm.calls,
        programs=len(history.entries),
        good=len(good),
        minutes=history.consumed_s / 60,
        prompt_tokens=history.llm.prompt_tokens,
        completion_tokens=history.llm.completion_tokens,
    )


# ---------------------------------------------------------------- the pair


def paired(
    prepared: PreparedCompetition,
    place: Path,
    ours: Contender,
    peer: Contender,
    facts: Mapping[str, Any],
) -> PeerPair:
    """place: has `aideml` and `ours`. facts: the fields that only the caller knows."""
    competition: Competition = prepared.competition
    ahead = stderr = None
    if ours.private is not None and peer.private is not None:
        ahead = ours.private - peer.private
        if competition.scored_by.direction == "minimize":
            ahead = -ahead
        stderr = paired_stderr(
            competition,
            prepared.dest,
            submission_of(place / "ours"),
            place / WHAT / "submission.csv",
        )
    return PeerPair(
        competition=competition.name,
        metric=competition.metric,
        direction=competition.scored_by.direction,
        ours=ours,
        peer=peer,
        ahead=ahead,
        stderr=stderr,
        reference=prepared.reference,
        **facts,
    )


def check_endpoint(url: str) -> None:
    """Raises UsageError for what is no http address, NotRunError where nothing answers."""
    try:
        asked = urllib.request.Request(f"{url.rstrip('/')}/models")
    except ValueError as error:
        raise UsageError(f"--url is no address: {error}") from error
    if asked.type not in ("http", "https") or not asked.host:
        raise UsageError(f"--url must begin with http:// or https:// and name a host, not {url!r}")
    try:
        with urllib.request.urlopen(asked, timeout=_PROBE_S):
            return
    except urllib.error.HTTPError as error:
        error.close()
    except http.client.InvalidURL as error:
        raise UsageError(f"--url is no address: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotRunError(f"no endpoint at {url}: {error}") from error


_HEAD = (
    *("", "metric", "this agent", WHAT, "ahead", "paired standard error", "not behind"),
    *("requests", "programs", "minutes", "thousand tokens in, out"),
)


def peer_table(measured: Figures) -> str:
    """One line per competition; on how many this agent is ahead, and within its paired standard
    error, of those that nothing has spoilt.
    """
    pairs: Sequence[Figures] = measured["pairs"]
    rows = [_row(pair) for pair in pairs]
    counted = [pair for pair in pairs if not _spoilt(pair)]
    ahead = sum((pair["ahead"] or 0) > 0 for pair in counted)
    level = sum(map(not_behind, counted))
    line = f"Ahead on {ahead} of {len(counted)}, not behind by more than the paired standard error on {level}."
    lines = [markdown(_HEAD, rows), "", f"{line} Cells with two figures: this agent, {WHAT}."]
    for pair in pairs:
        if _spoilt(pair):
            lines += ["", f"{pair['competition']} does not count: {_spoilt(pair)}."]
    return "\n".join(lines)


def _spoilt(pair: Figures) -> str:
    """Older files do not say it."""
    return str(pair.get("spoilt", ""))


def _row(pair: Figures) -> list[str]:
    ours, peer = pair["ours"], pair["peer"]
    cells = [pair["competition"], pair["metric"], _score(ours["private"]), _score(peer["private"])]
    if pair["ahead"] is None:
        cells += ["", "", "no"]
    else:
        verdict = {True: "yes", False: "no"}[not_behind(pair)]
        if _spoilt(pair):
            verdict = "does not count"
        cells += [f"{pair['ahead']:+.4f}", f"{pair['stderr']:.4f}", verdict]
    for key in ("requests", "programs"):
        cells.append(f"{ours[key]}, {peer[key]}")
    cells.append(f"{ours['minutes']:.0f}, {peer['minutes']:.0f}")
    cells.append(f"{_tokens(ours)}; {_tokens(peer)}")
    return cells


def _score(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _tokens(side: Figures) -> str:
    return f"{side['prompt_tokens'] / 1000:.0f}, {side['completion_tokens'] / 1000:.0f}"


def not_behind(pair: Figures) -> bool:
    return pair["ahead"] is not None and pair["ahead"] >= -pair["stderr"]


def _figures(options: argparse.Namespace) -> Iterator[Figures]:
    """One competition after another, the peer first."""
    competitions = find_all(options.names)
    kept, spoilt = kept_pairs(options), set(dict(options.spoilt))
    if not spoilt <= {competition.name for competition in competitions}:
        raise UsageError("--spoilt must name a competition that is measured")
    check_endpoint(options.url)
    place = (options.venv or usual_place("peer-aideml")).resolve()
    python = environment(place, REQUIREMENTS, WHAT)
    server, pairs = ModelServer(options.url, options.model), kept
    for competition in competitions:
        prepared = open_prepared(competition, options.dest)
        pairs = with_pair(pairs, asdict(_pair(prepared, options, server, python)))
        yield {
            "pairs": pairs,
            "commit": ", ".join(sorted({pair["commit"] for pair in pairs})),
            "command": _command(options, pairs),
        }


def kept_pairs(options: argparse.Namespace) -> list[Figures]:
    """Those that the file of figures holds already, [] where there is none.

    Raises UsageError where they were measured with other options: one command stands for them all.
    """
    if options.json is None or not options.json.is_file():
        return []
    try:
        found = json.loads(options.json.read_text(encoding="utf-8"))
        pairs: list[Figures] = list(found["pairs"])
        before, now = found["command"], _command(options, pairs)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{options.json} holds no pairs: {error!r}") from error
    if before != now:
        raise UsageError(f"{options.json} was made by `{before}`: use another --json")
    return pairs


def with_pair(pairs: Sequence[Figures], pair: Figures) -> list[Figures]:
    """The pair in the place of the one of its competition, or at the end. What is read again is as
    spoilt as it was.
    """
    places = {old["competition"]: old for old in pairs}
    before = places.get(pair["competition"], {})
    if before | {"spoilt": ""} == pair:
        pair = before
    return list((places | {pair["competition"]: pair}).values())


def _command(options: argparse.Namespace, pairs: Sequence[Figures]) -> str:
    """What measures these pairs with these options."""
    names = [pair["competition"] for pair in pairs]
    return MEASURE.command(argparse.Namespace(**(vars(options) | {"names": names})))


def _pair(
    prepared: PreparedCompetition, options: argparse.Namespace, server: ModelServer, python: Path
) -> PeerPair:
    out = (options.out / prepared.competition.name).resolve()
    provenance = claim(out, options.minutes, options.words)
    job = PeerJob(
        folder=str(out / WHAT),
        data=str(prepared.public.resolve()),
        description=str(prepared.public.resolve() / "description.md"),
        model=options.model,
        seconds=60 * options.minutes,
        program_s=60 * min(options.program_minutes, options.minutes),
    )
    # What is over is read, and made by nobody now.
    over = (out / WHAT / _ENDED).is_file() and has_ended(out / "ours") is not None
    run_peer(python, job, server)
    if not over:
        provenance = go_on(out, provenance)
    run_ours(prepared, out / "ours", options.minutes, server, options.words)
    return paired(
        prepared,
        out,
        measure_ours(out / "ours", prepared),
        measure_peer(out / WHAT, prepared, options.minutes),
        {
            "minutes": options.minutes,
            "cores": len(usable_cpus()),
            "model": options.model,
            "commit": provenance.commit,
            "spoilt": dict(options.spoilt).get(prepared.competition.name, ""),
        },
    )


MEASURE = Measure(
    name="peer",
    help=f"{WHAT} and this agent with the same model, data, cores and minutes, one after the other",
    options=(
        SOME,
        Option(
            "--url", {"default": "http://127.0.0.1:8090/v1", "help": "OpenAI-compatible address"}
        ),
        Option(
            "--model", {"default": "relay", "help": "model name"}, lambda name: [f"--model {name}"]
        ),
        number("--minutes", 40.0, "time for each of the two"),
        number("--program-minutes", 10.0, f"limit of one program of {WHAT}"),
        OVERRIDES,
        Option(
            "--spoilt",
            {
                "action": "append",
                "nargs": 2,
                "default": [],
                "metavar": ("NAME", "WHY"),
                "help": "a pair that counts for nobody, and what cost one side time",
            },
        ),
        folder("--out", Path("out/peer"), "folder of the runs; what is over is not run again"),
        Option(
            "--venv",
            {
                "type": Path,
                "help": "the peer's virtual environment (default below the user's cache folder)",
            },
        ),
        DEST,
    ),
    figures=_figures,
    line=lambda figures: json.dumps(figures["pairs"][-1]),
    table=peer_table,
    sections=("peer",),
)
