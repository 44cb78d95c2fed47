"""A stand-in for the embedding library, put on PYTHONPATH: it counts letters, and fails as the
model's folder says.
"""

from __future__ import annotations

import json
from pathlib import Path

LIBRARY = """
import json, os, sys, time
from pathlib import Path
import numpy as np

class SentenceTransformer:
    max_seq_length = 8192

    def __init__(self, path, device):
        self.device, self._path = device, Path(path)
        self._fault = json.loads((self._path / "config.json").read_text())["fault"]
        if self._fault == "no gpu memory" and device == "cuda":
            raise RuntimeError("CUDA out of memory")

    def encode(self, texts, batch_size, show_progress_bar, convert_to_numpy):
        print("a library that talks on its output", flush=True)
        told = {"pid": os.getpid(), "texts": texts, "limit": self.max_seq_length, "environ": dict(os.environ)}
        with (self._path / "calls").open("a") as file:
            file.write(json.dumps(told) + "\\n")
        if self._fault == "dies" or "DIE" in texts:
            os._exit(7)
        if self._fault == "hangs":
            time.sleep(600)
        if self._fault == "leaves":
            sys.exit(0)
        rows = np.zeros((len(texts), 8), "float64")
        for row, text in zip(rows, texts):
            row[0] = 3
            for letter in text:
                row[1 + ord(letter) % 7] += 1
        if self._fault == "few":
            return rows[:-1]
        if self._fault == "flat":
            return rows[0]
        if self._fault == "zero":
            return rows * 0
        if self._fault == "not a number":
            rows[-1, 0] = float("nan")
        if self._fault == "uneven":
            return rows[:, : 4 + len(texts[0]) // 12]
        return rows
"""
TORCH = "class cuda:\n    is_available = staticmethod(lambda: {gpu})\n"


def make_library(folder: Path) -> Path:
    """A folder for PYTHONPATH with both packages."""
    folder.mkdir()
    (folder / "sentence_transformers.py").write_text(LIBRARY)
    (folder / "torch.py").write_text(TORCH.format(gpu=False))
    return folder


def make_model(folder: Path, fault: str = "") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"fault": fault}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def calls(model: Path) -> list[dict[str, object]]:
    """What the library was asked for so far, one entry per batch."""
    path = model / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
