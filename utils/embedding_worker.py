"""Turns texts into vectors with sentence-transformers, on the GPU where there is one. Runs in a
worker process.

It never reaches for a network, and computes on as many threads as cores are granted.
"""

from __future__ import annotations

import base64
import os
import traceback
from typing import Any

from utils.hardware import usable_cpus
from utils.process import serve

# Both bound the memory of one batch: attention grows with texts x tokens x tokens.
_BATCH = 16
_MAX_TOKENS = 1024


class Embedder:
    """Keeps the model that was asked for last."""

    def __init__(self) -> None:
        self._path = ""
        self._model: Any = None
        self._cpu_only = False

    def embed(self, model: str, texts: list[str]) -> dict[str, Any]:
        """vectors: per text float32, little endian, in base64. device: where they were computed.

        model: folder. Texts beyond the model's length, or beyond _MAX_TOKENS, are cut by it.
        """
        try:
            vectors = self._encode(model, texts)
        except RuntimeError:
            if self._cpu_only:
                raise
            # A candidate's program may hold the GPU's memory.
            traceback.print_exc()
            self._cpu_only, self._model = True, None
            vectors = self._encode(model, texts)
        return {"vectors": vectors, "device": str(self._model.device)}

    def _encode(self, path: str, texts: list[str]) -> list[str]:
        import numpy as np

        if self._model is None or path != self._path:
            self._model, self._path = self._loaded(path), path
        found = self._model.encode(
            texts, batch_size=_BATCH, show_progress_bar=False, convert_to_numpy=True
        )
        rows = np.asarray(found, dtype="<f4")
        # Here and not by the library: half-precision models would give lengths that are 1 only
        # roughly.
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return [base64.b64encode(row.tobytes()).decode() for row in rows]

    def _loaded(self, path: str) -> Any:
        import torch
        from sentence_transformers import SentenceTransformer

        self._cpu_only = self._cpu_only or not torch.cuda.is_available()
        model = SentenceTransformer(path, device="cpu" if self._cpu_only else "cuda")
        limit = getattr(model, "max_seq_length", None)
        if isinstance(limit, int) and limit > _MAX_TOKENS:
            model.max_seq_length = _MAX_TOKENS
        return model


def settle(cores: int) -> None:
    """Sets the variables that the libraries read when they are imported."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    yes = (
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_HUB_DISABLE_TELEMETRY",
        "HF_HUB_DISABLE_PROGRESS_BARS",
    )
    no = {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
    os.environ.update(
        dict.fromkeys(threads, str(cores)) | dict.fromkeys((*yes, "DO_NOT_TRACK"), "1") | no
    )


if __name__ == "__main__":
    settle(len(usable_cpus()))
    serve({"embed": Embedder().embed})
