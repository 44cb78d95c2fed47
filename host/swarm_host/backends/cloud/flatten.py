"""The agent's Dockerfile put onto its base's Dockerfile: one file that needs no image of this machine.

`mlebench-env` is in no registry, so a service cannot build `FROM mlebench-env`. It can build the
base's own instructions and then the agent's. One stage each: they become one stage. More stages: the
base becomes a stage named `swarm-base`. Files of the contexts are told apart by a folder each.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from swarm_host.backends.cloud import ignore
from swarm_host.backends.cloud.dockerfile import (
    Copy,
    Dockerfile,
    Instruction,
    arg_default,
    command_words,
    copy_parts,
    from_parts,
    parse,
    quoted,
    single_args,
    substituted,
)
from swarm_host.backends.cloud.words import Staged
from swarm_host.errors import UsageError
from swarm_host.records import BuildConfig, Secret
from swarm_host.words.mle_bench import BASE_IMAGE, CHECKOUT

BASE_STAGE = "swarm-base"
# Folders of the contexts beside the one Dockerfile.
_OF_BASE, _OF_AGENT = "base", "agent"
# Where the base's Dockerfile lies below its context, in mle-bench and elsewhere.
_PLACES = ("environment/Dockerfile", "Dockerfile")
# ADD unpacks them.
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".tar.zst")


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


def needs_base(agent: Dockerfile, build_args: Mapping[str, str]) -> bool:
    """Whether one of its stages begins with mle-bench's base."""
    values = _global_values(agent, build_args)
    return any(_is_base(from_parts(one)[1], values) for one in agent.froms)


def _is_base(image: str, values: Mapping[str, str]) -> bool:
    return substituted(image, values).partition(":")[0] == BASE_IMAGE


def _global_values(file: Dockerfile, build_args: Mapping[str, str]) -> dict[str, str]:
    """Values of ARG before the first FROM, in their order: a later one may use an earlier one."""
    values: dict[str, str] = {}
    for one in (single for several in file.global_args for single in single_args(several)):
        name, default = arg_default(one)
        values[name] = build_args.get(name, substituted(default or "", values))
    return values


# ---------------------------------------------------------------- one file of two


def flatten(
    base: Dockerfile | None, agent: Dockerfile, build_args: Mapping[str, str]
) -> Dockerfile:
    """The one file. Sources of COPY and ADD have the name of their context before them.

    base: None when no stage of the agent begins with it. build_args: of the agent alone; they become
    the defaults of its ARG. Raises UsageError.
    """
    used = {name for name in build_args if name in _declared(agent)}
    if unknown := sorted(set(build_args) - used - _PREDEFINED):
        raise UsageError(f"build_args: no ARG is called {', '.join(unknown)}")
    mine = _with_defaults(agent, build_args)
    if base is None:
        return replace(mine, instructions=tuple(_moved(mine.instructions, _OF_AGENT, {}, 0)))
    values = _global_values(agent, build_args)
    directives = {**agent.directives, **base.directives}
    directives.pop("escape", None)
    single = len(base.froms) == 1 and len(agent.froms) == 1
    joined = _one_stage(base, mine) if single else _more_stages(base, mine, values)
    return Dockerfile(directives, tuple(joined))


# BuildKit has these without an ARG; as steps of the one file they need none.
_PROXIES = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy", "ftp_proxy"})
_PREDEFINED = _PROXIES | {name.upper() for name in _PROXIES}


def _declared(file: Dockerfile) -> set[str]:
    several = [one for one in file.instructions if one.word == "ARG"]
    return {arg_default(one)[0] for each in several for one in single_args(each)}


def _with_defaults(file: Dockerfile, build_args: Mapping[str, str]) -> Dockerfile:
    """What the command line of docker would give stands in the file itself, and ARG before FROM,
    which only FROM sees, is gone: its values stand where they are used.
    """
    values = _global_values(file, build_args)
    found: list[Instruction] = []
    for one in file.instructions[file.first_from :]:
        if one.word == "FROM":
            flags, image, name = from_parts(one)
            stage = f" AS {name}" if name else ""
            rest = f"{flags}{substituted(image, values)}{stage}"
            found.append(replace(one, rest=rest))
        elif one.word == "ARG":
            found += [_arg(single, build_args, values) for single in single_args(one)]
        else:
            found.append(one)
    return replace(file, instructions=tuple(found))


def _arg(one: Instruction, build_args: Mapping[str, str], values: Mapping[str, str]) -> Instruction:
    name, default = arg_default(one)
    if name in build_args:
        return replace(one, rest=f"{name}={quoted(build_args[name])}")
    if default is None and name in values:
        return replace(one, rest=f"{name}={quoted(values[name])}")
    return one


def _one_stage(base: Dockerfile, agent: Dockerfile) -> Iterator[Instruction]:
    """The base's instructions, then the agent's without its FROM."""
    triggers = []
    for one in _moved(base.instructions, _OF_BASE, {}, 0):
        if one.word == "ONBUILD":
            # What it holds is done by the agent's FROM, from the agent's context.
            word, _, rest = one.rest.partition(" ")
            triggers.append(Instruction(word.upper(), rest.strip()))
        else:
            yield one
    own = agent.instructions[agent.first_from + 1 :]
    yield from _moved([*triggers, *own], _OF_AGENT, {}, 0)


def _more_stages(
    base: Dockerfile, agent: Dockerfile, values: Mapping[str, str]
) -> Iterator[Instruction]:
    """All stages of the base with names of their own, then those of the agent."""
    names = _stage_names(base)
    last = len(base.froms) - 1
    renamed = {own: f"base-{own}" for own in names.values()}
    for number, own in names.items():
        renamed[str(number)] = f"base-{own}"
    stage = -1
    for one in _moved(base.instructions, _OF_BASE, renamed, 0):
        if one.word == "FROM":
            stage += 1
            flags, image, name = from_parts(one)
            own = BASE_STAGE
            if stage != last:
                own = f"base-{name or stage}"
            one = replace(one, rest=f"{flags}{renamed.get(image, image)} AS {own}")
        yield one
    for one in _moved(agent.instructions, _OF_AGENT, {}, len(base.froms)):
        if one.word == "FROM" and _is_base(from_parts(one)[1], values):
            flags, _, name = from_parts(one)
            named = f" AS {name}" if name else ""
            one = replace(one, rest=f"{flags}{BASE_STAGE}{named}")
        yield one


def _stage_names(file: Dockerfile) -> dict[int, str]:
    """The name of each stage; its number where it has none."""
    return {number: from_parts(one)[2] or str(number) for number, one in enumerate(file.froms)}


def _moved(
    instructions: Iterable[Instruction], folder: str, stages: Mapping[str, str], before: int
) -> Iterator[Instruction]:
    """With sources below `folder`, and stages called by their new names or numbers."""
    for one in instructions:
        if one.word not in ("COPY", "ADD") or one.heredoc:
            _refuse_bind(one)
            yield one
            continue
        parts = copy_parts(one)
        word = _word(one, parts)
        if parts.stage is not None:
            stage = stages.get(parts.stage, parts.stage)
            if stage.isdigit():
                stage = str(int(stage) + before)
            flags = [flag for flag in parts.flags if not flag.startswith("--from=")]
            yield replace(parts, flags=(f"--from={stage}", *flags)).written(one.word, one.before)
            continue
        sources = tuple(_below(source, folder) for source in parts.sources)
        yield replace(parts, sources=sources).written(word, one.before)


def _word(one: Instruction, parts: Copy) -> str:
    """COPY for what ADD only copies: the services upload only what COPY names."""
    if one.word == "COPY" or any(_is_remote(source) for source in parts.sources):
        return one.word
    if any(source.endswith(_ARCHIVES) for source in parts.sources):
        raise UsageError(f"ADD {one.flat()}: COPY the archive and unpack it by RUN tar -xf")
    return "COPY"


def _refuse_bind(one: Instruction) -> None:
    """Raises UsageError for a mount of the context, whose files no service would be given."""
    mounts = [flag for flag in one.flat().split() if flag.startswith("--mount=")]
    if one.word == "RUN" and any("type=bind" in m and "from=" not in m for m in mounts):
        raise UsageError(f"RUN {one.flat()[:80]}: COPY what the step needs instead of mounting it")


def _is_remote(source: str) -> bool:
    return "://" in source or source.startswith("git@")


def _below(source: str, folder: str) -> str:
    if _is_remote(source):
        return source
    if "$" in source:
        raise UsageError(
            f"COPY {source}: which files that are is not known before the build; write their names"
        )
    parts = [part for part in PurePosixPath("/" + source).parts[1:] if part != "."]
    if ".." in parts:
        raise UsageError(f"COPY {source}: leads out of the context")
    # A folder's content is meant whether it is called `x` or `x/`.
    return "/".join([folder, *parts]) + ("/" if source.endswith("/") and parts else "")


# ---------------------------------------------------------------- its files


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
    base = base_source(environ) if needs_base(file, arguments) else None
    if base is None and needs_base(file, arguments):
        raise UsageError(
            f"{agent.dockerfile} begins with {BASE_IMAGE}, which no registry has; set {CHECKOUT} to "
            "your checkout of mle-bench, or SWARM_HOST_BASE to the folder with its Dockerfile"
        )
    flat = flatten(base.read() if base else None, file, arguments)
    command = command_words(flat.last("CMD"))
    with TemporaryDirectory(prefix="swarm-host-") as name:
        folder = Path(name)
        if base is not None:
            _gather(base, flat, _OF_BASE, folder)
        _gather(agent, flat, _OF_AGENT, folder)
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
