"""Names that specification 001 fixes: others call and look for them."""

from __future__ import annotations

import ast

import pytest

from tests.house.source import modules, tree

FUNCTIONS = {
    "run_mle_adapter": {"map_env_vars", "setup_workspace", "run_adapter", "copy_results"},
    "utils.config": {"load_config", "validate_config"},
    "utils.workspace_builder": {"validate_dataset", "build_workspace"},
}
METHODS = {
    "core.evolution.skill_extractor.SkillExtractor": {"_embed_texts"},
    "core.evolution.skills.SkillManager": {
        "evolve_skills",
        "_is_duplicate",
        "_merge_similar_skills",
    },
    "core.evolution.agent_evolution.AgentEvolution": {"_update_skill_pool"},
    "utils.embedding.CodeEmbeddingManager": set(),
}


def functions(body: list[ast.stmt]) -> set[str]:
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("module", FUNCTIONS)
def test_functions_keep_their_names(module: str) -> None:
    assert FUNCTIONS[module] <= functions(tree(modules()[module]).body)


@pytest.mark.parametrize("dotted", METHODS)
def test_methods_keep_their_names(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")
    (found,) = [
        node
        for node in tree(modules()[module]).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    assert METHODS[dotted] <= functions(found.body)
