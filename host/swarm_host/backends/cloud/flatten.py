"""The agent's Dockerfile put onto its base's Dockerfile: one file that needs no image of this machine.

`mlebench-env` is in no registry, so a service cannot build `FROM mlebench-env`. It can build the
base's own instructions and then the agent's. One stage each: they become one stage. More stages: the
base becomes a stage named `swarm-base`. Files of the contexts are told apart by a folder each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from swarm_host.backends.cloud.dockerfile import (
    Copy,
    Dockerfile,
    Instruction,
    arg_default,
    copy_parts,
    from_parts,
    quoted,
    single_args,
    substituted,
)
from swarm_host.errors import UsageError
from swarm_host.words.mle_bench import BASE_IMAGE

BASE_STAGE = "swarm-base"
# Folders of the contexts beside the one Dockerfile.
OF_BASE, OF_AGENT = "base", "agent"
# ADD unpacks them.
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz", ".tar.zst")


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
        return replace(mine, instructions=tuple(_moved(mine.instructions, OF_AGENT, {}, 0)))
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
    for one in _moved(base.instructions, OF_BASE, {}, 0):
        if one.word == "ONBUILD":
            # What it holds is done by the agent's FROM, from the agent's context.
            word, _, rest = one.rest.partition(" ")
            triggers.append(Instruction(word.upper(), rest.strip()))
        else:
            yield one
    own = agent.instructions[agent.first_from + 1 :]
    yield from _moved([*triggers, *own], OF_AGENT, {}, 0)


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
    for one in _moved(base.instructions, OF_BASE, renamed, 0):
        if one.word == "FROM":
            stage += 1
            flags, image, name = from_parts(one)
            own = BASE_STAGE
            if stage != last:
                own = f"base-{name or stage}"
            one = replace(one, rest=f"{flags}{renamed.get(image, image)} AS {own}")
        yield one
    for one in _moved(agent.instructions, OF_AGENT, {}, len(base.froms)):
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
