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
        for entry in entries():
            if entry.genes.get(locus) == digest:
                return Genome.parse(program(entry.program)).gene(LOCI[LOCI.index(locus)])
        return ""

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
        vectors = self._vectors([*_wordings(clusters, values), *TOPICS.values()])
        exact, worded = _parted(clusters)
        new, old = list[Cluster](), list[Cluster]()
        for cluster in (*exact, *same_meaning(worded, vectors)):
            if _any_of(cluster, barred):
                continue
            if _any_of(cluster, known):
                old.append(cluster)
            elif _figures(cluster, values).worth_telling:
                new.append(cluster)

        def rank(cluster: Cluster) -> tuple[bool, float]:
            figures = _figures(cluster, values)
            return figures.discouraging, -abs(figures.sure)

        new.sort(key=rank)
        since = max(item.step for item in pool) + 1
        found = (*new[:MOST_NEW], *old)
        return [_skill(it, _id_of(it, known), values, vectors, since) for it in found]

    def taught(self, skill: Skill, pool: Sequence[Experience]) -> Skill:
        """The skill in the coach's words, where it has some."""
        if self._coach is None:
            return skill
        said = self._coach.lesson(self._examples(skill, pool)) or ""
        advice = one_line(said.replace(_EVIDENCE.strip(), ""), LONGEST_ADVICE)
        if not advice:
            return skill
        evidence = skill.text[len(advice_of(skill)) :]
        return self.fitted(dataclasses.replace(skill, text=advice + evidence))

    def fitted(self, skill: Skill) -> Skill:
        """The skill with its fits measured anew."""
        advice = advice_of(skill)
        return dataclasses.replace(
            skill, fits=_fits(advice, self._vectors([advice, *TOPICS.values()]))
        )

    def cosines(self, skills: Sequence[Skill]) -> Callable[[str, str], float]:
        """How alike the advice of any two of them is, by their ids."""
        advice = {skill.id: advice_of(skill) for skill in skills}
        vectors = self._vectors(list(dict.fromkeys(advice.values())))
        return lambda one, other: cosine(vectors[advice[one]], vectors[advice[other]])

    def _clusters(
        self, pool: Sequence[Experience], values: Mapping[str, float], known: Collection[str]
    ) -> list[Cluster]:
        """By words: exact ones that are worth a look, and the newest of those that models worded."""
        exact, worded = _parted(same_words(pool, values))
        useful = [it for it in exact if _any_of(it, known) or _figures(it, values).worth_telling]
        newest = worded[-MOST_WORDINGS:]
        # A single step has nothing to be joined with.
        if sum(len(it.steps) for it in newest) > 1:
            useful += newest
        return useful

    def _vectors(self, texts: Sequence[str]) -> dict[str, Vector]:
        """Unit vectors of one answer. texts: each once."""
        if not texts:
            return {}
        return dict(zip(texts, self._embed_texts(texts), strict=True))

    def _embed_texts(self, texts: Sequence[str]) -> Sequence[Vector]:
        """Unit vectors, one per text, in one answer. Named by specification 001."""
        if not texts:
            # Nobody is started for nothing.
            return []
        return self._embed(texts)

    def _examples(self, skill: Skill, pool: Sequence[Experience]) -> list[Example]:
        """Steps that a skill was drawn from: those that gained most, and the one that gained least."""
        known = [item for item in pool if item.entry in skill.evidence and item.gain is not None]
        known.sort(key=lambda item: -(item.gain or 0.0))
        most, rest = known[: MOST_EXAMPLES - 1], known[MOST_EXAMPLES - 1 :]
        return list(map(self._example, [*most, *rest[-1:]]))

    def _example(self, item: Experience) -> Example:
        before = after = ""
        if len(item.diff) == 1:
            ((locus, old, new),) = item.diff
            before = self._gene(old, locus)[:LONGEST_CODE]
            after = self._gene(new, locus)[:LONGEST_CODE]
        return Example(item.change, item.gain or 0.0, before, after)


def _parted(clusters: Iterable[Cluster]) -> tuple[list[Cluster], list[Cluster]]:
    """Those that name what changes exactly, and those in a model's own words."""
    exact, worded = list[Cluster](), list[Cluster]()
    for cluster in clusters:
        (exact if cluster.founder.exact else worded).append(cluster)
    return exact, worded


def _wordings(clusters: Iterable[Cluster], values: Mapping[str, float]) -> list[str]:
    """Advice in the words that a skill may have, and in those that clusters are compared by."""
    texts = set[str]()
    for cluster in clusters:
        texts |= {wording(cluster, values).advice, cluster.founder.advice}
    return sorted(texts)


def _any_of(cluster: Cluster, ids: Collection[str]) -> bool:
    return bool(ids) and any(change.id in ids for change in cluster.changes)


def _id_of(cluster: Cluster, known: Collection[str]) -> str:
    """A known one, else the founder's."""
    for change in cluster.changes:
        if change.id in known:
            return change.id
    return cluster.founder.id


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
    steps = sorted(cluster.steps, key=lambda item: item.step)
    sentence = change.warning if figures.discouraging else change.advice
    return Skill(
        id=own_id,
        text=skill_text(sentence, figures),
        change=f"{change.locus}: {change.text}",
        locus=change.locus,
        fits=_fits(change.advice, vectors),
        evidence=tuple(item.entry for item in steps),
        gain=round(figures.gain, 4),
        since=since,
        warns=figures.discouraging,
    )


def _fits(advice: str, vectors: Mapping[str, Vector]) -> dict[str, float]:
    return {key: round(cosine(vectors[advice], vectors[text]), 3) for key, text in TOPICS.items()}
