"""Lessons drawn from finished steps: which changes gained more than once, and in which words they
are told. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from core.evolution.changes import Change, read_change
from core.evolution.clusters import (
    MOST_WORDINGS,
    Cluster,
    Figures,
    Vector,
    cosine,
    figures_of,
    same_meaning,
    same_words,
    values_of,
    wording,
)
from core.evolution.experience import Experience
from core.evolution.topics import TOPICS
from core.genome import LOCI, Genome
from core.protocols import Coach
from core.records import Entry
from core.skill import Example, Skill
from utils.untrusted import one_line

# New lessons of one epoch.
MOST_NEW = 20
# Steps that a model is told about for one lesson, and characters of the code before and after.
MOST_EXAMPLES = 5
LONGEST_CODE = 1500
LONGEST_ADVICE = 240

_EVIDENCE = " Evidence: "

Embed = Callable[[Sequence[str]], list[list[float]]]
"""Unit vectors of texts. Only vectors of one answer are compared: the next one may come from another model."""

GeneText = Callable[[str, str], str]
"""Text of a gene by its digest and locus, "" when it is not known."""


def skill_text(advice: str, figures: Figures) -> str:
    """What stands in a prompt."""
    times = f"tried {figures.tried} times, helped {figures.helped} times"
    return f"{advice}{_EVIDENCE}{times}, {figures.gain:+.2f} spreads on average."


def advice_of(skill: Skill) -> str:
    """The text without its evidence."""
    return skill.text.partition(_EVIDENCE)[0]


def change_in(skill: Skill) -> Change:
    """What a skill advises, read."""
    return read_change(skill.change, skill.locus or "")


def gene_reader(entries: Callable[[], Iterable[Entry]], program: Callable[[str], str]) -> GeneText:
    """Genes from the programs of finished steps. program: text by digest."""

    def read(digest: str, locus: str) -> str:
        holder = next((entry for entry in entries() if entry.genes.get(locus) == digest), None)
        if holder is None:
            return ""
        return Genome.parse(program(holder.program)).gene(LOCI[LOCI.index(locus)])

    return read


class SkillExtractor:
    """coach: puts lessons into words; None: the words of the plans stay."""

    def __init__(self, embed: Embed, gene: GeneText, coach: Coach | None = None) -> None:
        self._embed = embed
        self._gene = gene
        self._coach = coach

    def extract(
        self, pool: Sequence[Experience], known: Collection[str] = (), barred: Collection[str] = ()
    ) -> list[Skill]:
        """A skill per change that gained convincingly or never did, gains and the surest first, and
        per change of the `known` ids whatever came of it. barred: ids whose changes are left out.
        """
        values = values_of(pool)
        clusters = self._clusters(pool, values, known)
        if not clusters:
            return []
        founders = [cluster.changes[0] for cluster in clusters]
        texts = {wording(it, values).advice for it in clusters} | {
            change.advice for change in founders
        }
        vectors = self._vectors([*sorted(texts), *TOPICS.values()])
        exact = [it for it in clusters if it.changes[0].exact]
        joined = same_meaning([it for it in clusters if not it.changes[0].exact], vectors)
        found = [it for it in (*exact, *joined) if not _any_of(it, barred)]
        old = [it for it in found if _any_of(it, known)]
        figures = {id(it): _figures(it, values) for it in found}
        new = [it for it in found if not _any_of(it, known) and figures[id(it)].worth_telling]
        new.sort(key=lambda it: (figures[id(it)].discouraging, -abs(figures[id(it)].sure)))
        since = max(item.step for item in pool) + 1
        return [
            _skill(it, _id_of(it, known), values, vectors, since) for it in (*new[:MOST_NEW], *old)
        ]

    def taught(self, skill: Skill, pool: Sequence[Experience]) -> Skill:
        """The skill in the coach's words, where it has some."""
        said = self._coach.lesson(self._examples(skill, pool)) if self._coach is not None else None
        advice = one_line((said or "").replace(_EVIDENCE.strip(), ""), LONGEST_ADVICE)
        if not advice:
            return skill
        return self.fitted(
            dataclasses.replace(skill, text=advice + skill.text[len(advice_of(skill)) :])
        )

    def fitted(self, skill: Skill) -> Skill:
        """The skill with its fits measured anew."""
        advice = advice_of(skill)
        return dataclasses.replace(
            skill, fits=_fits(advice, self._vectors([advice, *TOPICS.values()]))
        )

    def cosines(self, skills: Sequence[Skill]) -> Callable[[str, str], float]:
        """How alike the advice of any two of them is, by their ids."""
        vectors = self._vectors(list(dict.fromkeys(advice_of(skill) for skill in skills)))
        own = {skill.id: vectors[advice_of(skill)] for skill in skills}
        return lambda one, other: cosine(own[one], own[other])

    def _clusters(
        self, pool: Sequence[Experience], values: Mapping[str, float], known: Collection[str]
    ) -> list[Cluster]:
        """By words: exact ones that are worth a look, and the newest of those that models worded."""
        clusters = same_words(pool, values)
        exact = [it for it in clusters if it.changes[0].exact]
        told = [it for it in clusters if not it.changes[0].exact][-MOST_WORDINGS:]
        useful = [it for it in exact if _any_of(it, known) or _figures(it, values).worth_telling]
        return [*useful, *(told if sum(len(it.steps) for it in told) > 1 else ())]

    def _vectors(self, texts: Sequence[str]) -> dict[str, Vector]:
        """texts: each once."""
        return dict(zip(texts, self._embed_texts(texts), strict=True))

    def _embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors, one per text, in one answer."""
        return self._embed(texts) if texts else []

    def _examples(self, skill: Skill, pool: Sequence[Experience]) -> list[Example]:
        """Steps that a skill was drawn from: those that gained most, and the one that gained least."""
        known = [item for item in pool if item.entry in skill.evidence and item.gain is not None]
        known.sort(key=lambda item: -(item.gain or 0.0))
        return [
            self._example(item)
            for item in known[: MOST_EXAMPLES - 1] + known[MOST_EXAMPLES - 1 :][-1:]
        ]

    def _example(self, item: Experience) -> Example:
        before = after = ""
        if len(item.diff) == 1:
            ((locus, old, new),) = item.diff
            before, after = (self._gene(digest, locus)[:LONGEST_CODE] for digest in (old, new))
        return Example(item.change, item.gain or 0.0, before, after)


def _any_of(cluster: Cluster, ids: Collection[str]) -> bool:
    return bool(ids) and any(change.id in ids for change in cluster.changes)


def _id_of(cluster: Cluster, known: Collection[str]) -> str:
    """A known one, else the founder's."""
    ids = [change.id for change in cluster.changes]
    return next((one for one in ids if one in known), ids[0])


def _figures(cluster: Cluster, values: Mapping[str, float]) -> Figures:
    return figures_of((item.entry for item in cluster.steps), values)


def _skill(
    cluster: Cluster,
    own_id: str,
    values: Mapping[str, float],
    vectors: Mapping[str, Vector],
    since: int,
) -> Skill:
    change, figures = wording(cluster, values), _figures(cluster, values)
    return Skill(
        id=own_id,
        text=skill_text(change.warning if figures.discouraging else change.advice, figures),
        change=f"{change.locus}: {change.text}",
        locus=change.locus,
        fits=_fits(change.advice, vectors),
        evidence=tuple(item.entry for item in sorted(cluster.steps, key=lambda item: item.step)),
        gain=round(figures.gain, 4),
        since=since,
        warns=figures.discouraging,
    )


def _fits(advice: str, vectors: Mapping[str, Vector]) -> dict[str, float]:
    return {key: round(cosine(vectors[advice], vectors[text]), 3) for key, text in TOPICS.items()}
