"""Finds pretrained weights on disk: model folders, caches of the hubs, single files, models that
packages carry.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

Kind = Literal[
    "sentence-transformers", "transformers", "timm", "torchvision", "safetensors", "state-dict"
]

_DEPTH = 3
_ENTRIES = 500
_MIN_BYTES = 100_000
_NAME_CHARS = 48
_FOLDER_WEIGHTS = tuple(
    f"{name}{end}"
    for name in ("model.safetensors", "pytorch_model.bin")
    for end in ("", ".index.json")
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
    """Weights that were seen, not tried. name: under which a program finds them in SWARM_WEIGHTS.
    path: file or folder.

    modality: text, image, audio or any. root: what must be readable (a hub keeps the contents
    beside the folder). size: bytes. arch: name of the architecture where loading needs one. file:
    name of the weights inside a folder. hub: path below SWARM_WEIGHTS where the libraries
    themselves look for it, "" when they know none.
    """

    name: str
    kind: Kind
    modality: str
    path: str
    root: str
    size: int
    mtime_ns: int
    arch: str = ""
    file: str = ""
    hub: str = ""


def standard_places(home: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the libraries keep weights: folders named in `environ` first, then the usual ones."""
    caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    torch_home = Path(environ.get("TORCH_HOME") or caches / "torch")
    hf_home = Path(environ.get("HF_HOME") or caches / "huggingface")
    named = [
        environ.get(name)
        for name in ("SWARM_WEIGHTS", "HF_HUB_CACHE", "SENTENCE_TRANSFORMERS_HOME")
    ]
    usual = (
        hf_home / "hub",
        torch_home / "hub/checkpoints",
        torch_home / "sentence_transformers",
        Path("/opt/models"),
    )
    return (*(Path(place) for place in named if place), *usual)


def offline_environment(folder: Path | None) -> dict[str, str]:
    """Variables with which the libraries never reach for a network, and find by its own name what
    is linked below `hub` in the weights folder.
    """
    offline = {
        **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
        **dict.fromkeys(("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"), "1"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    return (
        offline
        if folder is None
        else {**offline, "HF_HUB_CACHE": str(folder / "hub"), "TORCH_HOME": str(folder)}
    )


def scan(places: Iterable[Path], packages: Iterable[Path] = ()) -> tuple[WeightFiles, ...]:
    """Everything below `places` that looks like weights, each once, with distinct names; places
    that do not exist or cannot be read are passed over.

    packages: folders of installed packages (site-packages), whose records are searched for models.
    """
    found: dict[str, WeightFiles] = {}
    names: set[str] = set()
    for place in (*places, *(folder for site in packages for folder in _carried(site))):
        for item in _items(place, _DEPTH):
            real = os.path.realpath(item.path)
            if real not in found:
                found[real] = replace(item, name=_distinct(item.name, names))
    return tuple(found.values())


def site_folders(interpreter: str) -> tuple[Path, ...]:
    """The site-packages of an interpreter, by the layout of installations and virtual environments."""
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
    return _folder(path, "transformers", _modality(path)) if "model_type" in settings else None


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
    reference = repository / "refs" / "main"
    names = [reference.read_text(encoding="utf-8").strip()] if reference.is_file() else []
    snapshots = repository / "snapshots"
    names += sorted(path.name for path in snapshots.iterdir()) if snapshots.is_dir() else []
    item = next((item for name in names if (item := _classify(snapshots / name)) is not None), None)
    if item is None:
        return None
    name = _word(repository.name.split("--")[-1])
    return replace(item, name=name, root=str(repository), hub=f"hub/{repository.name}")


def _folder(path: Path, kind: Kind, modality: str) -> WeightFiles:
    statuses = [entry.stat() for entry in path.rglob("*") if entry.is_file()]
    size, changed = (
        sum(status.st_size for status in statuses),
        max(status.st_mtime_ns for status in statuses),
    )
    name = path.parent.name if path.name in _NO_NAME else path.name
    return WeightFiles(_word(name), kind, modality, str(path), str(path), size, changed)


def _modality(path: Path) -> str:
    """What a transformers model reads, by its preprocessor."""
    settings = _json(path / "preprocessor_config.json")
    if "sampling_rate" in settings or "feature_size" in settings:
        return "audio"
    return "image" if settings else "text"


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


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
