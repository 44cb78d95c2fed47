"""The configuration files against the schema, specification 001 and the code that reads them."""

from __future__ import annotations

import ast
import dataclasses
import functools
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests.house.source import ROOT, files, modules, tree, walked
from utils import config_schema
from utils.config import known_keys, load_config
from utils.config_schema import Config

UNREAD = ROOT / "tests/house/config_keys_unread.txt"
# default.yaml, mle_bench.yaml: the table of specification 001, the output folders and the grading
# server.
DIFFERENCES = {
    "project.workspace_dir": ("./workspace", "/home/workspace"),
    "project.log_dir": ("./logs", "/home/logs"),
    "data.data_dir": ("./datasets/public", "/home/data"),
    "environment.conda_env_name": ("Swarm-Evo", "agent"),
    "agent.max_steps": (150, "${env:STEP_LIMIT, 100}"),
    "agent.time_limit": (43200, "${env:TIME_LIMIT_SECS, 43200}"),
    "evolution.skill.embedding_model_path": (
        "./embedding-models/bge-m3",
        "/home/agent/embedding-models/bge-m3",
    ),
    "llm.feedback.model": ("glm-4.6", "${env:LLM_MODEL}"),
    "output.submission_dir": ("./workspace/submission", "/home/submission"),
    "output.code_dir": ("./workspace/best_solution", "/home/code"),
    "grading.validate_url": (None, "http://localhost:5000/validate"),
}
REGISTRATION = {
    "TIME_LIMIT_SECS": 43200,
    "STEP_LIMIT": 100,
    "API_KEY": "${{ secrets.API_KEY }}",
    "API_BASE": "${{ secrets.API_BASE }}",
    "MODEL_NAME": "${{ secrets.MODEL_NAME }}",
}


def flat(name: str) -> dict[str, Any]:
    """Dotted key to unresolved value of a file in config/."""
    leaves = {key for key, _ in known_keys(Config)}

    def walk(value: Any, prefix: str) -> dict[str, Any]:
        if not isinstance(value, dict) or prefix.rstrip(".") in leaves:
            return {prefix.rstrip("."): value}
        return {
            key: leaf
            for part, inner in value.items()
            for key, leaf in walk(inner, f"{prefix}{part}.").items()
        }

    return walk(OmegaConf.to_container(OmegaConf.load(ROOT / "config" / name), resolve=False), "")


def test_the_two_files_differ_in_these_keys_only() -> None:
    default, container = flat("default.yaml"), flat("mle_bench.yaml")
    assert default.keys() == container.keys()
    assert {k: (v, container[k]) for k, v in default.items() if v != container[k]} == DIFFERENCES


@pytest.mark.parametrize("name", ["default.yaml", "mle_bench.yaml"])
def test_each_file_has_every_key_of_the_schema(name: str) -> None:
    assert flat(name).keys() == {key for key, _ in known_keys(Config)}
    load_config(ROOT / "config" / name, use_cli=False)


def test_each_field_is_explained() -> None:
    lines = Path(config_schema.__file__).read_text().splitlines()
    for cls in ast.walk(tree(modules()["utils.config_schema"])):
        if not isinstance(cls, ast.ClassDef) or cls.name == "Config":
            continue
        for field in cls.body:
            if isinstance(field, ast.AnnAssign):
                above = lines[field.lineno - 2].strip()
                assert above.startswith("# "), f"{cls.name}: {lines[field.lineno - 1]}"
                assert above.endswith("."), f"{cls.name}: {above}"


# ---------------------------------------------------------------- every key has a reader


@dataclasses.dataclass(frozen=True)
class _Scope:
    """classes: schema classes, and records that hold some, that the module imports. names: class of
    what a name holds; `.x` is self.x.
    """

    classes: dict[str, type]
    names: dict[str, type]

    @classmethod
    def of(cls, module: ast.Module, records: Mapping[str, type] | None = None) -> _Scope:
        """records: by name, those of the project that have fields of schema classes."""
        scope = cls(_imported(module, records or {}), {})
        # Assignments from assignments: deeper chains than this do not occur.
        for _ in range(3):
            for node in walked(module):
                if isinstance(node, ast.arg) and (found := scope.annotated(node.annotation)):
                    scope.names[node.arg] = found
                elif isinstance(node, ast.AnnAssign):
                    scope.bind(node.target, node.value, scope.annotated(node.annotation))
                elif isinstance(node, ast.Assign):
                    scope.bind(node.targets[0], node.value, None)
        return scope

    def annotated(self, node: ast.expr | None) -> type | None:
        """The schema class that an annotation names, also within `Config | None`."""
        names = (
            [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
            if node is not None
            else []
        )
        return next((self.classes[name] for name in names if name in self.classes), None)

    def bind(self, target: ast.expr, value: ast.expr | None, typed: type | None) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for inner, item in zip(target.elts, value.elts, strict=False):
                self.bind(inner, item, None)
        found = typed or (self.held(value) if value is not None else None)
        if found is not None and isinstance(target, ast.Name):
            self.names[target.id] = self.names[f".{target.id}"] = found
        elif found is not None and isinstance(target, ast.Attribute):
            self.names[f".{target.attr}"] = found

    def held(self, node: ast.expr) -> type | None:
        """The schema class that an expression holds: a known name, a call of load_config, or a
        section below either.
        """
        if isinstance(node, ast.Call):
            return Config if ast.unparse(node.func).endswith("load_config") else None
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.held(node.value)
            if owner is None:
                return self.names.get(f".{node.attr}")
            hint = typing.get_type_hints(owner).get(node.attr)
            return hint if dataclasses.is_dataclass(hint) else None
        return None


def _imported(module: ast.Module, records: Mapping[str, type]) -> dict[str, type]:
    """Schema classes and records by the names that a module gives them (other classes may have the
    same names).
    """
    found = {}
    for node in walked(module):
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            cls: Any = records.get(alias.name)
            if node.module in ("utils.config", "utils.config_schema"):
                cls = getattr(config_schema, alias.name, None)
            if dataclasses.is_dataclass(cls):
                found[alias.asname or alias.name] = typing.cast(type, cls)
    return found


def records_of(module: ast.Module) -> dict[str, type]:
    """Records of a module that have fields of schema classes: by name, a record of these fields."""
    scope, found = _Scope(_imported(module, {}), {}), {}
    for cls in walked(module):
        if isinstance(cls, ast.ClassDef):
            fields = {}
            for node in cls.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    fields[node.target.id] = scope.annotated(node.annotation)
            known = [(name, held) for name, held in fields.items() if held is not None]
            if known:
                found[cls.name] = dataclasses.make_dataclass(cls.name, known)
    return found


@functools.cache
def all_records() -> dict[str, type]:
    found = {}
    for name, path in modules().items():
        if name != "utils.config_schema":
            found |= records_of(tree(path))
    return found


def read_fields(
    module: ast.Module, records: Mapping[str, type] | None = None
) -> set[tuple[str, str]]:
    """(schema class, field) of every value that a module reads: by attribute, or all of a section
    by its fields.
    """
    scope, found = _Scope.of(module, records), set()
    for node in walked(module):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if owner := scope.held(node.value):
                found.add((owner.__name__, node.attr))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "dataclasses.fields",
            "dataclasses.asdict",
        ):
            section = scope.held(node.args[0])
            if section is not None and not any(
                map(dataclasses.is_dataclass, typing.get_type_hints(section).values())
            ):
                found |= {(section.__name__, field.name) for field in dataclasses.fields(section)}
    return found


def owners(cls: type = Config, prefix: str = "") -> dict[str, tuple[str, str]]:
    """Dotted key to (schema class, field)."""
    found = {}
    for name, hint in typing.get_type_hints(cls).items():
        if dataclasses.is_dataclass(hint):
            found |= owners(typing.cast(type, hint), f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = (cls.__name__, name)
    return found


def test_lesson_32_every_key_is_read_or_listed_as_still_to_come() -> None:
    readers = set().union(
        *(
            read_fields(tree(path), all_records())
            for name, path in modules().items()
            if name != "utils.config_schema"
        )
    )
    unread = {key for key, owner in owners().items() if owner not in readers}
    listed = {line for line in UNREAD.read_text().splitlines() if line and not line.startswith("#")}
    assert unread - listed == set(), (
        f"no code reads these keys, and {UNREAD.name} does not list them"
    )
    assert listed - unread == set(), (
        f"these keys are read by now (or gone): take them out of {UNREAD.name}"
    )


def test_readers_are_found_through_annotations_and_assignments() -> None:
    module = ast.parse(
        "from utils.config_schema import Config, ExecutionConfig, RoleConfig, TaskConfig\n"
        "def f(cfg: Config | None, box: ExecutionConfig, task: TaskConfig, other: Search):\n"
        "    search, skill = cfg.search, cfg.evolution.skill\n"
        "    dataclasses.fields(cfg), dataclasses.fields(task)\n"
        "    return search.num_drafts, skill.max_loaded, box.processes, other.debug_tries\n"
        "class C:\n"
        "    def __init__(self, role: RoleConfig): self._role = role\n"
        "    def go(self): return self._role.timeout, nobody.max_tokens\n"
    )
    whole = {("TaskConfig", field.name) for field in dataclasses.fields(config_schema.TaskConfig)}
    leaves = {owner for owner in read_fields(module) if owner in owners().values()}
    expected = {
        ("SearchConfig", "num_drafts"),
        ("SkillConfig", "max_loaded"),
        ("ExecutionConfig", "processes"),
        ("RoleConfig", "timeout"),
    }
    assert leaves == whole | expected


def test_readers_are_found_through_records_that_hold_a_section() -> None:
    holder = ast.parse(
        "from utils.config_schema import SearchConfig\n"
        "class Now:\n"
        "    step: int\n"
        "    search: SearchConfig\n"
        "class Other:\n"
        "    search: Engine\n"
    )
    reader = ast.parse(
        "from core.x import Now, Other\n"
        "def f(now: Now, other: Other):\n"
        "    return now.search.explore, now.step, other.search.num_drafts\n"
    )
    assert records_of(holder).keys() == {"Now"}
    found = read_fields(reader, records_of(holder))
    assert {owner for owner in found if owner in owners().values()} == {("SearchConfig", "explore")}


# ---------------------------------------------------------------- registration with mle-bench


def test_registration_is_that_of_specification_001() -> None:
    # mle-bench reads the file by yaml.safe_load; PyYAML comes with omegaconf.
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / "config.yaml").read_text())
    start = {"start": "swarm-evo/start.sh", "dockerfile": "swarm-evo/Dockerfile"}
    assert found["vars"] == {"time_limit": 43200, "step_limit": 100}
    assert found["swarm-evo"] == start | {"env_vars": REGISTRATION}
    assert found["swarm-evo/dev"] == start | {"env_vars": REGISTRATION | {"STEP_LIMIT": 10}}
    assert found["swarm-evo/anthropic"] == start | {
        # Without API_BASE: it names an OpenAI-compatible address, and this key must not go there.
        "env_vars": {name: value for name, value in REGISTRATION.items() if name != "API_BASE"}
        | {"LLM_PROVIDER": "anthropic"}
    }
    without_secrets = {"TIME_LIMIT_SECS": 43200, "STEP_LIMIT": 100, "LLM_PROVIDER": "recipes"}
    assert found["swarm-evo/recipes"] == start | {"env_vars": without_secrets}
    variants = {"swarm-evo", "swarm-evo/dev", "swarm-evo/recipes", "swarm-evo/anthropic"}
    assert found.keys() == {"vars", "defaults", *variants}


def test_lesson_40_one_config_yaml_under_the_checkout() -> None:
    # Of tracked files: what agents leave below host/runs may have such a file (AIDE's logs do).
    assert [path for path in files() if path.name == "config.yaml"] == [Path("config.yaml")]
