"""run and sweep: units are planned, checked, queued and led to their end."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from swarm_host.cli import run_file
from swarm_host.cli.placing import given, placement_keys


def run(options: Namespace, environ: Mapping[str, str]) -> int:
    """As orchestrator/run.py --config FILE."""
    return run_file.run(options, environ)


def sweep(options: Namespace, environ: Mapping[str, str]) -> int:
    """A matrix by options; `key=value` says what no option does."""
    from swarm_host.spec.loading import parse

    run_id = run_file.new_id()
    scope = run_file.scope_of(environ, run_id)
    # JSON is YAML.
    data = json.dumps(matrix_of(options)).encode()
    spec = parse(data, "the command line", options.overrides, scope)
    return run_file.run_spec(spec, run_id, options, environ)


def matrix_of(options: Namespace) -> dict[str, Any]:
    """The specification file that the options stand for."""
    matrix = {
        "agents": options.agents,
        "competitions": options.competitions or options.set,
        "seeds": options.seeds,
        "source": options.source,
        "source_root": options.source_root,
    }
    found = {
        "matrix": given(matrix),
        "backend": options.backend,
        "timeout": options.timeout,
    }
    return given(found) | placement_keys(options)
