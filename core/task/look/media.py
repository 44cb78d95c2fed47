"""Facts from the headers of a sample of files: image sizes, durations, text lengths."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from core.records import FilesById
from core.task.folder.files_by_id import AUDIO, IMAGES, TEXTS
from core.task.folder.inventory import FoundFile
from core.task.look.files import commonest
from core.task.look.sounds import sound_header
from utils.text import human_bytes
from utils.untrusted import one_line

_SAMPLED = 60
_TEXT_BYTES = 1 << 20
_TEXT_SHOWN = 160
_TRIED, _TRIED_BYTES = 5, 4096


def media_lines(data_dir: Path, place: FilesById, files: Sequence[FoundFile]) -> tuple[str, ...]:
    """One line or two for the files of the train rows, the same for those of the test rows where
    they lie elsewhere.
    """
    lines: list[str] = []
    parts = [("train", place.train_dirs), ("test", place.test_dirs)]
    if set(place.train_dirs) == set(place.test_dirs):
        parts = [("train and test together", place.train_dirs)]
    for part, folders in parts:
        own = [file for file in files if _inside(file, folders) and _is_record(file, place.suffix)]
        if own:
            where = ", ".join(one_line(folder, 40) for folder in folders[:4])
            lines.append(f"{part} ({where}): {len(own):,} files")
            lines.append(_facts(data_dir, own[:: max(1, len(own) // _SAMPLED)][:_SAMPLED]))
    return tuple(lines)


def _inside(file: FoundFile, folders: Sequence[str]) -> bool:
    above = tuple(f"{folder}/" for folder in folders)
    return "." in folders or f"{file.folder}/".startswith(above)


def _is_record(file: FoundFile, suffix: str) -> bool:
    if suffix:
        return file.suffix == suffix.lower()
    return file.suffix in IMAGES | AUDIO | TEXTS or file.depth > 0


def _facts(data_dir: Path, sampled: Sequence[FoundFile]) -> str:
    """Sizes of the files, and what the commonest kind of them holds."""
    suffix = Counter(file.suffix for file in sampled).most_common(1)[0][0]
    paths = [data_dir / file.path for file in sampled if file.suffix == suffix]
    size = f"about {human_bytes(median(file.size for file in sampled))} each"
    shown = _contents(suffix, paths) or suffix or "no extension"
    return f"  {size}, {shown}; {len(paths)} looked at"


def _contents(suffix: str, paths: list[Path]) -> str:
    """What the files hold, "" where their kind is not known."""
    if suffix in IMAGES:
        return _images(paths)
    if suffix in AUDIO:
        return _sounds(paths)
    if suffix in TEXTS or all(map(_is_text, paths[:_TRIED])):
        return _texts(paths)
    return ""


def _is_text(path: Path) -> bool:
    """Whatever the extension says: a file without zeros that reads as text."""
    try:
        with path.open("rb") as stream:
            beginning = stream.read(_TRIED_BYTES)
        # A letter may be cut at the end.
        beginning[:-4].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return bool(beginning) and b"\0" not in beginning


def _images(paths: list[Path]) -> str:
    headers = list(_image_headers(paths))
    if not headers:
        return f"{paths[0].suffix} (headers not read)"
    widths, heights, modes, kinds = zip(*headers, strict=True)
    sizes = set(zip(widths, heights, strict=True))
    if len(sizes) == 1:
        shown = f"all {widths[0]}x{heights[0]}"
    else:
        wide, high = f"{min(widths)}..{max(widths)} wide", f"{min(heights)}..{max(heights)} high"
        shown = f"{wide}, {high}, {len(sizes)} sizes"
    formats = Counter(map("{} {}".format, kinds, modes))
    return f"{shown} ({_counted(formats)}){_unread(len(headers), len(paths))}"


def _unread(read: int, asked: int) -> str:
    return f", {asked - read} of {asked} unreadable" if read < asked else ""


def _image_headers(paths: list[Path]) -> Iterator[tuple[int, int, str, str]]:
    """Width, height, mode and format of each image that pillow can open; nothing is decoded."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return
    # Only headers are read: a slide of a gigapixel is no bomb here.
    Image.MAX_IMAGE_PIXELS = None
    for path in paths:
        with contextlib.suppress(
            OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError
        ):
            with Image.open(path) as image:
                yield image.width, image.height, image.mode, str(image.format)


def _sounds(paths: list[Path]) -> str:
    headers = [header for header in map(sound_header, paths) if header is not None]
    if not headers:
        return f"{paths[0].suffix} (headers not read)"
    kinds, seconds = zip(*headers, strict=True)
    span = f"{min(seconds):.2f}..{max(seconds):.2f} s, median {median(seconds):.2f} s"
    if min(seconds) == max(seconds):
        span = f"all {seconds[0]:.2f} s"
    return f"{span} ({_counted(Counter(kinds))}){_unread(len(headers), len(paths))}"


def _texts(paths: list[Path]) -> str:
    texts = list(map(_start, paths))
    counts = list(map(len, texts))
    span = f"{min(counts)}..{max(counts)} characters, median {median(counts):.0f}"
    return f"{span}; one begins: {one_line(texts[0], _TEXT_SHOWN)}"


def _start(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_TEXT_BYTES).decode("utf-8", errors="replace")


def _counted(kinds: Counter[str]) -> str:
    if len(kinds) == 1:
        return min(kinds)
    return ", ".join(f"{count} {kind}" for kind, count in commonest(kinds, 3))
