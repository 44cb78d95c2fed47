"""cancel, retry, regrade, clean, worker and reindex: what changes units that are there."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swarm_host.cli.finding import find_groups, find_units, opened
from swarm_host.cli.placing import placement_of
from swarm_host.cli.run_file import display_of_many, how_to_go_on, new_hex, print_end, refuse
from swarm_host.cli.statuses import FAILED, OK
from swarm_host.cli.tables import print_json
from swarm_host.engines.table import engine_of, engine_problems
from swarm_host.errors import GradingFailed, HostError, UsageError
from swarm_host.groups import regrading, run_folder
from swarm_host.groups.manager import Manners
from swarm_host.launch import facts, leading
from swarm_host.launch.bench import bench
from swarm_host.life.outcomes import outcome_of_row
from swarm_host.records import Handle, UnitRow
from swarm_host.spec.matrix_keys import Placement
from swarm_host.states import FINAL, LIVE
from swarm_host.store import owners
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.places import runs_folder


def _bench(options: Namespace, environ: Mapping[str, str]) -> Any:
    return bench(runs_folder(options.runs, environ), environ, new_hex)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- cancel


def cancel(options: Namespace, environ: Mapping[str, str]) -> int:
    """Units that nobody follows are stopped here; the others by who follows them."""
    with opened(options, environ) as store, _bench(options, environ) as work:
        wanted = [row for row in find_units(store, options.names) if row.state not in FINAL]
        for row in wanted:
            store.ask_cancel(row.spec.unit_id, options.reason)
        rows = [store.unit(row.spec.unit_id) for row in wanted]
        left = [row for row in rows if row.state in LIVE and not is_followed(store, row)]
        leading.finish_units(store, work, [row.spec.unit_id for row in left])
        rows = [store.unit(row.spec.unit_id) for row in wanted]
        _write_folders(store, {row.spec.group for row in rows})
    said = {row.spec.unit_id: _after_cancel(row) for row in rows}
    if options.json:
        print_json(said)
        return OK
    for unit, text in said.items():
        print(f"{unit}: {text}")
    if not said:
        print("nothing to cancel: all of them have ended")
    return OK


def _after_cancel(row: UnitRow) -> str:
    if row.state in FINAL:
        return str(outcome_of_row(row))
    return "asked for; the process that follows it stops it"


def is_followed(store: SqliteStore, row: UnitRow) -> bool:
    """A process leads it now, as far as can be known."""
    if row.owner is None or owners.is_dead(store.state, row.owner):
        return False
    return (row.lease_until or 0.0) > time.time()


def _write_folders(store: SqliteStore, groups: set[str]) -> None:
    """Reports of groups that no manager writes now."""
    for name in sorted(groups):
        try:
            run_folder.write(store.group(name), store.units(name))
        except OSError as error:
            _say(f"the reports of {name} could not be written: {error}")


# ---------------------------------------------------------------- again


def retry(options: Namespace, environ: Mapping[str, str]) -> int:
    """Units that ended and not well, or with --ok all that ended, run again."""
    placement = placement_of(options, environ)
    # Before a unit is queued: the corrected command would find none that ended.
    if not options.queue:
        status = refuse(engine_problems(placement), options.json)
        if status != OK:
            return status
    with opened(options, environ) as store:
        rows = find_units(store, options.names)
        chosen = [row for row in rows if row.state in FINAL]
        if not options.ok:
            chosen = [row for row in chosen if outcome_of_row(row) != "ok"]
        if not chosen:
            raise UsageError("none of these units ended badly; --ok also runs the others again")
        for row in chosen:
            store.retry(row.spec.unit_id)
            _say(f"{row.spec.unit_id} is queued again; it was {outcome_of_row(row)}")
        groups = sorted({row.spec.group for row in chosen})
        _write_folders(store, set(groups))
    if options.queue:
        if options.json:
            print_json({"queued": [row.spec.unit_id for row in chosen]})
        return OK
    return _lead(groups, placement, options, environ)


def worker(options: Namespace, environ: Mapping[str, str]) -> int:
    placement = placement_of(options, environ)
    status = refuse(engine_problems(placement), options.json)
    if status != OK:
        return status
    with opened(options, environ) as store:
        named = [group.group_id for group in find_groups(store, options.names)]
    # Without a name also those that come later.
    return _lead(named if options.names else None, placement, options, environ, options.stay)


def _lead(
    groups: Sequence[str] | None,
    placement: Placement,
    options: Namespace,
    environ: Mapping[str, str],
    stay: bool = False,
) -> int:
    """Groups that are in the store already, to their end. The exit status."""
    manners = Manners(
        width=placement.width,
        stop_runs=options.stop_runs,
        command=how_to_go_on(runs_folder(options.runs, environ)),
    )
    engine = engine_of(placement)
    with _bench(options, environ) as work:
        finish = leading.go_on(groups, work, manners, display_of_many(), engine, stay)
    told = facts.finish_facts(finish)
    if options.json:
        print_json(told)
    else:
        print_end(told, ())
        if finish.how == "done" and not finish.rows:
            print("nothing waits")
    return finish.status


def regrade(options: Namespace, environ: Mapping[str, str]) -> int:
    """What units left is graded again, with the graders of now. Agents do not run."""
    said: dict[str, str] = {}
    failed = False
    with opened(options, environ) as store, _bench(options, environ) as work:
        rows = find_units(store, options.names)
        for row in rows:
            try:
                said[row.spec.unit_id] = regrading.regrade(store, work.sources, row, environ)
            except GradingFailed as error:
                failed = True
                said[row.spec.unit_id] = f"the grader failed: {error}"
            # Its competition is gone. Other units have theirs, and are told in their group's files.
            except UsageError as error:
                failed = True
                said[row.spec.unit_id] = f"it cannot be graded: {error}"
        _write_folders(store, {row.spec.group for row in rows})
    status = FAILED if failed else OK
    if options.json:
        print_json(said)
        return status
    for unit, text in said.items():
        print(f"{unit}: {text}")
    return status


# ---------------------------------------------------------------- clean


def clean(options: Namespace, environ: Mapping[str, str]) -> int:
    """Lists what was started here and belongs to no unit that runs; --yes removes it."""
    found: list[dict[str, str]] = []
    failed = False
    with opened(options, environ) as store, _bench(options, environ) as work:
        used = {row.spec.run.backend for row in store.units()}
        for name in sorted({*used, *options.backend, "local"}):
            try:
                for handle in orphans(store, work.backends(name).find()):
                    if options.yes:
                        work.backends(name).remove(handle)
                    found.append({"backend": name, "name": handle.name, "id": handle.id})
            except UsageError:
                raise
            except HostError as error:
                failed = True
                _say(f"{name}: {error}")
    became = "removed" if options.yes else "left"
    status = FAILED if failed else OK
    if options.json:
        print_json({became: found})
        return status
    for one in found:
        print(f"{became}: {one['name']} ({one['backend']})")
    if not found:
        print("nothing is left")
    elif not options.yes:
        print("--yes removes them")
    return status


def orphans(store: SqliteStore, handles: Sequence[Handle]) -> list[Handle]:
    """Of what a backend found: all but the present attempts of units that run.

    Call it with what was found before the store is asked: what starts meanwhile is known by then.
    """
    live = {f"{row.spec.unit_id}-{row.attempt}" for row in store.units() if row.state in LIVE}
    return [handle for handle in handles if handle.name not in live]


# ---------------------------------------------------------------- reindex


def reindex(options: Namespace, environ: Mapping[str, str]) -> int:
    from swarm_host.store.rebuild import reindex as rebuild

    runs = runs_folder(options.runs, environ)
    if not Path(runs).is_dir():
        raise UsageError(f"there is no folder {runs}; --runs or SWARM_HOST_RUNS names another one")
    left_out: list[str] = []
    store = rebuild(runs, say=left_out.append)
    counts = {"groups": len(store.groups()), "units": len(store.units())}
    store.close()
    if options.json:
        print_json({**counts, "left_out": left_out})
        return OK
    for text in left_out:
        _say(text)
    print(f"{counts['groups']} groups, {counts['units']} units")
    return OK
