"""A specification file and its overrides become what shall run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from swarm_host.records import RunConfig
from swarm_host.spec.matrix_keys import Matrix, Placement, read_matrix, read_placement
from swarm_host.spec.run_keys import Overlay, read_overlay, read_run
from swarm_host.spec.section import Section
from swarm_host.words import yaml_lines
from swarm_host.words.expand import Scope
from swarm_host.words.mistakes import attempt, raise_all
from swarm_host.words.yaml_lines import Field, with_override

# Of a unit of a matrix; what they hold is known only later.
UNIT_VARIABLES = ("agent", "competition", "seed")
_PLAIN_ONLY = {
    "agent_image": "agents of a matrix have images of their own",
    "command": "agents of a matrix have commands of their own",
    "workspace": "units of a matrix have folders of their own",
    "build": "matrix: {build: true} builds the images of the agents",
    "outputs": "agents of a matrix say where their outputs are",
    "mle_bench": "agents of a matrix say how they are started",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file: a run of specification 000, or a matrix."""

    run: RunConfig | None
    matrix: Matrix | None
    placement: Placement
    # The file with its overrides, and its variables, for what is read again for each unit.
    root: Field
    scope: Scope

    def overlay(self, agent: str, competition: str, seed: int | str) -> Overlay:
        """What the file lays over one unit of its matrix."""
        values = dict(zip(UNIT_VARIABLES, (agent, competition, str(seed)), strict=True))
        problems: list[str] = []
        scope = replace(self.scope, own={**self.scope.own, **values})
        found = read_overlay(Section(self.root, problems), scope)
        raise_all(problems)
        return found


def plain_spec(run: RunConfig, scope: Scope) -> Spec:
    """A run that did not come from a file."""
    return Spec(run, None, Placement(), Field(None, "", "", ""), scope)


def load(path: Path, overrides: Sequence[str], scope: Scope) -> Spec:
    """Reads a file. Raises SpecError with every problem, one a line, each with its line."""
    problems: list[str] = []
    return _spec(yaml_lines.load(path, problems=problems), overrides, scope, problems)


def parse(data: bytes, name: str, overrides: Sequence[str], scope: Scope) -> Spec:
    """As load, of bytes. `name` stands in messages."""
    problems: list[str] = []
    return _spec(yaml_lines.read(data, name, problems=problems), overrides, scope, problems)


def parse_placement(data: bytes, name: str, scope: Scope) -> Placement:
    """As parse, of bytes that say only where units run and how many at a time."""
    problems: list[str] = []
    section = Section(yaml_lines.read(data, name, problems=problems), problems)
    found = read_placement(section, scope)
    section.close()
    raise_all(problems)
    return found


def _spec(root: Field, overrides: Sequence[str], scope: Scope, problems: list[str]) -> Spec:
    """problems: of the file, as far as they are known yet."""
    for override in overrides:
        root = attempt(partial(with_override, root, override), problems) or root
    section = Section(root, problems)
    if section.has("matrix"):
        spec = _matrix(section, root, scope, problems)
    else:
        section.take("matrix", lambda field: field, None)
        run = read_run(section, scope)
        spec = Spec(run, None, read_placement(section, scope), root, scope)
    section.close()
    raise_all(problems)
    return spec


def _matrix(section: Section, root: Field, scope: Scope, problems: list[str]) -> Spec:
    inside = section.section("matrix")
    matrix = read_matrix(inside, scope) if inside else None
    for key, reason in _PLAIN_ONLY.items():
        section.refuse(key, f"not beside a matrix: {reason}")
    # With stand-ins: the values are read again for each unit.
    own = {**scope.own, **dict.fromkeys(UNIT_VARIABLES, "0")}
    read_overlay(section, replace(scope, own=own))
    return Spec(None, matrix, read_placement(section, scope), root, scope)
