"""What all faces of backends share: one run by the one core."""

import logging
import os
from dataclasses import replace

from swarm_host.cli.run_file import new_hex, new_id, scope_of
from swarm_host.errors import UsageError
from swarm_host.groups.manager import Manners
from swarm_host.groups.sweep import make_group_folder
from swarm_host.launch import checking, leading, planning
from swarm_host.launch.bench import bench
from swarm_host.records import RunConfig
from swarm_host.show.live import PlainLines
from swarm_host.spec.loading import plain_spec
from swarm_host.words.places import runs_folder


def run_on(backend: str, config: RunConfig, logger: logging.Logger) -> int:
    """Runs `config` there. Returns the exit status: 0 when the agent ended well, else 1.

    The workspace gets stdout.log, stderr.log and the submission. Raises UsageError when something
    stands in the way, which the logger is told as well; nothing was started then.
    """
    run_id = new_id()
    runs = runs_folder(None, os.environ)
    spec = plain_spec(replace(config, backend=backend), scope_of(os.environ, run_id))
    with bench(runs, os.environ, new_hex) as work:
        found = checking.problems(planning.plan(spec, run_id, work), work.backends)
        for problem in found:
            logger.log(
                logging.ERROR if problem.refuses else logging.WARNING,
                "%s; %s",
                problem.what,
                problem.cure,
            )
        refusing = [problem.what for problem in found if problem.refuses]
        if refusing:
            raise UsageError("; ".join(refusing))
        planned = planning.plan(spec, run_id, work, make_folder=make_group_folder)
        return leading.lead(planned, work, Manners(width=1), PlainLines(logger.info)).status
