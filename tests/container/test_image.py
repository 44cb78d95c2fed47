"""The image itself: phases 1 and 2 of specification 001 (section 1.4), what it adds to the base,
what it does not hold.

The entrypoint of the base ignores its arguments, so a command needs --entrypoint.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.container.engine import BASE, IMAGE, ROOT, Container, build, docker
from tests.container.figures import note
from tests.image.hub import NAME, serving

pytestmark = pytest.mark.container

ADDED_MB, REBUILD_S, SLOWER_S = 600, 20, 1.0
PHASE_1 = """
import os
from utils.config import load_config
os.environ |= {"OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": "https://api.example.com", "LLM_MODEL": "gpt-4"}
config = load_config(config_path="config/mle_bench.yaml", use_cli=False)
assert str(config.data.data_dir) == "/home/data"
assert config.environment.conda_env_name == "agent"
print("configuration loaded")
"""
# A model on a hub; the files of another format are not needed.
MODEL_FILES = {
    "config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"weights" * 1000,
}
OTHER_FILES = {"README.md": b"words", "onnx/model.onnx": b"more weights"}
# Libraries of the base that programs and the embedding model rely on as they are.
UNTOUCHED = "numpy pandas scikit-learn scipy lightgbm pyarrow pillow transformers torch sentence-transformers".split()


def run(entrypoint: str, *words: object, image: str = IMAGE, options: tuple[str, ...] = ()) -> str:
    return docker(
        "run", "--rm", "--network=none", f"--entrypoint={entrypoint}", *options, image, *words
    )


def in_agent(code: str) -> str:
    """Output of a program in the conda environment of the agent."""
    return run(
        "conda", "run", "-n", "agent", "python", "-c", code, options=("--workdir=/home/agent",)
    )


def inspect(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return found


def packages(image: str) -> dict[str, str]:
    """Versions in the environment `agent`, by normalised name."""
    listing = json.loads(
        run("conda", "run", "-n", "agent", "pip", "list", "--format=json", image=image)
    )
    return {item["name"].lower().replace("_", "-"): item["version"] for item in listing}


def test_phase_1_the_configuration_of_the_container_loads() -> None:
    assert "configuration loaded" in in_agent(PHASE_1)


def test_phase_2_files_are_there() -> None:
    assert run("ls", "/home/agent/run_mle_adapter.py").strip() == "/home/agent/run_mle_adapter.py"
    assert run("readlink", "-f", "/home/agent/embedding-models").strip() == "/opt/models"


def test_phase_2_libraries_can_be_imported() -> None:
    assert "done" in in_agent("import omegaconf, langgraph, openai, anthropic; print('done')")


def test_phase_2_the_embedding_library_can_be_imported() -> None:
    if "torch" not in packages(BASE):
        pytest.skip("the light base has no torch: scripts/base_image.sh full")
    assert "done" in in_agent("import sentence_transformers; print('done')")


def test_the_base_keeps_its_user_and_entrypoint() -> None:
    before, after = inspect(BASE)["Config"], inspect(IMAGE)["Config"]
    for key in ("User", "Entrypoint", "Cmd", "WorkingDir"):
        assert after[key] == before[key], key


def test_the_libraries_of_the_base_did_not_move() -> None:
    before, after = packages(BASE), packages(IMAGE)
    assert {name: after.get(name) for name in UNTOUCHED} == {
        name: before.get(name) for name in UNTOUCHED
    }
    assert before["openai"] == "0.28.0"
    assert int(after["openai"].split(".")[0]) >= 1
    assert "No broken requirements" in run("conda", "run", "-n", "agent", "pip", "check")


def test_the_added_layers_are_small() -> None:
    base, agent = (inspect(image)["Size"] / 1e6 for image in (BASE, IMAGE))
    note(base_mb=base, added_mb=agent - base)
    assert 0 < agent - base < ADDED_MB


def test_the_image_holds_one_registry_file_and_nothing_of_the_workshop() -> None:
    names = run("find", "-L", "/home/agent", "-printf", "%P\n").splitlines()
    assert [name for name in names if name.endswith("config.yaml")] == ["config.yaml"]
    top = {name.split("/")[0] for name in names}
    assert not top & {
        ".git",
        "tests",
        "docs",
        "datasets",
        "workspace",
        "logs",
        ".env",
        "benchmark.json",
    }
    assert {"core", "agents", "utils", "config", "run_mle_adapter.py", "start.sh"} <= top


def test_no_key_is_baked_in() -> None:
    names = {item.split("=")[0] for item in inspect(IMAGE)["Config"]["Env"]}
    assert not {name for name in names if "KEY" in name or "TOKEN" in name}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The checkout with one line of code more; no image of it stays."""
    context = tmp_path_factory.mktemp("changed")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    with tarfile.open(context.with_suffix(".tar"), "w") as tar:
        for name in filter(None, names):
            if (ROOT / name).is_file():
                tar.add(ROOT / name, arcname=name)
    subprocess.run(["tar", "-xf", context.with_suffix(".tar"), "-C", context], check=True)
    with (context / "core" / "loop.py").open("a") as file:
        file.write("\n# One line more.\n")
    yield context
    docker("image", "rm", "--force", f"{IMAGE}-changed")


def test_a_change_of_the_code_is_quickly_built_again(changed: Path) -> None:
    seconds = build(f"{IMAGE}-changed", changed)
    note(rebuild_s=seconds)
    assert seconds < REBUILD_S
    assert (
        run("tail", "-n", "1", "/home/agent/core/loop.py", image=f"{IMAGE}-changed").strip()
        == "# One line more."
    )
    layers = [inspect(image)["RootFS"]["Layers"] for image in (IMAGE, f"{IMAGE}-changed")]
    # The code and the links to it.
    assert layers[0][:-2] == layers[1][:-2]


def test_phase_2_the_embedding_model_is_there_and_stays_read_only(prepared: Path) -> None:
    """Built with a model from a hub on this machine; the sweep of the entrypoint neither copies nor
    opens it.
    """
    tag = f"{IMAGE}-model"
    with serving(MODEL_FILES | OTHER_FILES) as hub:
        build(tag, ROOT, EMBEDDING_MODEL=NAME, HF_ENDPOINT=hub.address)
    try:
        names = run(
            "find",
            "/home/agent/embedding-models/bge-m3/",
            "-type",
            "f",
            "-printf",
            "%P\n",
            image=tag,
        ).split()
        assert set(names) == set(MODEL_FILES)
        with Container(prepared, image=tag) as container:
            container.start()
            modes = container.root(
                "find", "/opt/models", "-mindepth", "1", "-printf", "%m\n"
            ).split()
            assert set(modes) == {"555"}
            assert "/opt/models/bge-m3/" not in docker("diff", container.id)
            weights = "/home/agent/embedding-models/bge-m3/pytorch_model.bin"
            assert container.nonroot("tail", "-c", "7", weights).stdout == "weights"
            assert container.nonroot("touch", weights).returncode != 0
    finally:
        docker("image", "rm", "--force", tag)


def test_the_agent_image_is_healthy_as_soon_as_the_bare_base(prepared: Path) -> None:
    """The base's entrypoint changes the mode of each file below /home, which copies it into the
    container.
    """

    def healthy(image: str) -> float:
        with Container(prepared, image=image) as container:
            return container.start()

    seconds = {image: median(healthy(image) for _ in range(3)) for image in (BASE, IMAGE)}
    note(base_healthy_s=seconds[BASE], healthy_s=seconds[IMAGE])
    assert seconds[IMAGE] - seconds[BASE] <= SLOWER_S
