"""What shall run as a specification file again: resolved, with secrets by name."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import yaml

from swarm_host.records import Mount, Outputs, RunConfig, Secret
from swarm_host.spec.loading import UNIT_VARIABLES, Spec
from swarm_host.spec.matrix_keys import Matrix, Placement
from swarm_host.spec.run_keys import CLOUD_BACKENDS


def plain(value: Any) -> Any:
    """Records as mappings, without what is empty; secrets as references; dollar signs doubled."""
    if isinstance(value, Secret):
        return f"${{{{ secrets.{value.name} }}}}"
    if isinstance(value, str):
        return _kept(value)
    if is_dataclass(value):
        pairs = {field.name: getattr(value, field.name) for field in fields(value)}
        return _without_nothing({key: plain(item) for key, item in pairs.items()})
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def as_mapping(spec: Spec) -> dict[str, Any]:
    """A file that means the same as `spec`, on this machine."""
    if spec.run is not None:
        return _run(spec.run) | _placement(spec.placement)
    assert spec.matrix is not None
    agent, competition, _ = (f"${{{name}}}" for name in UNIT_VARIABLES)
    overlay = spec.overlay(agent, competition, "${seed}")
    return {"matrix": _matrix(spec.matrix), **plain(overlay), **_placement(spec.placement)}


def as_yaml(spec: Spec) -> str:
    return yaml.safe_dump(as_mapping(spec), sort_keys=False, allow_unicode=True, width=100)


def _run(run: RunConfig) -> dict[str, Any]:
    found: dict[str, Any] = plain(run)
    # An output that is not collected is said by an empty value.
    if run.outputs != Outputs():
        found["outputs"] = {f.name: plain(getattr(run.outputs, f.name)) for f in fields(Outputs)}
    if run.backend not in CLOUD_BACKENDS:
        found.pop("image_source", None)
    # The workspace is a mount too, which its own key makes.
    found["mounts"] = [plain(mount) for mount in run.mounts if not _is_workspace(run, mount)]
    inside = next((mount.target for mount in run.mounts if _is_workspace(run, mount)), None)
    if inside:
        found["workspace"] = {"host": plain(run.workspace), "container": plain(inside)}
    return found


def _is_workspace(run: RunConfig, mount: Mount) -> bool:
    return mount.source == run.workspace and not mount.read_only


def _matrix(matrix: Matrix) -> dict[str, Any]:
    return plain(matrix)


def _placement(placement: Placement) -> dict[str, Any]:
    engine = {"name": placement.engine, "address": placement.address}
    budget = {
        "hours": placement.budget_hours,
        "usd": placement.budget_usd,
        "tokens": placement.budget_tokens,
    }
    found = {
        "engine": _without_nothing(engine),
        "width": placement.width,
        "budget": _without_nothing(budget),
        "notes": placement.notes,
    }
    return {key: plain(value) for key, value in found.items() if value}


def _without_nothing(pairs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pairs.items() if value not in (None, {}, [], "")}


def _kept(text: str) -> str:
    """As it must be written to be read as it is; variables of a unit stay variables."""
    doubled = text.replace("$", "$$")
    for name in UNIT_VARIABLES:
        doubled = doubled.replace(f"$${{{name}}}", f"${{{name}}}")
    return doubled
