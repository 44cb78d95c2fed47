"""Level 2 in the loop: a hundred steps on a landscape of knobs, and what a kill leaves of it."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from core.budget import Budget
from core.contract import EmbeddingUse, Folders, LibraryUse
from core.doubles import (
    CLEAN,
    FreePace,
    ManualClock,
    ManualStop,
    PaperViews,
    ProgramDict,
    PublisherList,
    ScriptedJudge,
    ScriptedRunner,
    entry,
    proposal,
    view,
)
from core.evaluation import Evaluator
from core.events import (
    TYPES,
    BaselineWritten,
    BlendSeen,
    BriefMade,
    EnsembleBuilt,
    EpochClosed,
    ErrorsSeen,
    Event,
    ExtraDone,
    FinalPicked,
    FoldScored,
    LikenessSeen,
    LlmCall,
    PersonaChanged,
    PlansMade,
    PredictionsLost,
    Probed,
    ProposalFailed,
    Proposed,
    Published,
    Refitted,
    Resumed,
    RunEnded,
    RunStarted,
    SkillChanged,
    SpecDecided,
    StepDone,
    Suspected,
)
from core.evolution.agent_evolution import AgentEvolution
from core.evolution.experience import Experience
from core.evolution.search import EvolutionSearch
from core.evolution.selection import race_is_lost, takes_the_lead
from core.genome import LOCI, Genome
from core.journal.history import History
from core.journal.journal import Journal, read_lines
from core.learning.lesson_tools import LessonTools, RunLessonTools
from core.learning.level_two import LearningFacts, LevelTwo, assignment_of, evolution_of
from core.learning.skill_library import read_library, write_library
from core.loop import Loop, LoopParts, Rules
from core.persona import Persona, PersonaChange, Population, SkillChange
from core.publishing.report import ReportKeeper
from core.records import (
    Best,
    BoxFacts,
    Brief,
    Ensemble,
    ErrorGroup,
    ErrorReport,
    ErrorTable,
    Job,
    Proposal,
    SplitSpec,
    Suspicion,
)
from tests.core.paper_spec import paper_spec
from tests.evolution.skill_rig import BETTER, skill
from tests.slices import evolution_config, search_config, solution_config
from utils.embedding import CodeEmbeddingManager
from utils.embedding_hashing import all_hashed
from utils.errors import ProposalError, WorkerError
from utils.json_records import to_json

SEARCH = search_config(num_drafts=4, debug_tries=1, explore=0.1)
TARGET = {"DATA": 12, "MODEL": 3, "TRAIN": 14, "POSTPROCESS": 9}
TEAM = tuple(Persona(locus.lower(), f"turns {locus}", loci={locus: 3.0}) for locus in LOCI)
KNOBS = 16
EVOLUTION = evolution_config(solution_config(merge=True, tune=True, pheromone=True))


def tools_at(library: Path) -> RunLessonTools:
    """Without a model."""
    embedder = CodeEmbeddingManager(library / "none", library / "vectors.sqlite")
    return RunLessonTools(embedder, library, (), evidence=True)


def program(knobs: dict[str, int]) -> str:
    return "".join(f"# %% {locus}\n{locus}_KNOB = {knobs[locus]}\n" for locus in LOCI)


def knobs_of(text: str) -> dict[str, int]:
    genome = Genome.parse(text)
    return {locus: int(genome.gene(locus).split("=")[1]) for locus in LOCI}


def worth(job: Job) -> float:
    """Best where every knob stands at its target; the model's knob matters most."""
    weights = {"DATA": 2, "MODEL": 4, "TRAIN": 1, "POSTPROCESS": 1}
    miss = sum(weights[at] * abs(value - TARGET[at]) for at, value in knobs_of(job.program).items())
    return 0.9 - miss / 200


class KnobProposer:
    """Turns knobs. A skill that says which way is followed; without one either way is as good."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def propose(self, brief: Brief) -> Proposal:
        rng = random.Random(brief.seed)
        for _ in range(60):
            knobs, locus, change = self._attempt(brief, rng)
            text = program(knobs)
            if text not in self.seen:
                self.seen.add(text)
                return Proposal.to(
                    brief,
                    plan="knobs",
                    program=text,
                    genes=Genome.parse(text).hashes(),
                    locus=locus,
                    change=change,
                )
        raise ProposalError("no new knobs")

    def _attempt(self, brief: Brief, rng: random.Random) -> tuple[dict[str, int], str | None, str]:
        if not brief.parents:
            return {locus: rng.randrange(KNOBS) for locus in LOCI}, None, ""
        knobs = knobs_of(brief.parents[0].program)
        if len(brief.parents) > 1:
            other = knobs_of(brief.parents[1].program)
            return {at: rng.choice((knobs[at], other[at])) for at in LOCI}, None, ""
        at = brief.locus or rng.choice(LOCI)
        ways = [
            1 if skill.change.split()[2] < skill.change.split()[4] else -1 for skill in brief.skills
        ]
        before = knobs[at]
        knobs[at] = min(
            max(before + (ways[0] if ways else rng.choice((-1, 1))) * rng.choice((1, 2)), 0),
            KNOBS - 1,
        )
        return knobs, at, f"{at}: {at}_KNOB {before} -> {knobs[at]}"


class World:
    """A loop with level 2 in line. lines: what a journal would hold."""

    def __init__(
        self,
        steps: int,
        evolution: AgentEvolution | None = None,
        programs: ProgramDict | None = None,
    ) -> None:
        self.clock, self.programs = ManualClock(), programs or ProgramDict()
        self.lines: list[dict[str, Any]] = []
        self.history = History(self.programs.get)
        self.complaints: list[Exception] = []
        self.snapshots: list[dict[str, Any]] = []
        made = evolution or evolution_of(EVOLUTION, all_hashed, lambda *_: "", None, 1)
        self.learner = LevelTwo(
            made,
            LearningFacts("maximize", SEARCH, EVOLUTION),
            TEAM,
            self.history,
            self,
            False,
            self.complaints.append,
        )
        judge, pace = ScriptedJudge(worth), FreePace()
        runner = ScriptedRunner(lambda job: CLEAN, self.clock)
        evaluator = Evaluator(
            runner,
            PaperViews(2),
            judge,
            pace,
            self,
            self.history,
            ManualStop(),
            lambda outcome: None,
        )
        assignment = assignment_of(EVOLUTION, 0, lambda: self.history.population)
        parts = LoopParts(
            KnobProposer(),
            EvolutionSearch(
                SEARCH, EVOLUTION.solution, "maximize", 0, self.programs.get, assignment=assignment
            ),
            evaluator,
            pace,
            self,
            self.history,
            self.programs,
            PublisherList(self.append),
            ManualStop(),
            self.clock,
            self.learner,
        )
        rules = Rules(1, 10, lambda text: (), takes_the_lead, race_is_lost)
        self.loop = Loop(parts, rules, Budget.plan(steps, self.clock(), self.clock() + 1e9))

    def append(self, event: Event) -> None:
        line = {"type": event.type, "seq": len(self.lines), "t": self.clock()} | to_json(
            event.fields()
        )
        self.lines.append(line)
        self.history.apply(line)
        self.snapshots.append(state(self.history))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]


def state(history: History) -> dict[str, Any]:
    """Everything that a history knows, by value."""
    known = {
        name: copy.copy(value)
        for name, value in vars(history).items()
        if name not in ("_program", "_folds_by_id")
    }
    return known | {"llm": dict(vars(history.llm))}


@pytest.fixture(scope="module")
def world() -> World:
    world = World(100)
    world.loop.run()
    return world


def changes(world: World, kind: str) -> list[str]:
    return [line["change"] for line in world.of(kind)]


def test_a_hundred_steps_rewrite_a_persona_and_decide_a_trial(world: World) -> None:
    found = changes(world, "persona")
    assert found[:4] == ["joined"] * 4
    assert "rewritten" in found
    assert {"kept", "rolled_back"} & set(found)
    assert world.complaints == []


def test_lesson_25_skills_are_extracted_used_and_measured(world: World) -> None:
    assert {"extracted", "measured"} <= set(changes(world, "skill"))
    used = {skill for entry in world.history.entries for skill in entry.skills}
    assert used
    measured = [line["skill"] for line in world.of("skill") if line["change"] == "measured"]
    assert all(skill["uses"] > 0 for skill in measured)
    assert any(skill["lift"] != 0 for skill in measured)


def test_steps_are_signed_by_all_personas_and_by_a_rewritten_one(world: World) -> None:
    labels = {entry.persona for entry in world.history.entries}
    assert {persona.name for persona in TEAM} <= {label.partition(".")[0] for label in labels}
    assert any("." in label for label in labels)


def test_the_same_seed_learns_the_same(world: World) -> None:
    again = World(100)
    again.loop.run()
    assert again.lines == world.lines


def test_state_after_replay_equals_the_state_before_a_kill_at_every_event(world: World) -> None:
    replayed = History(world.programs.get)
    kinds = set()
    for line, before_kill in zip(world.lines, world.snapshots, strict=True):
        replayed.apply(line)
        assert state(replayed) == before_kill
        kinds.add(line["type"])
    assert {"persona", "skill", "proposal", "fold", "step", "epoch"} <= kinds <= set(TYPES)
    assert {"joined", "rewritten"} < set(changes(world, "persona"))
    assert {"extracted", "merged", "measured"} <= set(changes(world, "skill"))


def test_a_replayed_file_gives_the_state_before_a_kill_at_each_event_type(
    tmp_path: Path, world: World
) -> None:
    live, before_kill = History(world.programs.get), []

    def listen(line: dict[str, Any]) -> None:
        live.apply(line)
        before_kill.append(state(live))

    journal = Journal(tmp_path / "journal.jsonl", ManualClock(), listen)
    for event in whole_run(world):
        journal.append(event)
    journal.close()
    lines, _ = read_lines(journal.path)
    assert {line["type"] for line in lines} == set(TYPES)
    assert {line["change"] for line in lines if line["type"] == "persona"} == set(
        get_args(PersonaChange)
    )
    assert {line["change"] for line in lines if line["type"] == "skill"} == set(
        get_args(SkillChange)
    )
    replayed = History(world.programs.get)
    for line, live_then in zip(lines, before_kill, strict=True):
        replayed.apply(line)
        assert state(replayed) == live_then, line["type"]


def whole_run(world: World) -> list[Event]:
    """Two sessions: one event of each type that needs no other, around the level 2 of `world` and
    one of its steps.
    """
    box, best = BoxFacts(True, False), Best("s0000", "draft", 0.8, 0.01, "holdout")
    program = next(line["program"] for line in world.of("proposal"))
    made = dataclasses.replace(entry("s0000", 0.8, steers=True), program=program)
    old, new = TEAM[0], dataclasses.replace(TEAM[0], version=1)
    offer = dataclasses.replace(proposal(Brief(0, "draft", 7), made.program), skills=("a",))
    lesson = skill(BETTER)
    call = LlmCall("code", "m", True, 1.0, 10, 5, 3, 0.1, "draft", "ab", "cd")
    split = SplitSpec("stratified", 2, 100, 0, 1, "paper")
    again = dataclasses.replace(made, id="x0003", kind="seed", extra=True, steers=False)
    blend = Ensemble((("s0000", 1.0),), "mean", 0.8, 0.01)
    hours = ErrorTable("squared error by hour", (ErrorGroup("0 to 5", 20, 0.5, -0.1),))
    changed: list[PersonaChange] = ["joined", "rewritten", "rolled_back", "rewritten", "kept"]
    learnt: list[SkillChange] = ["carried", "extracted", "merged", "measured", "retired"]
    return [
        RunStarted(0.0, 9.0, 10, 1, 2, "openai", "paper", {}, box),
        BaselineWritten("sample", 3, "ab"),
        SpecDecided(paper_spec(), split, (to_json(view("search0")),)),
        *(
            PersonaChanged(new if change in ("rewritten", "kept") else old, change, 1)
            for change in changed
        ),
        call,
        dataclasses.replace(call, ok=False, error="HTTP 500", cost_usd=None),
        Proposed(offer, program),
        ProposalFailed(1, "draft", "nothing new"),
        Probed(made.id, CLEAN, False, 2.0),
        *(FoldScored(made.id, fold, 60.0) for fold in made.folds),
        Suspected(made.id, Suspicion(("search1",), "no wrong answers", 1e-9)),
        StepDone(made),
        BriefMade(0, "draft", (), None, None, 0.0),
        PlansMade(("trees", "splines")),
        ErrorsSeen(made.id, ErrorReport(20, ("no bias",), (hours,))),
        ExtraDone(again),
        LikenessSeen(made.id, again.id, 0.9),
        BlendSeen(blend),
        Published(best, 3, "ab", "local"),
        *(SkillChanged(lesson, change) for change in learnt),
        EpochClosed(1, 1, 0.8),
        Resumed(5.0, 9.0, 20, 1, 4.0, 9.0),
        PredictionsLost((made.folds[0].key,), (made.id,)),
        Probed("s0002", CLEAN, True, None),
        EnsembleBuilt("e1", blend),
        FinalPicked(("s0000",), (0.8,), (0.01,), "s0000", "final folds"),
        Refitted("s0000", False, ("too late",), CLEAN),
        RunEnded("ok", None, 5.0),
    ]


def test_the_report_counts_what_was_learnt(world: World, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "w", tmp_path / "l", tmp_path / "s", tmp_path / "c")
    report = ReportKeeper(world.history, folders, lambda: 1.0)
    report.learning = tools_at(tmp_path / "lessons").facts
    report.write()
    said = json.loads(folders.team_json.read_text())
    assert said["valid_programs"] == {
        "model": 0,
        "recipes": sum(it.verdict.valid for it in world.history.entries),
    }
    found, lessons = changes(world, "persona"), changes(world, "skill")
    assert {key: said[key] for key in ("rewritten", "kept", "rolled_back")} == {
        key: found.count(key) for key in ("rewritten", "kept", "rolled_back")
    }
    assert said["personas"] == {
        name: it.version for name, it in world.history.population.personas.items()
    }
    assert said["skills"]["extracted"] == lessons.count("extracted") > 0
    assert (
        said["skills"]["proposals"]
        == sum(bool(line["skills"]) for line in world.of("proposal"))
        > 0
    )
    assert said["embeddings"] == {"kind": None, "why": None}
    assert said["library"] == {"path": str(tmp_path / "lessons"), "read": 0, "written": None}


def test_what_is_missing_is_said_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    tools = tools_at(tmp_path / "file")
    caplog.clear()
    tools.open()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "no weights there" in caplog.text
    assert f"{tmp_path / 'file'} takes no lessons: File exists" in caplog.text
    assert tools.facts().embeddings == EmbeddingUse("hashed", "no weights there")


def test_a_library_is_said_to_have_been_read_and_written(tmp_path: Path) -> None:
    write_library(tmp_path, [skill(BETTER, uses=6, lift=0.2)], ())
    tools = tools_at(tmp_path)
    world = World(0)
    world.append(SkillChanged(skill(BETTER, uses=9, lift=0.3), "measured"))
    tools.share(world.history.population)
    assert tools.facts().library == LibraryUse(str(tmp_path), 1, 1)


def test_a_resumed_run_keeps_its_team(world: World) -> None:
    """Personas do not join again, whatever the files say now."""
    resumed = World(100, programs=world.programs)
    for line in world.lines:
        resumed.history.apply(line)
    before = resumed.history.population
    resumed.learner.start()
    assert resumed.history.population == before
    assert resumed.lines == []


class Broken(AgentEvolution):
    """A bug of ours."""

    def __init__(self) -> None:
        super().__init__(EVOLUTION.agent, None, None, 1)
        self.calls = 0

    def evolve(
        self, epoch: int, population: Population, pool: Sequence[Experience], next_step: int
    ) -> list[Event]:
        self.calls += 1
        raise WorkerError("the embedding process is gone")


def test_a_carried_lesson_that_did_harm_here_is_not_carried_on(tmp_path: Path) -> None:
    """Its file takes the figures of this run, although the run has given it up."""
    write_library(tmp_path, [skill(BETTER, uses=6, lift=0.2)], ())
    (carried,) = read_library(tmp_path)
    world = World(0)
    world.append(SkillChanged(carried, "carried"))
    world.append(
        SkillChanged(dataclasses.replace(carried, uses=9, lift=-0.3), "retired", {"why": "harmful"})
    )
    assert not world.history.population.skills
    learner = LevelTwo(
        evolution_of(EVOLUTION, all_hashed, lambda *_: "", None, 1),
        LearningFacts("maximize", SEARCH, EVOLUTION),
        TEAM,
        world.history,
        world,
        False,
        tools=tools_at(tmp_path),
    )
    learner.start()
    assert not world.history.population.skills
    learner.close()
    assert read_library(tmp_path) == []


def test_our_own_bug_costs_level_two_and_not_the_search(caplog: pytest.LogCaptureFixture) -> None:
    broken = Broken()
    world = World(40, evolution=broken)
    world.loop.run()
    assert world.history.steps_done == 40
    assert broken.calls == 1
    assert len(world.complaints) == 1
    assert "the embedding process is gone" in str(world.complaints[0])
    assert "internal error in level 2" in caplog.text


def test_in_the_background_the_loop_does_not_wait(world: World) -> None:
    """Events of an epoch may come later, but all that are under way are there when the learner is
    closed.
    """
    events: list[Event] = []

    class Ears:
        def append(self, event: Event) -> None:
            events.append(event)

    made = evolution_of(EVOLUTION, all_hashed, lambda *_: "", None, 1)
    closed: list[bool] = []

    class Tools(LessonTools):
        def release(self) -> None:
            closed.append(True)

    learner = LevelTwo(
        made,
        LearningFacts("maximize", SEARCH, EVOLUTION),
        TEAM,
        world.history,
        Ears(),
        True,
        tools=Tools(),
    )
    learner.start()
    learner.epoch(3)
    learner.close()
    assert [type(event) for event in events if isinstance(event, PersonaChanged | SkillChanged)]
    assert closed == [True]
    learner.epoch(6)
    assert closed == [True]
