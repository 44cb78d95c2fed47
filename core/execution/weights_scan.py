"""Finds pretrained weights on disk: model folders, caches of the hubs, single files, models that
packages carry.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

Kind = Literal[
    "sentence-transformers", "transformers", "timm", "torchvision", "safetensors", "state-dict"
]

_DEPTH = 3
_ENTRIES = 500
_MIN_BYTES = 100_000
_NAME_CHARS = 48
_FOLDER_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_FILE_KINDS: dict[str, Kind] = {
    ".pth": "state-dict",
    ".pt": "state-dict",
    ".safetensors": "safetensors",
}
# How torch.hub names what it downloads: architecture, training recipe, eight digits of the hash.
_HUB_FILE = re.compile(
    r"(?P<arch>[a-z][a-z0-9_]*?)(?:_rwightman|_lc_swag|_swag|_timm)?-[0-9a-f]{8}\.pth"
)
_RECORD = re.compile(
    r"^(?P<folder>[^,\n]+)/(?:model\.safetensors|pytorch_model\.bin),[^,\n]*,\d{6,}$", re.MULTILINE
)
_NO_NAME = frozenset({"model", "models", "weights", "checkpoint", "checkpoints", "snapshot"})


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """Weights that were found, not tried."""

    # Under which a program finds them in SWARM_WEIGHTS.
    name: str
    kind: Kind
    # text, image, audio or any.
    modality: str
    # File or folder.
    path: str
    # What must be readable: a hub keeps the contents beside the folder.
    root: str
    # Bytes.
    size: int
    # Of the newest file.
    mtime_ns: int
    # Name of the architecture where loading needs one.
    arch: str = ""
    # Name of the weights inside a folder.
    file: str = ""
    # Path below SWARM_WEIGHTS where the libraries themselves look for it, "" when they know none.
    hub: str = ""


def standard_places(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the libraries keep weights: folders named in `environ` first, then the usual ones."""
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    torch_home = Path(environ.get("TORCH_HOME") or caches / "torch")
    hf_home = Path(environ.get("HF_HOME") or caches / "huggingface")
    named = map(environ.get, ("SWARM_WEIGHTS", "HF_HUB_CACHE", "SENTENCE_TRANSFORMERS_HOME"))
    usual = (
        hf_home / "hub",
        torch_home / "hub/checkpoints",
        torch_home / "sentence_transformers",
        Path("/opt/models"),
    )
    return (*map(Path, filter(None, named)), *usual)


def offline_environment(folder: Path | None) -> dict[str, str]:
    """Variables with which the libraries never reach for a network, and find by its own name what
    is linked below `hub` in the weights folder.
    """
    offline = {
        **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
        **dict.fromkeys(("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"), "1"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    if folder is None:
        return offline
    return {**offline, "HF_HUB_CACHE": str(folder / "hub"), "TORCH_HOME": str(folder)}


def scan(places: Iterable[Path], packages: Iterable[Path] = ()) -> tuple[WeightFiles, ...]:
    """Everything below `places` that looks like weights, each once, with distinct names; places
    that do not exist or cannot be read are passed over.

    packages: folders of installed packages (site-packages), whose records are searched for models.
    """
    found: dict[str, WeightFiles] = {}
    names: set[str] = set()
    carried = chain.from_iterable(map(_carried, packages))
    for place in (*places, *carried):
        for item in _items(place, _DEPTH):
            real = os.path.realpath(item.path)
            if real not in found:
                found[real] = replace(item, name=_distinct(item.name, names))
    return tuple(found.values())


def site_folders(interpreter: str) -> tuple[Path, ...]:
    """The site-packages of an interpreter, installed or in a virtual environment."""
    prefix = Path(interpreter).absolute().parent.parent
    return tuple(sorted(prefix.glob("lib/python3*/site-packages")))


def _carried(site: Path) -> Iterator[Path]:
    """Folders with a model inside installed packages, by what their records list."""
    for record in sorted(site.glob("*.dist-info/RECORD")):
        for match in _RECORD.finditer(record.read_text(encoding="utf-8", errors="replace")):
            yield site / match["folder"]


def _items(path: Path, depth: int) -> Iterator[WeightFiles]:
    try:
        item = _classify(path)
        if item is not None:
            yield item
        elif depth and path.is_dir():
            for child in sorted(path.iterdir())[:_ENTRIES]:
                yield from _items(child, depth - 1)
    # A broken link or a closed folder: nothing that a candidate could use.
    except OSError:
        return


def _classify(path: Path) -> WeightFiles | None:
    if path.is_file():
        return _single_file(path)
    if path.name.startswith("models--"):
        return _snapshot(path)
    if not path.is_dir():
        return None
    if (path / "modules.json").is_file():
        return _folder(path, "sentence-transformers", "text")
    weights = next((name for name in _FOLDER_WEIGHTS if (path / name).is_file()), None)
    settings = _json(path / "config.json")
    if weights is None or not settings:
        return None
    if "architecture" in settings:
        return replace(
            _folder(path, "timm", "image"), arch=str(settings["architecture"]), file=weights
        )
    if "model_type" in settings:
        return _folder(path, "transformers", _modality(path))
    return None


def _single_file(path: Path) -> WeightFiles | None:
    status = path.stat()
    if path.suffix not in _FILE_KINDS or status.st_size < _MIN_BYTES:
        return None
    kind = _FILE_KINDS[path.suffix]
    item = WeightFiles(
        _word(path.name), kind, "any", str(path), str(path), status.st_size, status.st_mtime_ns
    )
    match = _HUB_FILE.fullmatch(path.name)
    if match is None:
        return item
    return replace(
        item,
        kind="torchvision",
        modality="image",
        arch=match["arch"],
        hub=f"hub/checkpoints/{path.name}",
    )


def _snapshot(repository: Path) -> WeightFiles | None:
    """The current snapshot in a folder of the Hugging Face hub's cache."""
    for folder in _snapshot_folders(repository):
        item = _classify(folder)
        if item is not None:
            name = _word(repository.name.split("--")[-1])
            return replace(item, name=name, root=str(repository), hub=f"hub/{repository.name}")
    return None


def _snapshot_folders(repository: Path) -> Iterator[Path]:
    """The one that `main` names first."""
    reference, snapshots = repository / "refs" / "main", repository / "snapshots"
    if reference.is_file():
        yield snapshots / reference.read_text(encoding="utf-8").strip()
    if snapshots.is_dir():
        yield from sorted(snapshots.iterdir())


def _folder(path: Path, kind: Kind, modality: str) -> WeightFiles:
    size = changed = 0
    for entry in path.rglob("*"):
        if entry.is_file():
            status = entry.stat()
            size += status.st_size
            changed = max(changed, status.st_mtime_ns)
    name = path.name
    if name in _NO_NAME:
        name = path.parent.name
    return WeightFiles(_word(name), kind, modality, str(path), str(path), size, changed)


def _modality(path: Path) -> str:
    """What a transformers model reads, by its preprocessor."""
    settings = _json(path / "preprocessor_config.json")
    if "sampling_rate" in settings or "feature_size" in settings:
        return "audio"
    if settings:
        return "image"
    return "text"


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if isinstance(value, dict):
        return value
    return {}


def _word(name: str) -> str:
    """A name that is safe in a path and in a program's text."""
    return re.sub(r"[^\w.-]", "-", name).lstrip(".-")[-_NAME_CHARS:] or "weights"


def _distinct(name: str, taken: set[str]) -> str:
    stem, number = name, 1
    while name in taken or name == "hub":
        number += 1
        name = f"{number}-{stem}"
    taken.add(name)
    return name
