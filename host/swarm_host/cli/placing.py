"""Where units run and how many at a time, by options: one reader for all commands that lead units."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarm_host.words.places import home

if TYPE_CHECKING:
    from swarm_host.spec.matrix_keys import Placement


def placement_keys(options: Namespace) -> dict[str, Any]:
    """Keys of a specification file that --width, --engine and --address stand for; what is not given
    has no key.
    """
    engine = given({"name": options.engine, "address": options.address})
    return given({"width": options.width, "engine": engine or None})


def placement_of(options: Namespace, environ: Mapping[str, str]) -> Placement:
    """Raises SpecError for what a specification file could not say either."""
    from swarm_host.spec.loading import parse_placement
    from swarm_host.words.expand import Scope

    scope = Scope({}, environ, str(home(environ)), str(Path.cwd()))
    # JSON is YAML.
    data = json.dumps(placement_keys(options)).encode()
    return parse_placement(data, "the command line", scope)


def given(pairs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pairs.items() if value is not None}
