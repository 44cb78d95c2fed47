"""Level 2 at work: at the end of each epoch personas are judged and rewritten, and skills are drawn
from steps.

What it decides are events; the population is a fold over them, so a resumed run goes on where the
journal ends.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.contract import Folders, LessonResources
from core.events import PersonaChanged, SkillChanged
from core.evolution.agent_evolution import AgentEvolution
from core.evolution.assignment import Assignment
from core.evolution.diversity import genes_in_common
from core.evolution.experience import experiences
from core.evolution.situation import Situation
from core.evolution.skill_extractor import Embed, GeneText, SkillExtractor
from core.evolution.skills import SkillManager
from core.learning.lesson_tools import LessonTools, RunLessonTools
from core.persona import Persona, Population
from core.protocols import Coach, Recorder, RunState
from core.records import CompetitionSpec, SplitSpec
from core.score import Direction
from utils.config_schema import EvolutionConfig, SearchConfig, SkillConfig
from utils.embedding import CodeEmbeddingManager
from utils.errors import Interrupted

log = logging.getLogger(__name__)

# Seconds that the end of the search waits for an epoch that is under way.
PATIENCE_S = 10.0
# File of known vectors, in the workspace.
EMBEDDINGS = "embeddings.sqlite"


def assignment_of(
    evolution: EvolutionConfig, seed: int, population: Callable[[], Population]
) -> Assignment:
    """Who writes and what they are shown, for the search."""
    most = evolution.skill.max_loaded if evolution.skill.enabled else 0
    return Assignment(population, evolution.experience_pool, most, seed)


def evolution_of(
    evolution: EvolutionConfig, embed: Embed, gene: GeneText, coach: Coach | None, seed: int
) -> AgentEvolution:
    """The decisions of an epoch. embed: unit vectors of texts. gene: text of a program's locus."""
    skills = None
    if evolution.skill.enabled:
        skills = SkillManager(SkillExtractor(embed, gene, coach), evolution.skill)
    return AgentEvolution(evolution.agent, skills, coach, seed)


def tools_of(
    config: SkillConfig, folders: Folders, spec: CompetitionSpec, split: SplitSpec, stop: int
) -> LessonTools:
    """Embedding model and shared lessons, as the user names them. Embeddings are made in a process
    that lives for one epoch. stop: descriptor that becomes readable when the run is to end.
    """
    if not config.enabled:
        return LessonTools()
    embedder = CodeEmbeddingManager(
        config.embedding_model_path.resolve(),
        folders.workspace / EMBEDDINGS,
        folders.logs / "workers.log",
        stop=stop,
    )
    library = config.library
    if library is not None:
        library = library.resolve()
    return RunLessonTools(embedder, library, names_in(spec), evidence=split.kind != "none")


def names_in(spec: CompetitionSpec) -> set[str]:
    """Words of the competition's data: columns and files, which no lesson may carry away."""
    tables = filter(None, (spec.tables.sample, spec.tables.train, spec.tables.test))
    return {
        *(table.path for table in tables),
        *spec.ids.columns,
        *spec.answers.targets,
        *spec.answers.labels,
        *spec.answers.classes,
        *spec.features.names,
        *spec.features.texts,
        *spec.files.labels,
    }


@dataclass(frozen=True, slots=True)
class LearningFacts:
    """What experience is made of."""

    direction: Direction
    search: SearchConfig
    evolution: EvolutionConfig


class LevelTwo:
    """Owns the epochs. In the background they hold nobody up; in line decisions keep one order, as
    a replay needs it.

    Our own bugs switch it off: what agents learn is worth less than the search that an error would
    end.
    """

    def __init__(
        self,
        evolution: AgentEvolution,
        learning: LearningFacts,
        team: Sequence[Persona],
        state: RunState,
        recorder: Recorder,
        background: bool,
        complain: Callable[[Exception], None] = lambda error: None,
        tools: LessonTools | None = None,
    ) -> None:
        """team: who is there at the start. complain: told of our own bug, for the report. tools:
        what skills are made with, shared with other runs and carried from.
        """
        self._evolution = evolution
        self._learning = learning
        self._team = team
        self._state = state
        self._recorder = recorder
        self._complain = complain
        self._tools = tools or LessonTools()
        self._epochs: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._serve, name="level 2", daemon=True)
        self._off = False

    def start(self) -> None:
        """Who is on the team from the first step; a resumed run has its own team already."""
        if self._thread is not None:
            self._thread.start()
        self._tools.open()
        population = self._state.population
        if not population.personas:
            for persona in self._team:
                self._recorder.append(PersonaChanged(persona, "joined", self._state.next_step))
        known = population.skills.keys() | population.retired.keys()
        for skill in self._tools.carried:
            if skill.id not in known:
                self._recorder.append(SkillChanged(skill, "carried"))

    def facts(self) -> LessonResources:
        """What the journal does not say, for team.json."""
        return self._tools.facts()

    def epoch(self, number: int) -> None:
        """Learns from the steps so far."""
        if self._thread is None:
            self._guarded(number)
        else:
            self._epochs.put(number)

    def close(self) -> None:
        """Waits a little for an epoch under way; what it would decide later is dropped."""
        if self._thread is not None:
            self._epochs.put(None)
            self._thread.join(PATIENCE_S)
        if not self._off:
            self._tools.share(self._state.population)
        self._off = True

    def _serve(self) -> None:
        for number in iter(self._epochs.get, None):
            self._guarded(number)

    def _guarded(self, number: int) -> None:
        try:
            self._learn(number)
        except Interrupted:
            pass
        except Exception as error:
            log.exception("internal error in level 2: it is off from here")
            self._off = True
            self._complain(error)
        finally:
            self._tools.release()

    def _learn(self, number: int) -> None:
        state, learning = self._state, self._learning
        if self._off:
            return
        step = state.next_step
        now = Situation(
            list(state.entries),
            (),
            step,
            0.0,
            learning.direction,
            learning.search,
            learning.evolution.solution,
            genes_in_common,
        )
        pool = experiences(now, learning.evolution.experience_pool.max_records)
        for event in self._evolution.evolve(number, state.population, pool, step):
            if not self._off:
                self._recorder.append(event)
