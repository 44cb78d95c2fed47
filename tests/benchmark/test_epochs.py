"""The measurement of level 2's epochs."""

from __future__ import annotations

import dataclasses

from benchmark.measures.epochs import epochs_table, measure_epochs


def test_the_made_up_run_gives_every_part_of_an_epoch_work() -> None:
    cost = measure_epochs(300)
    assert cost.epochs == 30
    assert cost.rewritten > 0 < cost.skills
    assert cost.longest_s >= cost.median_s > 0


def test_the_table_shows_the_target() -> None:
    cost = dataclasses.asdict(measure_epochs(20)) | {"longest_s": 0.75}
    assert (
        epochs_table(cost).splitlines()[2]
        == "| longest of 2 epochs in a run of 20 steps, s | 0.750 | < 0.5 |"
    )
