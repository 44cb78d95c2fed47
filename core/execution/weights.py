"""The pretrained weights that candidates can really use: found, linked into one folder, loaded
once, described.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.execution.trial_box import TrialBox
from core.execution.weights_scan import WeightFiles, scan, site_folders
from core.execution.weights_trial import FILES, Trial, TrialCache, run_trial, snippet
from utils.prompt_manager import PromptManager
from utils.text import human_bytes, human_seconds

# What prompts have room for.
TEXT_CHARS = 800
_MODALITIES = frozenset({"text", "image", "audio"})
_MOST_ITEMS = 12
_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Weight:
    """One item that works. files: where it lies. trial: what was measured. snippet: the lines that
    were executed.
    """

    files: WeightFiles
    trial: Trial
    snippet: str


@dataclass(frozen=True, slots=True)
class Weights:
    """folder: for SWARM_WEIGHTS, links to the items; None when there are none. refused: (name,
    reason).

    text: for prompts, at most TEXT_CHARS; "" for a task that has no use for weights. readable: what
    Landlock must open besides `folder`, since the links point there.
    """

    folder: Path | None
    items: tuple[Weight, ...]
    refused: tuple[tuple[str, str], ...]
    text: str
    readable: tuple[Path, ...]

    @property
    def modalities(self) -> frozenset[str]:
        """What the items read: text, image, audio."""
        return frozenset(item.files.modality for item in self.items) & _MODALITIES


NOTHING = Weights(None, (), (), "", ())


def find_weights(
    places: Iterable[Path],
    modalities: Iterable[str],
    box: TrialBox,
    log_dir: Path,
    clock: Callable[[], float] = time.monotonic,
) -> Weights:
    """Looks in `places` and in installed packages for weights that read one of `modalities`, and
    tries each.

    May take minutes for large models: results are kept in log_dir/weights.json and asked for first.
    A task without text, pictures or sound gets NOTHING at once. Makes the folder `weights` in the
    box's workspace anew. clock: monotonic seconds. Raises OSError when workspace or log folder
    cannot be written, WorkerError when the box does not work.
    """
    wanted = _MODALITIES & set(modalities)
    if not wanted:
        return NOTHING
    found = [
        item
        for item in scan(places, site_folders(box.box.interpreter))
        if item.modality in {*wanted, "any"}
    ]
    found.sort(key=lambda item: item.modality == "any")
    cache = TrialCache(log_dir / "weights.json", box.box.interpreter)
    usable: list[Weight] = []
    refused: list[tuple[str, str]] = []
    for item, trial in _try_all(found[:_MOST_ITEMS], box, cache, clock):
        if trial.reason:
            refused.append((item.name, trial.reason))
        else:
            usable.append(Weight(item, trial, snippet(item)))
    refused += [(item.name, "not tried: too many items") for item in found[_MOST_ITEMS:]]
    files, folder = [weight.files for weight in usable], None
    if files:
        folder = _link_all(files, box.box.workspace / "weights")
    return Weights(folder, tuple(usable), tuple(refused), describe(usable), _roots(files))


def describe(items: Sequence[Weight]) -> str:
    """The list for prompts: one line per item, and one snippet per kind as far as the room goes."""
    texts = PromptManager(FILES)
    if not items:
        return texts.render("none")
    lines, by_kind = list(map(_line, items)), dict[str, str]()
    for item in items:
        kind = f"{item.files.kind} {item.files.modality}"
        by_kind.setdefault(kind, f"```python\n{item.snippet}```")
    snippets = list(by_kind.values())
    # Snippets of rarer kinds go first: every item is still worth its line.
    shapes = [(len(lines), kinds) for kinds in range(len(snippets), 0, -1)]
    shapes += [(count, 1) for count in range(len(lines) - 1, 0, -1)]
    for count, kinds in shapes:
        shown = lines[:count]
        if count < len(lines):
            shown.append(f"- and {len(lines) - count} more")
        text = texts.render("some", items="\n".join(shown), snippets="\n".join(snippets[:kinds]))
        if len(text) <= TEXT_CHARS:
            return text
    return text[:TEXT_CHARS]


def _line(item: Weight) -> str:
    files, trial = item.files, item.trial
    size, seconds = human_bytes(files.size), human_seconds(trial.load_s)
    facts = f"- `{files.name}`: {files.kind}, {size}, loads in {seconds}"
    if files.modality == "any":
        return facts
    speed = f"{trial.per_s:.2g} per second on one core"
    return f"{facts}; {files.modality} to {trial.width} numbers, {speed}"


def _try_all(
    found: Sequence[WeightFiles], box: TrialBox, cache: TrialCache, clock: Callable[[], float]
) -> list[tuple[WeightFiles, Trial]]:
    folder = _link_all(found, box.box.workspace / ".weights-found")
    end = clock() + _PATIENCE_S
    trials = []
    try:
        for item in found:
            trial = cache.get(item)
            if trial is None and (box.box.stop.is_set() or clock() > end):
                trial = Trial("not tried: no time")
            if trial is None:
                trial, lasting = run_trial(item, box, folder, _roots(found))
                if lasting:
                    cache.put(item, trial)
            trials.append((item, trial))
    finally:
        shutil.rmtree(folder)
    return trials


def _link_all(items: Sequence[WeightFiles], folder: Path) -> Path:
    """A fresh folder with a link per item, and further links where the libraries look for it by its
    own name.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for item in items:
        (folder / item.name).symlink_to(Path(item.path).resolve())
        if item.hub:
            link = folder / item.hub
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(item.root).resolve())
    return folder


def _roots(items: Sequence[WeightFiles]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(item.root).resolve() for item in items))
