"""What other programs are told."""

from __future__ import annotations

from swarm_host.launch import facts, leading
from swarm_host.launch.bench import Bench
from swarm_host.store.sqlite import SqliteStore

from tests.host.launch.units import queued


def test_what_is_not_known_yet_is_null_and_each_key_is_there(
    work: Bench, store: SqliteStore
) -> None:
    waits, ended = queued(work, store, 2)
    leading.finish_units(store, work, [ended.unit_id])
    before, after = (facts.unit_facts(store.unit(unit.unit_id)) for unit in (waits, ended))
    assert before.keys() == after.keys()
    assert (before["outcome"], before["score"], before["exit_code"]) == (None, None, None)
    assert (after["outcome"], after["score"], after["exit_code"]) == ("ok", 0.5, 0)
    assert (before["message"], before["seconds"], before["isolation"]) == ("", None, None)
    store.ask_cancel(waits.unit_id)
    cancelled = facts.unit_facts(store.unit(waits.unit_id))
    assert cancelled["outcome"] == "cancelled"
    assert cancelled["message"] == "cancelled before attempt 1 began"
