"""Signatures of the members that we call of the libraries of Modal and Daytona, as plain data.

`python -m tests.host.cloud.signatures` writes signatures.json anew, when a pin in
host/requirements_cloud.txt moves; what changed is then read in the difference.
"""

from __future__ import annotations

import enum
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("signatures.json")
# The parameters that we give by name, and all that have no default: others may come and go.
MODAL = {
    "App.lookup": ("name", "client", "create_if_missing"),
    "Client.from_credentials": ("token_id", "token_secret"),
    "Image.from_registry": ("tag",),
    "Image.from_dockerfile": ("path", "context_dir", "ignore", "force_build"),
    "Image.entrypoint": ("entrypoint_commands",),
    "Image.build": ("app",),
    "Sandbox.create": (
        "args",
        "app",
        "name",
        "tags",
        "image",
        "env",
        "secrets",
        "timeout",
        "idle_timeout",
        "gpu",
        "cpu",
        "memory",
        "block_network",
        "volumes",
        "client",
    ),
    "Sandbox.from_id": ("sandbox_id", "client"),
    "Sandbox.from_name": ("app_name", "name", "client"),
    "Sandbox.list": ("app_id", "tags", "client"),
    "Sandbox.exec": ("args", "timeout", "text"),
    "Sandbox.poll": (),
    "Sandbox.terminate": ("wait",),
    "Sandbox.get_tags": (),
    "Sandbox.set_tags": ("tags",),
    "Secret.from_dict": ("env_dict",),
    "Volume.from_name": ("name", "create_if_missing", "version", "client"),
    "Volume.batch_upload": ("force",),
    "Volume.listdir": ("path",),
    "Volume.with_mount_options": ("read_only", "sub_path"),
}
DAYTONA = {
    "Daytona.__init__": ("config",),
    "Daytona.create": ("params", "timeout", "on_snapshot_create_logs"),
    "Daytona.get": ("sandbox_id_or_name",),
    "Daytona.list": ("query",),
    "Daytona.delete": ("sandbox", "timeout", "wait"),
    "Image.base": ("image",),
    "Image.from_dockerfile": ("path",),
    "Image.entrypoint": ("entrypoint_commands",),
    "Sandbox.wait_for_sandbox_start": ("timeout",),
    "Process.exec": ("command", "timeout"),
    "Process.create_session": ("session_id",),
    "Process.delete_session": ("session_id",),
    "Process.execute_session_command": ("session_id", "req"),
    "Process.get_session_command": ("session_id", "command_id"),
    "Process.get_session_command_logs": ("session_id", "command_id"),
    "Process.get_session_command_logs_async": (
        "session_id",
        "command_id",
        "on_stdout",
        "on_stderr",
    ),
    "FileSystem.upload_file_stream": ("source", "remote_path", "timeout"),
    "FileSystem.download_file_stream": ("remote_path", "timeout"),
}
# Fields of records that we make, with their defaults.
DAYTONA_FIELDS = {
    "CreateSandboxFromImageParams": (
        "image",
        "name",
        "env_vars",
        "labels",
        "resources",
        "auto_stop_interval",
        "ephemeral",
        "ttl_minutes",
        "network_block_all",
        "os_user",
    ),
    "DaytonaConfig": ("api_key", "api_url", "target"),
    "SessionExecuteRequest": ("command", "run_async"),
}


def plain(default: Any) -> str:
    """A default as text that is the same in every process."""
    if default is inspect.Parameter.empty:
        return "(none)"
    if isinstance(default, enum.Enum):
        return default.name
    simple = default is None or isinstance(default, (bool, int, float, str, tuple, list, dict))
    return repr(default) if simple else type(default).__name__


def described(member: Callable[..., Any], wanted: tuple[str, ...]) -> dict[str, str]:
    """`KIND = default` by parameter."""
    found = {}
    for name, parameter in inspect.signature(member).parameters.items():
        needed = parameter.default is inspect.Parameter.empty and name not in ("self", "cls")
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if name in wanted or (needed and not variable):
            found[name] = f"{parameter.kind.name} = {plain(parameter.default)}"
    return found


def _member(module: Any, dotted: str) -> Callable[..., Any]:
    for part in dotted.split("."):
        module = getattr(module, part)
    return module  # type: ignore[no-any-return]


def _modal() -> dict[str, Any]:
    import modal

    return {name: described(_member(modal, name), wanted) for name, wanted in MODAL.items()}


def _daytona() -> dict[str, Any]:
    import daytona
    from daytona._sync import filesystem, process

    places = {"Process": process, "FileSystem": filesystem}
    found: dict[str, Any] = {}
    for name, wanted in DAYTONA.items():
        module = places.get(name.partition(".")[0], daytona)
        found[name] = described(_member(module, name), wanted)
    for name, fields in DAYTONA_FIELDS.items():
        model = getattr(daytona, name).model_fields
        found[name] = {field: plain(model[field].get_default()) for field in fields}
    return found


def current() -> dict[str, Any]:
    """Of the libraries that are installed here."""
    return {"daytona": _daytona(), "modal": _modal()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(current(), indent=1) + "\n", encoding="utf-8")
