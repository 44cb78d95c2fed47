"""Mounts that would show an agent what it must not see, told before anything starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swarm_host.records import Mount, Problem, RunConfig
from swarm_host.words import places

# Data of mle-bench: <competition>/prepared/{public,private}.
_PREPARED, _PUBLIC, _PRIVATE = "prepared", "public", "private"
# Folders of a cache are few levels deep; a folder of images may hold a million files.
_DEEPEST = 8
_MOST_ENTRIES = 1_000_000
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock")

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Exposed:
    """Answers that a mount would show."""

    mount: Mount
    # Folder with the answers on the host, as it is reached through the mount's source.
    private: Path
    # The mount that shows only what an agent may see; None when the source is nothing but answers.
    narrower: Mount | None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A mount that is too large to be looked through."""

    mount: Mount


def exposed(mounts: Sequence[Mount], roots: Sequence[Path] = ()) -> list[Exposed | Unseen]:
    """What of answers the mounts would show, at most one finding for each competition and mount.

    A source is followed through links. Folders are known by what they are called and by what they
    are, so that a bind mount with another name is found: `roots` are data folders whose answers are
    known, and every mount tells of more.
    """
    known = _known([*roots, *(Path(mount.source) for mount in mounts)])
    found: list[Exposed | Unseen] = []
    for mount in mounts:
        found += _exposed_by(mount, known)
    return found


def _exposed_by(mount: Mount, known: Mapping[Identity, Path]) -> Iterator[Exposed | Unseen]:
    source = Path(mount.source)
    real = Path(os.path.realpath(source))
    for folder in (real, *real.parents):
        if _is_private(folder) or _identity(folder) in known:
            yield Exposed(mount, source, _public_of(mount, source, real, folder))
            return
    # Known answers are named even where there is too much to look at.
    found = [path for path in known.values() if path.is_relative_to(real)]
    yield from (_below_mount(mount, real, private) for private in found)
    if _is_public(real):
        return
    try:
        for private in _below(real, known):
            if private not in found:
                yield _below_mount(mount, real, private)
    except OverflowError:
        yield Unseen(mount)


def _below_mount(mount: Mount, real: Path, private: Path) -> Exposed:
    source, inside = Path(mount.source), private.relative_to(real)
    narrower = replace(
        mount,
        source=str(source / inside.parent / _PUBLIC),
        target=str(Path(mount.target) / inside.parent / _PUBLIC),
        read_only=True,
    )
    is_there = (private.parent / _PUBLIC).is_dir()
    return Exposed(mount, source / inside, narrower if is_there else None)


def _public_of(mount: Mount, source: Path, real: Path, private: Path) -> Mount | None:
    """The agent's folder beside the answers, where the mount is the answers' own folder."""
    if real != private or not _is_private(private):
        return None
    public = private.parent / _PUBLIC
    return replace(mount, source=str(public), read_only=True) if public.is_dir() else None


def _below(top: Path, known: Mapping[Identity, Path]) -> Iterator[Path]:
    """Folders with answers below one. Links inside are not followed: docker does not follow them
    either, it shows them, and they lead nowhere or to what is looked at anyway.

    Raises OverflowError when there is too much to look at.
    """
    seen = 0
    todo = [(top, 0)]
    while todo:
        folder, depth = todo.pop()
        for entry in _entries(folder):
            seen += 1
            if seen > _MOST_ENTRIES:
                raise OverflowError
            if not entry.is_dir(follow_symlinks=False):
                continue
            path = Path(entry.path)
            if _is_private(path) or (known and _identity(path) in known):
                yield path
            elif depth < _DEEPEST and not _is_public(path):
                todo.append((path, depth + 1))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """None for what is no folder, or is closed to us and so to everything that we start."""
    try:
        with os.scandir(folder) as listing:
            yield from listing
    except OSError:
        return


def _is_private(path: Path) -> bool:
    """mle-bench's own name; or `private` beside a `public` with a description, as other data have it."""
    if path.name != _PRIVATE:
        return False
    beside = path.parent / _PUBLIC / "description.md"
    return path.parent.name == _PREPARED or beside.exists()


def _is_public(path: Path) -> bool:
    return path.name == _PUBLIC and path.parent.name == _PREPARED


def _identity(path: Path) -> Identity | None:
    """What a folder is, however it is called."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _known(hints: Sequence[Path]) -> dict[Identity, Path]:
    """Answers beside or directly below folders of data. A bind mount of them has the same identity."""
    found: dict[Identity, Path] = {}
    for hint in hints:
        real = Path(os.path.realpath(hint))
        candidates = [real / _PREPARED / _PRIVATE, real.parent / _PRIVATE]
        candidates += [Path(entry.path) / _PREPARED / _PRIVATE for entry in _folders(real)]
        for candidate in filter(_is_private, candidates):
            identity = _identity(candidate)
            if identity is not None:
                found.setdefault(identity, candidate)
    return found


def answers_beside(mounts: Sequence[Mount]) -> list[Path]:
    """Folders with answers beside the sources of mounts, or directly below them. Links are resolved."""
    return list(_known([Path(mount.source) for mount in mounts]).values())


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]


def data_roots(environ: Mapping[str, str]) -> list[Path]:
    """Folders of this machine that hold competitions with their answers, as far as it is known."""
    home = places.home(environ)
    caches = [home / ".cache" / name for name in ("mlebench", "mle-bench")]
    caches.append(home / "Library" / "Caches" / "mle-bench")
    found = [places.pack_data(environ), places.mle_bench_data(environ)]
    for cache in caches:
        found += [cache / "data", cache]
    return list(dict.fromkeys(found))


def shows_private(run: RunConfig, environ: Mapping[str, str]) -> bool:
    """An agent of this run could read answers, or could make itself the master of the machine."""
    found = exposed(run.mounts, data_roots(environ))
    shown = any(isinstance(one, Exposed) for one in found)
    return shown or any(_is_socket(mount) for mount in run.mounts)


def problems(
    run: RunConfig, environ: Mapping[str, str], *, elsewhere: bool = False
) -> list[Problem]:
    """What is wrong or dangerous with the mounts of a run. `allow_private` turns a refusal into a
    warning.

    elsewhere: the sources are folders of another machine, which cannot be looked at.
    """
    found = _plain_faults(run.mounts, elsewhere) + answers(run, environ)
    if elsewhere and run.mounts:
        what = "the daemon is on another machine: mounts show folders of that one, unseen from here"
        cure = "see to it that they exist there and hold no answers"
        found.append(Problem(what, cure, refuses=False))
    dangerous = [mount for mount in run.mounts if _is_dangerous(mount, environ)]
    return found + [_warning(mount) for mount in dangerous]


def answers(run: RunConfig, environ: Mapping[str, str]) -> list[Problem]:
    """Those of `problems` that say that answers are shown, or may be."""
    found: list[Problem] = []
    said: set[Mount] = set()
    for one in exposed(run.mounts, data_roots(environ)):
        # One line for each mount: a whole cache holds dozens of competitions.
        if one.mount not in said:
            said.add(one.mount)
            found.append(_problem(one, run.allow_private, _competition(run)))
    return found


def _competition(run: RunConfig) -> str | None:
    name = run.env.get("COMPETITION_ID")
    return name if isinstance(name, str) else None


def _problem(one: Exposed | Unseen, allowed: bool, competition: str | None) -> Problem:
    shown = f"{one.mount.source} -> {one.mount.target}"
    if isinstance(one, Unseen):
        what = f"the mount {shown} holds too many files to see whether answers are among them"
        return Problem(what, "mount only the folder that the agent needs", refuses=False)
    what = f"the mount {shown} shows answers of a competition to the agent: {one.private}"
    if allowed:
        cure = "allowed by allow_private; the result is marked as isolation: open"
        return Problem(what, cure, refuses=False)
    narrower = _for_competition(one, competition)
    instead = f"mount {_short(narrower)} instead" if narrower else "leave it out"
    return Problem(what, f"{instead}; or set allow_private: true, which marks the result as open")


def _for_competition(one: Exposed, competition: str | None) -> Mount | None:
    """The narrower mount, of the run's own competition where the mount holds that."""
    if one.narrower is None or competition is None:
        return one.narrower
    parts = Path(one.narrower.source).relative_to(one.mount.source).parts
    for depth in range(len(parts)):
        inside = Path(*parts[:depth], competition, _PREPARED, _PUBLIC)
        if (Path(one.mount.source) / inside).is_dir():
            source, target = Path(one.mount.source) / inside, Path(one.mount.target) / inside
            return replace(one.narrower, source=str(source), target=str(target))
    return one.narrower


def _short(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}"


def _plain_faults(mounts: Sequence[Mount], elsewhere: bool) -> list[Problem]:
    found = []
    targets: set[str] = set()
    for mount in mounts:
        target = os.path.normpath(mount.target)
        # Path.exists raises for a name that is too long, or a folder that is closed to us.
        if not elsewhere and not os.path.exists(mount.source):  # noqa: PTH110
            cure = "make it, or correct the path: no backend makes it"
            what = f"the mount's source {mount.source} is not there"
            found.append(Problem(what, cure, may_come=True))
        if not target.startswith("/") or target == "/":
            cure = "give an absolute path inside the container"
            found.append(Problem(f"the mount's target {mount.target} is no place", cure))
        if target in targets:
            found.append(Problem(f"two mounts go to {target}", "leave one of them out"))
        targets.add(target)
    return found


def _is_socket(mount: Mount) -> bool:
    real = os.path.realpath(mount.source)
    sockets = [os.path.realpath(path) for path in _SOCKETS]
    named = Path(real).name in ("docker.sock", "podman.sock")
    return named or any(Path(socket).is_relative_to(real) for socket in sockets)


def _holds_kaggle(mount: Mount, environ: Mapping[str, str]) -> bool:
    place = Path(os.path.realpath(places.home(environ) / ".kaggle"))
    real = Path(os.path.realpath(mount.source))
    return real.is_relative_to(place) or (place.exists() and place.is_relative_to(real))


def _is_dangerous(mount: Mount, environ: Mapping[str, str]) -> bool:
    return _is_socket(mount) or _holds_kaggle(mount, environ)


def _warning(mount: Mount) -> Problem:
    what = "your Kaggle credentials"
    if _is_socket(mount):
        what = "the docker daemon, and with it this whole machine"
    return Problem(
        f"the mount {mount.source} -> {mount.target} gives the agent {what}",
        "leave it out unless the agent must have it; competitions are prepared on this side",
        refuses=False,
    )
