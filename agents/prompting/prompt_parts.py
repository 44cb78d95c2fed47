"""Parts of a prompt that depend on their arguments only: programs, faults, packages, times. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from agents.answers.self_check import SHOWN
from agents.prompting.folding import folded
from core.records import CompetitionSpec, Entry, ErrorInfo, Parent
from utils.text import cap, human_bytes, human_seconds
from utils.untrusted import anonymous, code_block, fence, one_line, plain

TRACEBACK, PACKAGES = 1200, 600
_SECONDS = tuple(
    map(
        int,
        "5 10 15 20 30 45 60 90 120 180 240 300 420 600 900 1200 1800 2700 3600 5400 7200 10800 18000 28800".split(),
    )
)
# What programs are better for, in the order of its use. All else is a part of something, or of the agent.
_PACKAGES_FOR_PROGRAMS = (
    "numpy pandas scipy scikit-learn lightgbm xgboost catboost torch torchvision torchaudio timm transformers "
    "sentence-transformers tensorflow keras pillow opencv-python opencv-python-headless albumentations scikit-image "
    "librosa soundfile pydicom nltk spacy gensim tokenizers datasets statsmodels prophet imbalanced-learn optuna "
    "category-encoders umap-learn torchmetrics pytorch-lightning segmentation-models-pytorch rdkit networkx shapely "
    "polars pyarrow tabicl tabm pytabkit interpret numba h5py lightning accelerate peft einops sentencepiece faiss-cpu "
    "sktime tsfresh pycocotools jax mlxtend"
).split()


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(names[:most])
    if len(names) > most:
        text += f" and {len(names) - most} more"
    return text


def column_list(columns: Sequence[str], most: int) -> str:
    """The first names of columns, each as one line, and how many more there are."""
    return listed([one_line(name, 40) for name in columns], most)


def sample_path(spec: CompetitionSpec, otherwise: str) -> str:
    """Where the sample submission lies; `otherwise` where there is none."""
    if spec.tables.sample is None:
        return otherwise
    return one_line(spec.tables.sample.path, 80)


def package_list(packages: Mapping[str, str]) -> str:
    """Names with versions of those that programs may be better for, the most useful first, as many as
    fit.
    """
    known: dict[str, str] = {}
    for name, version in packages.items():
        if name:
            known[name.lower().replace("_", "-")] = version
    text = ""
    for name in _PACKAGES_FOR_PROGRAMS:
        if name in known and len(text) + len(name) + len(known[name]) < PACKAGES:
            text += f"{name} {known[name]}, "
    return text.rstrip(", ") or "nothing"


def program_block(program: str) -> str:
    """At most about SHOWN characters of it; only what is no Python is cut in the middle."""
    return code_block(cap(folded(plain(program)), SHOWN))


def number(value: float | None) -> str:
    """A score as it stands in prompts."""
    if value is None:
        return "unknown"
    return f"{value:.5g}"


def fault_of(parent: Parent, entry: Entry | None) -> dict[str, str]:
    """What ended a program: the end of its traceback, what limit it hit, and the judge's reasons;
    no absolute paths.

    Nothing is said twice. entry: the finished step of this parent, None when it is not known.
    """
    kind, message, lines = "a submission that was refused", "", list[str]()
    if parent.error is not None:
        kind, message = "an error", parent.error.message
        # The program names its own exceptions: what is no name of a class stands between markers only.
        if re.fullmatch(r"[A-Za-z_][\w.]{0,79}", parent.error.type):
            kind = parent.error.type
        lines += _error_lines(parent.error)
    if entry is not None:
        lines += _limit_and_reasons(entry, message)
    return {"type": kind, "error": fence(_end(anonymous("\n".join(lines))) or "nothing", "output")}


def _error_lines(error: ErrorInfo) -> Iterator[str]:
    """The traceback, and what it does not say itself."""
    if error.traceback:
        yield error.traceback
    if not error.message or error.message not in error.traceback:
        yield f"{error.type}: {error.message}"


def _limit_and_reasons(entry: Entry, message: str) -> Iterator[str]:
    """message: of the error, which the judge's reasons need not repeat."""
    if entry.outcome.killed_for is not None:
        peak = human_bytes(entry.outcome.peak_rss_mb * (1 << 20))
        yield f"ended after {coarse(entry.outcome.duration_s)}, {peak} of memory at most"
    for reason in entry.verdict.reasons:
        if message and message in reason:
            reason = reason.partition(": ")[0]
        yield f"judge: {reason}"


def _end(text: str) -> str:
    """The last whole lines of at most TRACEBACK characters; the end of the last one where that is
    longer.
    """
    if len(text) <= TRACEBACK:
        return text
    end = text[-TRACEBACK:]
    return "...\n" + (end.partition("\n")[2] or end)


def coarse(seconds: float) -> str:
    """Rounded down to a coarse step, so that a replay and a prefix cache see the same text."""
    place = bisect_right(_SECONDS, seconds)
    return human_seconds(_SECONDS[max(place - 1, 0)])
