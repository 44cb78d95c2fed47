"""Parts of a prompt that depend on their arguments only: programs, faults, packages, times. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

from core.genome import LOCI, Genome, Locus
from core.records import Brief, Entry, Parent
from utils.text import cap, human_bytes, human_seconds
from utils.untrusted import anonymous, code_block, fence, one_line, plain

PROGRAM, TRACEBACK, PACKAGES, OTHER_PACKAGES = 24_000, 1200, 600, 160
_FOLDED = 3
_WITH_BODY = ast.FunctionDef | ast.ClassDef | ast.For | ast.While | ast.If | ast.With | ast.Try
_SECONDS = (
    5,
    10,
    20,
    30,
    60,
    120,
    180,
    300,
    600,
    900,
    1200,
    1800,
    2700,
    3600,
    5400,
    7200,
    10800,
    18000,
    28800,
)
_FIRST_PACKAGES = (
    "numpy pandas scipy scikit-learn lightgbm xgboost catboost torch torchvision torchaudio timm transformers "
    "sentence-transformers tensorflow keras pillow opencv-python opencv-python-headless albumentations scikit-image "
    "librosa soundfile pydicom nltk spacy gensim tokenizers datasets statsmodels prophet imbalanced-learn optuna "
    "category-encoders umap-learn torchmetrics pytorch-lightning segmentation-models-pytorch rdkit networkx shapely "
    "polars pyarrow"
).split()
# Of the agent and of installers: nothing that a program is better for.
_NOT_FOR_PROGRAMS = re.compile(
    r"^(?:pip|setuptools|wheel|openai|anthropic|lang.*|omegaconf|antlr.*|opentelemetry.*|pytest.*|ruff|mypy.*|http.*|h11"
    r"|anyio|certifi|idna|sniffio|distro|jiter|pydantic.*|typing.*|charset-normalizer|urllib3|requests.*|markdown.*|mdurl"
    r"|pygments)$"
)


def listed(names: Sequence[str], most: int) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def package_list(packages: Mapping[str, str]) -> str:
    """Names with versions, those that matter most first, as many as fit; a few of all others, most
    of which are parts of something else.
    """
    known = {name.lower().replace("_", "-"): version for name, version in packages.items() if name}
    first = [name for name in _FIRST_PACKAGES if name in known]
    others = sorted(name for name in known.keys() - set(first) if not _NOT_FOR_PROGRAMS.match(name))
    text = _fitting("", (f"{name} {known[name]}" for name in first), PACKAGES)
    text = _fitting(
        text,
        (f"{name} {known[name]}" for name in others),
        min(len(text) + OTHER_PACKAGES, PACKAGES),
    )
    return text or "nothing"


def _fitting(text: str, items: Iterable[str], most: int) -> str:
    """The text with as many items behind it as fit into `most` characters."""
    for item in items:
        if len(text) + len(item) > most:
            break
        text += f", {item}" if text else item
    return text


def program_block(program: str) -> str:
    return code_block(cap(plain(program), PROGRAM))


def folded(program: str, *whole: str | None) -> str:
    """The program without long bodies (of functions, loops, conditions) in all parts but some.

    whole: the parts that the brief is about; None stands for what is above the first marker.
    """
    lines = program.split("\n")
    owners = [
        block.locus for block in Genome.parse(program).blocks for _ in range(block.text.count("\n"))
    ]
    try:
        nodes = ast.parse(program + "\n").body
    except (SyntaxError, ValueError):
        return program
    for node in reversed(nodes):
        if isinstance(node, _WITH_BODY) and owners[node.lineno - 1] not in whole:
            told = (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and ast.get_docstring(node)
                and len(node.body) > 1
            )
            first = node.body[1 if told else 0].lineno - 1
            count = (node.end_lineno or 0) - first
            if count > _FOLDED and first >= node.lineno:
                lines[first : node.end_lineno] = [f"    ...  # {count} unchanged lines ..."]
    return "\n".join(lines)


def score_text(parent: Parent) -> str:
    return "unknown" if parent.score is None else f"{parent.score:.5g}"


def fault_of(parent: Parent, entry: Entry | None) -> dict[str, str]:
    """What ended a program: the end of its traceback, what limit it hit, and the judge's reasons;
    no absolute paths.

    Nothing is said twice. entry: the finished step of this parent, None when it is not known.
    """
    error = parent.error
    lines = [error.traceback] if error and error.traceback else []
    if error and not (error.message and error.message in error.traceback):
        lines.append(f"{error.type}: {error.message}")
    if entry is not None:
        if entry.outcome.killed_for is not None:
            peak = human_bytes(entry.outcome.peak_rss_mb * (1 << 20))
            lines.append(
                f"ended after {coarse(entry.outcome.duration_s)}, {peak} of memory at most"
            )
        said = error.message if error and error.message else None
        reasons = (
            reason.partition(": ")[0] if said and said in reason else reason
            for reason in entry.verdict.reasons
        )
        lines += [f"judge: {reason}" for reason in reasons]
    kind = one_line(error.type, 80) if error else "a submission that was refused"
    return {"type": kind, "error": fence(_end(anonymous("\n".join(lines))) or "nothing", "output")}


def _end(text: str) -> str:
    """The last whole lines of at most TRACEBACK characters; the end of the last one where that is
    longer.
    """
    if len(text) <= TRACEBACK:
        return text
    kept = text[-TRACEBACK:]
    return "...\n" + (kept.partition("\n")[2] or kept)


def coarse(seconds: float) -> str:
    """Rounded down to a coarse step, so that a replay and a prefix cache see the same text."""
    return human_seconds(max((step for step in _SECONDS if step <= seconds), default=_SECONDS[0]))


def differing(brief: Brief) -> list[Locus | None]:
    """Parts in which the two programs of a merge differ, None for what is above the first marker;
    all of them where one of the programs lacks its markers, or is missing.
    """
    every: list[Locus | None] = [None, *LOCI]
    genomes = [Genome.parse(parent.program) for parent in brief.parents[:2]]
    if len(genomes) < 2 or not all(genome.complete for genome in genomes):
        return every
    first, second = genomes
    return [locus for locus in every if first.gene(locus) != second.gene(locus)]


def second_of(brief: Brief) -> dict[str, str]:
    """The second program of a merge: where both have all four parts, only those in which it
    differs, and of these only those that the gene plan takes from it.
    """
    first, others = brief.parents[0], brief.parents[1:2]
    if not others:
        return {"other": "none", "other_plan": "none", "other_score": "unknown"}
    theirs = Genome.parse(others[0].program)
    text = others[0].program
    if theirs.complete and Genome.parse(first.program).complete:
        skipped = {locus for locus, parent in brief.gene_plan if parent == first.id}
        text = "".join(theirs.gene(locus) for locus in differing(brief) if locus not in skipped)
    plan = one_line(others[0].plan, 200)
    return {"other": program_block(text), "other_plan": plan, "other_score": score_text(others[0])}


def parts_by_parent(brief: Brief) -> dict[str, str]:
    """Which parts the gene plan of a merge takes from the first program and which from the second;
    {} for none.
    """
    from_first = [locus for locus, parent in brief.gene_plan if parent == brief.parents[0].id]
    from_second = [locus for locus, parent in brief.gene_plan if parent != brief.parents[0].id]
    return (
        {"first": ", ".join(from_first), "second": ", ".join(from_second)}
        if from_first and from_second
        else {}
    )
