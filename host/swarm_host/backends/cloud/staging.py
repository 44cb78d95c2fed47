"""The folder of a build that needs no image of this machine: the one Dockerfile of flatten.py, and all
files that it copies.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from swarm_host.backends.cloud import flatten, ignore
from swarm_host.backends.cloud.dockerfile import Dockerfile, command_words, copy_parts, parse
from swarm_host.backends.cloud.words import Staged
from swarm_host.errors import UsageError
from swarm_host.records import BuildConfig, Secret
from swarm_host.words.mle_bench import BASE_IMAGE, CHECKOUT

# Where the base's Dockerfile lies below its context, in mle-bench and elsewhere.
_PLACES = ("environment/Dockerfile", "Dockerfile")


@dataclass(frozen=True, slots=True)
class BuildSource:
    """A Dockerfile and the folder that it copies from."""

    dockerfile: Path
    context: Path

    def read(self) -> Dockerfile:
        """Raises UsageError."""
        try:
            return parse(self.dockerfile.read_text(encoding="utf-8"), str(self.dockerfile))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the Dockerfile {self.dockerfile} cannot be read: {error}") from error


def agent_source(config: BuildConfig) -> BuildSource:
    return BuildSource(Path(config.context) / config.dockerfile, Path(config.context))


def base_source(environ: Mapping[str, str]) -> BuildSource | None:
    """The base of mle-bench: SWARM_HOST_BASE, or SWARM_HOST_MLE_BENCH. None: no such variable."""
    context = environ.get("SWARM_HOST_BASE") or environ.get(CHECKOUT)
    if not context:
        return None
    for place in _PLACES:
        if (Path(context) / place).is_file():
            return BuildSource(Path(context) / place, Path(context))
    raise UsageError(f"{context} has no {' and no '.join(_PLACES)}")


@contextmanager
def staged(
    config: BuildConfig, environ: Mapping[str, str], tail: Sequence[str] = ()
) -> Iterator[Staged]:
    """A folder with the one Dockerfile and all files that it copies, for as long as it is needed.

    tail: lines for its end. Raises UsageError.
    """
    agent = agent_source(config)
    arguments = plain_args(config)
    file = agent.read()
    base = base_source(environ) if flatten.needs_base(file, arguments) else None
    if base is None and flatten.needs_base(file, arguments):
        raise UsageError(
            f"{agent.dockerfile} begins with {BASE_IMAGE}, which no registry has; set {CHECKOUT} to "
            "your checkout of mle-bench, or SWARM_HOST_BASE to the folder with its Dockerfile"
        )
    flat = flatten.flatten(base.read() if base else None, file, arguments)
    command = command_words(flat.last("CMD"))
    with TemporaryDirectory(prefix="swarm-host-") as name:
        folder = Path(name)
        if base is not None:
            _gather(base, flat, flatten.OF_BASE, folder)
        _gather(agent, flat, flatten.OF_AGENT, folder)
        text = flat.text + "".join(f"{line}\n" for line in tail)
        (folder / "Dockerfile").write_text(text, encoding="utf-8")
        yield Staged(folder, command)


def plain_args(config: BuildConfig) -> dict[str, str]:
    """Build arguments by value. Raises UsageError for secrets: the service stores the Dockerfile."""
    secret = sorted(name for name, value in config.build_args.items() if isinstance(value, Secret))
    if secret:
        raise UsageError(
            f"build_args: {', '.join(secret)}: a secret would stand in the Dockerfile that the "
            "service keeps; hand it over by env at run time"
        )
    return {name: str(value) for name, value in config.build_args.items()}


def _gather(source: BuildSource, file: Dockerfile, name: str, folder: Path) -> None:
    """Only what COPY and ADD name, without what .dockerignore keeps out."""
    ignored = ignore.parse(_ignore_lines(source))
    (folder / name).mkdir()
    for one in file.instructions:
        if one.word not in ("COPY", "ADD") or one.heredoc:
            continue
        parts = copy_parts(one)
        for wanted in parts.sources if parts.stage is None else ():
            if wanted == name or wanted.startswith(f"{name}/"):
                inside = wanted.removeprefix(name).strip("/")
                _gather_one(source.context, inside, ignored, folder / name)


def _ignore_lines(source: BuildSource) -> list[str]:
    for path in (Path(f"{source.dockerfile}.dockerignore"), source.context / ".dockerignore"):
        if path.is_file():
            return path.read_text(encoding="utf-8").splitlines()
    return []


def _gather_one(context: Path, inside: str, ignored: ignore.Ignored, target: Path) -> None:
    if not inside:
        _copy_below(context, context, ignored, target)
        return
    found = sorted(context.glob(inside))
    if not found:
        raise UsageError(f"COPY {inside}: {context} has no such file")
    for path in found:
        _copy_below(context, path, ignored, target)


def _copy_below(context: Path, path: Path, ignored: ignore.Ignored, target: Path) -> None:
    """One file, or all files of a folder; links stay links."""
    place = target / path.relative_to(context)
    keeps_out = path != context and path.relative_to(context).as_posix() in ignored
    if path.is_dir() and not path.is_symlink():
        # A later pattern may let in what lies below.
        if not keeps_out:
            place.mkdir(parents=True, exist_ok=True)
        for entry in sorted(path.iterdir()):
            _copy_below(context, entry, ignored, target)
        return
    if keeps_out:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        if not place.is_symlink():
            place.symlink_to(path.readlink())
    elif path.is_file():
        shutil.copy2(path, place)
