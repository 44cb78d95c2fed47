"""Facts from the headers of a sample of files: image sizes, durations, text lengths."""

from __future__ import annotations

import contextlib
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

from core.records import FilesById
from core.task.folder.files_by_id import AUDIO, IMAGES, TEXTS
from core.task.folder.inventory import FoundFile
from utils.text import human_bytes
from utils.untrusted import one_line

_SAMPLED = 60
_TEXT_BYTES = 1 << 20
_TEXT_SHOWN = 160


def media_lines(data_dir: Path, place: FilesById, files: Sequence[FoundFile]) -> tuple[str, ...]:
    """One line or two for the files of the train rows, the same for those of the test rows."""
    lines: list[str] = []
    for part, folders in (("train", place.train_dirs), ("test", place.test_dirs)):
        own = [file for file in files if _inside(file, folders) and _is_record(file, place.suffix)]
        if own:
            facts = _facts(data_dir, own[:: max(1, len(own) // _SAMPLED)][:_SAMPLED])
            where = ", ".join(one_line(folder, 40) for folder in folders[:4])
            lines += [f"{part} ({where}): {len(own):,} files", *facts]
    return tuple(lines)


def _inside(file: FoundFile, folders: Sequence[str]) -> bool:
    return any(folder == "." or f"{file.folder}/".startswith(f"{folder}/") for folder in folders)


def _is_record(file: FoundFile, suffix: str) -> bool:
    known = IMAGES | AUDIO | TEXTS
    return file.suffix == suffix.lower() if suffix else file.suffix in known or file.depth > 0


def _facts(data_dir: Path, sampled: Sequence[FoundFile]) -> list[str]:
    suffix = Counter(file.suffix for file in sampled).most_common(1)[0][0]
    paths = [data_dir / file.path for file in sampled if file.suffix == suffix]
    size = f"about {human_bytes(median(file.size for file in sampled))} each"
    readers: tuple[tuple[frozenset[str], Callable[[list[Path]], str]], ...]
    readers = ((IMAGES, _images), (frozenset({".wav"}), _sounds), (TEXTS, _texts))
    found = next((read(paths) for suffixes, read in readers if suffix in suffixes), "")
    return [f"  {size}, {found}" if found else f"  {size}, {suffix or 'no extension'}"]


def _images(paths: list[Path]) -> str:
    headers = list(_image_headers(paths))
    if not headers:
        return f"{paths[0].suffix} (headers not read)"
    sizes = Counter((width, height) for width, height, _, _ in headers)
    modes = Counter(f"{kind} {mode}" for _, _, mode, kind in headers)
    widths, heights = [header[0] for header in headers], [header[1] for header in headers]
    span = f"{min(widths)}..{max(widths)} wide, {min(heights)}..{max(heights)} high, {len(sizes)} sizes"
    shown = f"{widths[0]}x{heights[0]} all" if len(sizes) == 1 else span
    unread = (
        f", {len(paths) - len(headers)} of {len(paths)} unreadable"
        if len(headers) < len(paths)
        else ""
    )
    return f"{shown} ({_counted(modes)}){unread}"


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
    found = list(_sound_headers(paths))
    if not found:
        return f"{paths[0].suffix} (headers not read)"
    kinds = Counter(
        f"{rate} Hz, {channels} channels, {8 * width} bit" for rate, channels, width, _ in found
    )
    seconds = sorted(length for *_, length in found)
    span = f"{seconds[0]:.2f}..{seconds[-1]:.2f} s, median {median(seconds):.2f} s"
    unread = (
        f", {len(paths) - len(found)} of {len(paths)} unreadable" if len(found) < len(paths) else ""
    )
    return f"{span} ({_counted(kinds)}){unread}"


def _sound_headers(paths: list[Path]) -> Iterator[tuple[int, int, int, float]]:
    """Rate, channels, bytes per value and seconds of each wav file that is one."""
    for path in paths:
        with (
            contextlib.suppress(OSError, wave.Error, EOFError),
            wave.open(str(path), "rb") as sound,
        ):
            rate = sound.getframerate()
            yield (
                rate,
                sound.getnchannels(),
                sound.getsampwidth(),
                sound.getnframes() / max(rate, 1),
            )


def _texts(paths: list[Path]) -> str:
    texts = [_start(path) for path in paths]
    counts = sorted(len(text) for text in texts)
    shown = one_line(texts[0], _TEXT_SHOWN)
    return f"{counts[0]}..{counts[-1]} characters, median {median(counts):.0f}; one begins: {shown}"


def _start(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(_TEXT_BYTES).decode("utf-8", errors="replace")


def _counted(kinds: Counter[str]) -> str:
    common = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return (
        common[0][0]
        if len(common) == 1
        else ", ".join(f"{count} {kind}" for kind, count in common[:3])
    )
