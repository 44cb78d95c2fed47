"""Fetches the embedding model: the files that sentence-transformers reads, and no others.

An interrupted download goes on where it stopped when the same command is given again (with the
image's huggingface_hub; 1.0 and later begin a half-done file anew). HF_ENDPOINT names another host
than the hub's own. The target is --to, else MODEL_SAVE_PATH, else ./embedding-models/bge-m3.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

MODEL = "BAAI/bge-m3"
TARGET = "embedding-models/bge-m3"
WITHOUT_HUB = "; without the hub: --from DIR copies one, --model none (image: EMBEDDING_MODEL=none) does without"

# Sentence-transformers keeps one folder per module, such as 1_Pooling; everything else below the
# top is another format.
_FOLDER = re.compile(r"\.|\d+_\w+")
_SAFE = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
_TORCH = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?")
_INDEX = ".index.json"
_TEXT = (".json", ".txt", ".model")


def needed(names: Iterable[str]) -> list[str]:
    """The files of a model folder or repository that inference reads: settings, tokenizer, modules,
    one set of weights.

    Weights are taken as safetensors where a folder has them, else as torch files. Raises ValueError
    when the names are no complete model.
    """
    paths = [
        PurePosixPath(name) for name in names if _FOLDER.fullmatch(str(PurePosixPath(name).parent))
    ]
    safe = {path.parent for path in paths if _SAFE.fullmatch(path.name)}
    weights = [
        path for path in paths if (_SAFE if path.parent in safe else _TORCH).fullmatch(path.name)
    ]
    settings = [path for path in paths if path.suffix in _TEXT and not path.name.endswith(_INDEX)]
    if not any(path.suffix != ".json" for path in weights) or not any(
        path.name == "config.json" for path in settings
    ):
        raise ValueError("no config.json with weights beside it")
    return sorted(map(str, {*weights, *settings}))


def download(model: str, target: Path) -> list[str]:
    """Fetches a model from the hub. Raises whatever the hub's client raises."""
    from huggingface_hub import HfApi, snapshot_download

    names = needed(HfApi().list_repo_files(model))
    snapshot_download(model, allow_patterns=names, local_dir=target)
    return names


def copy(source: Path, target: Path) -> list[str]:
    """Copies a model from a folder; links become files, and a file that is there in full is not
    copied again.
    """
    names = needed(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file())
    for name in names:
        old, new = source / name, target / name
        if new.is_file() and new.stat().st_size == old.stat().st_size:
            continue
        new.parent.mkdir(parents=True, exist_ok=True)
        part = new.with_name(f"{new.name}.part")
        shutil.copyfile(old, part)
        part.replace(new)
    return names


def fetch(what: str, get: Callable[[], list[str]], target: Path, hint: str = "") -> int:
    """Runs `get` and says how it went in one line, with the hint when it failed; returns the exit
    status.
    """
    try:
        names = get()
        size = sum((target / name).stat().st_size for name in names)
    except ImportError as error:
        return fail(f"cannot get {what}: {error}{hint}")
    # The hub's client raises errors of the HTTP library under it, which differ between its
    # versions.
    except Exception as error:
        return fail(
            f"cannot get {what}: {type(error).__name__}: {' '.join(str(error).split())[:200]}{hint}"
        )
    print(f"{what}: {len(names)} files, {size / 1e6:.1f} MB in {target}")
    return 0


def fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def main() -> int:
    # Set but empty, as an unused build argument may be, would be taken for an address.
    if not os.environ.get("HF_ENDPOINT"):
        os.environ.pop("HF_ENDPOINT", None)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default=MODEL, help=f"name on the hub (default {MODEL}); none: fetch nothing"
    )
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="DIR", help="copy from this folder, no network"
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", default=Path(os.environ.get("MODEL_SAVE_PATH") or TARGET)
    )
    options = parser.parse_args()
    if options.source is not None:
        return fetch(str(options.source), lambda: copy(options.source, options.to), options.to)
    if options.model in ("", "none"):
        print("no embedding model is fetched")
        return 0
    return fetch(
        options.model, lambda: download(options.model, options.to), options.to, WITHOUT_HUB
    )


if __name__ == "__main__":
    sys.exit(main())
