"""Texts as unit vectors: by an embedding model in a worker process, or by hashed words where there
is none.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import math
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from utils.embedding_cache import VectorCache
from utils.embedding_hashing import all_hashed
from utils.errors import WorkerError
from utils.process import WorkerProcess

_log = logging.getLogger(__name__)

# Characters of a text that count.
MAX_CHARS = 4000
# Texts in one request. Long ones take a large model ten seconds each on two cores, and a request
# has a time limit.
_AT_A_TIME = 16
_WEIGHTS = frozenset({".safetensors", ".bin"})
_SETTINGS = frozenset({".json", ".txt", ".model"})
_SAMPLE = 64 << 10
# Part of every key of the cache: changes with whatever else changes the vectors of a text.
_FORMAT = "1"
_NO_WEIGHTS = "no weights there"

Vector = tuple[float, ...]


class CodeEmbeddingManager:
    """Unit vectors of texts, by the sentence-transformers model in a folder, kept in a file.

    The worker starts with the first text that the cache lacks. What makes the model unusable (no
    weights, no library, a worker that dies, hangs or answers nonsense) is said in one log line, and
    from then on this object hashes words; such vectors are never kept. One answer is of one kind.
    Two answers can be compared when `fallback` was None after both or after neither.

    Safe to use from several threads: calls go one at a time.
    """

    def __init__(
        self,
        model_path: Path,
        cache: Path,
        log: Path | None = None,
        *,
        timeout: float = 300.0,
        stop: int | None = None,
        worker: WorkerProcess | None = None,
    ) -> None:
        """model_path: the model's folder; it need not exist. cache: the file of known vectors,
        which several models and processes may share. log: takes the worker's stderr.

        timeout: seconds for 16 texts, loading the model included. stop: see WorkerProcess. worker:
        a process that runs utils.embedding_worker, closed with this object; one is made when it is
        None. Nothing is read or started.
        """
        self._model_path = model_path.absolute()
        self._cache = VectorCache(cache)
        self._timeout = timeout
        self._worker = worker or WorkerProcess("utils.embedding_worker", log=log, stop=stop)
        self._lock = threading.Lock()
        self._identity: str | None = None
        self._fallback: str | None = None
        self._said = False
        self._answered = False

    @property
    def fallback(self) -> str | None:
        """Why words are hashed; None as long as the model answers."""
        return self._fallback

    @property
    def answered(self) -> bool:
        """True once the model made or found the vectors of a text."""
        return self._answered

    def look(self) -> None:
        """Falls back now where the folder holds no model, rather than with the first text."""
        with self._lock:
            if self._fallback is None and self._known_identity() is None:
                self._give_up(_NO_WEIGHTS)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector of length 1 per text, in order; only the first MAX_CHARS characters count.
        Raises Interrupted.
        """
        cut = list(map(_clean, texts))
        with self._lock:
            if cut and self._fallback is None:
                try:
                    return self._by_model(cut)
                except WorkerError as error:
                    self._give_up(" ".join(str(error).split())[:300])
        return all_hashed(cut)

    def close(self) -> None:
        """Ends the worker after the call that is under way; the next text that the cache lacks
        starts a new one.
        """
        self._worker.close()

    def __enter__(self) -> CodeEmbeddingManager:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _by_model(self, texts: Sequence[str]) -> list[list[float]]:
        """Raises WorkerError when the model cannot be used."""
        identity = self._known_identity()
        if identity is None:
            raise WorkerError(_NO_WEIGHTS)
        keyed = {text: _key(identity, text) for text in texts}
        vectors = self._vectors({key: text for text, key in keyed.items()})
        self._answered = True
        return [list(vectors[keyed[text]]) for text in texts]

    def _known_identity(self) -> str | None:
        self._identity = self._identity or model_identity(self._model_path)
        return self._identity

    def _vectors(self, texts: Mapping[bytes, str]) -> dict[bytes, Vector]:
        """By key, from the cache and the worker. Raises WorkerError."""
        known: dict[bytes, Vector] = {}
        for key, blob in self._cache.get(texts).items():
            unit = unit_vector(blob)
            if unit is not None:
                known[key] = unit
        known |= self._ask({key: text for key, text in texts.items() if key not in known})
        if _lengths(known) > 1:
            # The cache holds what this model never gave.
            known = self._ask(texts)
        if _lengths(known) > 1:
            raise WorkerError("vectors of different lengths")
        return known

    def _ask(self, texts: Mapping[bytes, str]) -> dict[bytes, Vector]:
        """By key, from the worker, and kept. Raises WorkerError."""
        found: dict[bytes, Vector] = {}
        for part in _parts(texts):
            blobs = self._answer([text for _, text in part])
            units = list(map(unit_vector, blobs))
            if len(units) != len(part) or not all(units):
                raise WorkerError(f"{len(part)} texts, but {sum(map(bool, units))} proper vectors")
            fresh = dict(zip(dict(part), blobs, strict=True))
            self._cache.put(fresh)
            found |= {key: unit for key, unit in zip(fresh, units, strict=True) if unit}
        return found

    def _answer(self, texts: list[str]) -> list[bytes]:
        """The worker's vectors as bytes. Raises WorkerError, also where it cannot be started or
        answers nonsense.
        """
        try:
            answer = self._worker.call(
                "embed", timeout=self._timeout, model=str(self._model_path), texts=texts
            )
            blobs = [base64.b64decode(text, validate=True) for text in answer["vectors"]]
            device = str(answer["device"])
        except (OSError, LookupError, TypeError, ValueError) as error:
            raise WorkerError(f"{type(error).__name__}: {error}") from error
        if not self._said:
            _log.info("embeddings: the model at %s, on %s", self._model_path, device)
            self._said = True
        return blobs

    def _give_up(self, why: str) -> None:
        self._fallback = why
        _log.warning(
            "embeddings: hashed words instead of the model at %s: %s", self._model_path, why
        )
        self._worker.close()


def unit_vector(blob: bytes) -> Vector | None:
    """The float32 numbers (little endian) in `blob`; None unless they are a vector of length 1."""
    if not blob or len(blob) % 4:
        return None
    numbers = struct.unpack(f"<{len(blob) // 4}f", blob)
    if abs(math.hypot(*numbers) - 1) < 1e-3:
        return numbers
    # Also where one is not a number.
    return None


def model_identity(folder: Path) -> str | None:
    """A digest of what makes the model in a folder, wherever that lies: names and sizes of its
    files, the content of small ones and samples of large ones. None when the folder holds no
    weights or no settings.
    """
    try:
        files = sorted(_model_files(folder))
        endings = {path.suffix for path in files}
        if endings.isdisjoint(_WEIGHTS) or ".json" not in endings:
            return None
        digest = hashlib.sha256()
        for path in files:
            digest.update(
                f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode(errors="replace")
            )
            for sample in _samples(path):
                digest.update(sample)
    except OSError:
        return None
    return digest.hexdigest()


def _model_files(folder: Path) -> Iterator[Path]:
    """Weights and settings in the folder and its sub-folders, such as 1_Pooling."""
    for path in (*folder.glob("*"), *folder.glob("*/*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in _WEIGHTS | _SETTINGS and not hidden and path.is_file():
            yield path


def _samples(path: Path) -> Iterator[bytes]:
    """The beginning, the middle and the end: all of a small file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for start in (0, size // 2, size - _SAMPLE):
            file.seek(max(start, 0))
            yield file.read(_SAMPLE)


def _clean(text: str) -> str:
    """What tokenizers take: no lone halves of characters, not too long."""
    return text[:MAX_CHARS].encode(errors="replace").decode()


def _key(identity: str, text: str) -> bytes:
    return hashlib.sha256(f"{_FORMAT}\0{identity}\0{text}".encode()).digest()


def _lengths(vectors: Mapping[bytes, Vector]) -> int:
    return len(set(map(len, vectors.values())))


def _parts(texts: Mapping[bytes, str]) -> Iterator[list[tuple[bytes, str]]]:
    """Texts of like length together: a model pads each to the longest."""
    items = sorted(texts.items(), key=lambda item: len(item[1]))
    return (items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME))
