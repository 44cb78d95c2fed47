"""doctor, agents and competitions: what this machine can run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from swarm_host.backends.table import MAKERS
from swarm_host.cli.statuses import FAILED, NOT_RUN, OK, WRONG_USE, complain
from swarm_host.cli.tables import picked, print_json, print_pairs, print_table
from swarm_host.errors import HostError, NotHere, UnknownName, UsageError
from swarm_host.protocols import Source
from swarm_host.records import Competition
from swarm_host.sources.sets import competition_set
from swarm_host.words.mle_bench import CHECKOUT
from swarm_host.words.names import known_name
from swarm_host.words.places import home, mle_bench_data, pack_data, runs_folder

if TYPE_CHECKING:
    from swarm_host.agents.registry import Agents


def doctor(options: Namespace, environ: Mapping[str, str]) -> int:
    from swarm_host.doctor.facts import gather
    from swarm_host.doctor.judge import examine, is_well

    if options.backend is not None:
        known_name(options.backend, MAKERS, "backend")
    runs = runs_folder(options.runs, environ)
    pack, mlebench, images = pack_data(environ), mle_bench_data(environ), _images(environ)
    found = examine(gather(runs, environ, home(environ), pack, mlebench, images), options.backend)
    if options.json:
        print_json({"well": is_well(found), "findings": found})
    else:
        print_table(("", "what", "says"), [(one.level, one.what, one.says) for one in found])
        for one in found:
            if one.level != "ok":
                print(f"\n{one.what}: {one.says}\n  cure: {one.cure}", end="")
        print()
    return OK if is_well(found) else FAILED


def _images(environ: Mapping[str, str]) -> dict[str, str]:
    """Image of each agent that has one. None is known where nothing reads YAML: a finding says so."""
    try:
        listed = known_agents(environ).listed()
    except ModuleNotFoundError:
        return {}
    return {one.agent_id: one.image for one in listed if one.image}


# ---------------------------------------------------------------- agents


def known_agents(environ: Mapping[str, str]) -> Agents:
    """Raises ModuleNotFoundError on a machine without PyYAML, where the doctor runs all the same."""
    from swarm_host.agents.registry import Agents

    checkout = environ.get(CHECKOUT)
    return Agents(checkout=Path(checkout) if checkout else None)


def agents(options: Namespace, environ: Mapping[str, str]) -> int:
    if options.action == "install":
        return _install(options)
    known = known_agents(environ)
    if options.action == "show":
        facts = known.find(options.name).facts()
        if options.json:
            print_json(facts)
        else:
            print_pairs(facts.items())
        return OK
    listed = [agent.facts() for agent in known.listed()]
    if options.json:
        print_json({"agents": listed, "problems": known.problems})
        return OK
    titles = ("id", "about", "refusal")
    print_table(titles, picked(listed, titles))
    for problem in known.problems:
        print(f"warning: {problem}")
    return OK


def _install(options: Namespace) -> int:
    from swarm_host.agents.install import install

    done = install(options.into)
    if options.json:
        print_json({"folder": str(done.folder), "files": done.files, "message": done.message})
    else:
        print(done.message)
    return OK


# ---------------------------------------------------------------- competitions


def competitions(options: Namespace, environ: Mapping[str, str]) -> int:
    from swarm_host.launch.bench import bench

    runs = runs_folder(options.runs, environ)
    name, root = options.source, options.source_root
    with bench(runs, environ, _no_id) as work:
        source = work.sources(name, root)
        if options.action == "prepare":
            return _prepare(source, options.names, options.json)
        names = list(source.names())
        folder = str(root or work.sources.root(name))
    if options.json:
        print_json({"source": name, "folder": folder, "names": names})
        return OK
    print(f"{name}, in {folder}:")
    for one in names:
        print(one)
    return OK


def _prepare(source: Source, names: Sequence[str], as_json: bool) -> int:
    """Each of them, also after one that fails."""
    done: list[Competition] = []
    failed: list[HostError] = []
    for name in _wanted(source, names):
        try:
            done.append(source.prepare(name))
        except HostError as error:
            failed.append(error)
            continue
        if not as_json:
            print(f"{name}: {done[-1].public}", flush=True)
    if as_json:
        print_json({"ready": done, "error": [str(fault) for fault in failed]})
    for fault in failed:
        word = "NOT RUN" if isinstance(fault, NotHere) else "error"
        complain(str(fault), as_json=False, word=word)
    return _status_of(failed, bool(done))


def _status_of(failed: Sequence[HostError], any_done: bool) -> int:
    """When nothing was made, the status says whose fault it is."""
    if not failed:
        return OK
    if any_done or not all(isinstance(fault, UsageError) for fault in failed):
        return FAILED
    nothing_here = all(isinstance(fault, NotHere) for fault in failed)
    return NOT_RUN if nothing_here else WRONG_USE


def _wanted(source: Source, names: Sequence[str]) -> Sequence[str]:
    """Names of competitions, or those of one set."""
    if len(names) != 1:
        return names
    try:
        of_set = competition_set(names[0])
    except UnknownName:
        # The source says which names are near.
        return names
    return names if names[0] in source.names() else of_set


def _no_id() -> str:
    raise AssertionError("nothing is started here")
