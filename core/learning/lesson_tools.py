"""What level 2 uses outside of a run's history: a model for embeddings and a folder of lessons that
runs share.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from core.contract import EmbeddingUse, LessonResources, LibraryUse
from core.evolution.skill_extractor import Embed
from core.learning.skill_library import library_trouble, read_library, write_library
from core.persona import Population
from core.skill import Skill
from utils.embedding import CodeEmbeddingManager
from utils.embedding_hashing import all_hashed

log = logging.getLogger(__name__)


class LessonTools:
    """Words are hashed, and nothing is shared."""

    embed: Embed = staticmethod(all_hashed)
    carried: Sequence[Skill] = ()

    def open(self) -> None:
        """Says what is missing, at the start."""

    def release(self) -> None:
        """Gives back what an epoch needed."""

    def share(self, population: Population) -> None:
        """Hands on what was learnt, at the end."""

    def facts(self) -> LessonResources:
        """For team.json."""
        return LessonResources()


class RunLessonTools(LessonTools):
    """Those of a run whose lessons are switched on: the user's model and library."""

    def __init__(
        self,
        embedder: CodeEmbeddingManager,
        library: Path | None,
        forbidden: Collection[str],
        evidence: bool,
    ) -> None:
        """library: None where runs share nothing. forbidden: names of the competition, which no
        lesson may carry.

        evidence: False where programs say themselves how good they are: that proves nothing beyond
        their own run.
        """
        self._embedder = embedder
        self._library = library
        self._forbidden = forbidden
        self._evidence = evidence
        self._written: int | None = None
        self.embed = embedder.embed
        if library is not None:
            self.carried = read_library(library)

    def open(self) -> None:
        self._embedder.look()
        if self._library is not None and (trouble := library_trouble(self._library)):
            log.warning("skill library: %s", trouble)

    def release(self) -> None:
        self._embedder.close()

    def share(self, population: Population) -> None:
        if self._library is not None and self._evidence:
            self._written = write_library(self._library, population.lessons, self._forbidden)

    def facts(self) -> LessonResources:
        """embeddings.kind: None as long as no text was embedded and a model may still answer."""
        embeddings, library = EmbeddingUse(None, None), None
        if self._embedder.fallback:
            embeddings = EmbeddingUse("hashed", self._embedder.fallback)
        elif self._embedder.answered:
            embeddings = EmbeddingUse("model", self._embedder.fallback)
        if self._library is not None:
            library = LibraryUse(str(self._library), len(self.carried), self._written)
        return LessonResources(embeddings, library)
