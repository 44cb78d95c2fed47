"""scripts/download_model.py, run as the Dockerfile runs it."""

from __future__ import annotations

import importlib.metadata
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.hub import NAME, serving, write_model

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "download_model.py"
needed = runpy.run_path(str(SCRIPT))["needed"]

SETTINGS = {
    name: b"{}"
    for name in (
        *(
            "config.json",
            "modules.json",
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
        ),
        *(
            "1_Pooling/config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
        ),
    )
}
# The files of BAAI/bge-m3, with short contents.
WANTED = SETTINGS | {"sentencepiece.bpe.model": b"pieces", "pytorch_model.bin": b"weights" * 100}
OTHERS = {
    name: b"not needed"
    for name in (
        *(
            ".gitattributes",
            "README.md",
            "colbert_linear.pt",
            "sparse_linear.pt",
            "imgs/long.jpg",
            "long.jpg",
        ),
        *("onnx/config.json", "onnx/model.onnx", "onnx/model.onnx_data", "onnx/tokenizer.json"),
    )
}
BGE_M3 = WANTED | OTHERS

# Major versions of the hub's client that are installed: one or none.
CLIENT = [
    int(found.version.split(".")[0])
    for found in importlib.metadata.distributions(name="huggingface_hub")
]
has_client = pytest.mark.skipif(not CLIENT, reason="NOT RUN: huggingface_hub is not installed")


def environ(home: Path, **more: str) -> dict[str, str]:
    """No name of a hub, no proxy, and a cache of the test's own."""
    clean = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **clean,
        "HOME": str(home),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **more,
    }


def start(home: Path, *words: object, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=home, env=environ(home, **more), stdout=pipe, stderr=pipe, text=True
    )


def run(home: Path, *words: object, **more: str) -> tuple[int, str, str]:
    process = start(home, *words, **more)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def files_in(folder: Path) -> dict[str, bytes]:
    """What is there by name; notes that the hub's client keeps in a hidden folder are left out."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


# ---------------------------------------------------------------- which files


def test_the_files_of_bge_m3() -> None:
    assert needed(BGE_M3) == sorted(WANTED)


def test_one_format_of_weights() -> None:
    safe = ["config.json", "model.safetensors"]
    assert (
        needed([*safe, "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "rust_model.ot"])
        == safe
    )
    assert needed([*safe, "openvino/openvino_model.bin", "model.fp16.safetensors"]) == safe


def test_weights_in_parts_bring_their_index() -> None:
    parts = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    wanted = ["config.json", *parts, "model.safetensors.index.json"]
    torch = ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"]
    assert needed([*wanted, *torch]) == sorted(wanted)
    assert needed(["config.json", *torch]) == sorted(["config.json", *torch])


def test_each_module_has_its_weights() -> None:
    dense = ["2_Dense/config.json", "2_Dense/pytorch_model.bin"]
    assert needed(["config.json", "model.safetensors", *dense]) == sorted(
        [*dense, "config.json", "model.safetensors"]
    )


@pytest.mark.parametrize(
    "names", [[], ["README.md"], ["config.json"], ["model.safetensors"], ["onnx/model.onnx"]]
)
def test_what_is_no_model(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"config\.json"):
        needed(names)


# ---------------------------------------------------------------- from a folder


def test_a_local_copy_of_links_becomes_files(tmp_path: Path) -> None:
    """The cache of the hub's client holds links to nameless files."""
    blobs, source, target = tmp_path / "blobs", tmp_path / "source", tmp_path / "target"
    write_model(blobs, BGE_M3)
    for name in BGE_M3:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).symlink_to(blobs / name)
    code, stdout, _ = run(tmp_path, "--from", source, MODEL_SAVE_PATH=str(target))
    assert code == 0
    assert stdout.startswith(f"{source}: {len(WANTED)} files, ")
    assert files_in(target) == WANTED
    assert not [path for path in target.rglob("*") if path.is_symlink()]


def test_an_interrupted_copy_goes_on(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write_model(source, BGE_M3)
    write_model(target, {"tokenizer.json": b"{}", "pytorch_model.bin": b"half"})
    before = (target / "tokenizer.json").stat().st_mtime_ns
    assert run(tmp_path, "--from", source, "--to", target)[0] == 0
    assert files_in(target) == WANTED
    assert (target / "tokenizer.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["none", "empty"])
def test_a_folder_without_a_model(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    code, stdout, stderr = run(tmp_path, "--from", tmp_path / name, "--to", tmp_path / "target")
    assert (code, stdout) == (1, "")
    assert stderr.startswith(f"error: cannot get {tmp_path / name}: ")
    assert stderr.count("\n") == 1


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("model", ["none", ""])
def test_none_fetches_nothing(tmp_path: Path, model: str) -> None:
    code, stdout, _ = run(tmp_path, "--model", model, MODEL_SAVE_PATH=str(tmp_path / "target"))
    assert (code, stdout) == (0, "no embedding model is fetched\n")
    assert list(tmp_path.iterdir()) == []


def test_help(tmp_path: Path) -> None:
    code, stdout, _ = run(tmp_path, "--help")
    assert code == 0
    assert "--from DIR" in stdout
    assert "BAAI/bge-m3" in stdout


# ---------------------------------------------------------------- from the hub


def test_offline_is_one_line(tmp_path: Path) -> None:
    """With the client: no connection. Without it: what to install. Never a traceback."""
    code, stdout, stderr = run(
        tmp_path, "--model", NAME, "--to", tmp_path / "x", HF_ENDPOINT="http://127.0.0.1:9"
    )
    assert (code, stdout) == (1, "")
    assert stderr.splitlines()[-1].startswith(f"error: cannot get {NAME}: ")
    assert stderr.splitlines()[-1].endswith("does without")
    assert "Traceback" not in stderr
    assert not (tmp_path / "x").exists()


@has_client
def test_the_needed_files_come_from_the_hub(tmp_path: Path) -> None:
    with serving(BGE_M3) as hub:
        code, stdout, stderr = run(
            tmp_path, "--model", NAME, "--to", tmp_path / "x", HF_ENDPOINT=hub.address
        )
        assert code == 0, stderr
        assert stdout.startswith(f"{NAME}: {len(WANTED)} files, ")
        assert files_in(tmp_path / "x") == WANTED
        assert {name for name, _ in hub.asked} == set(WANTED)
        hub.asked.clear()
        assert (
            run(tmp_path, "--model", NAME, "--to", tmp_path / "x", HF_ENDPOINT=hub.address)[0] == 0
        )
        assert hub.asked == []


@has_client
def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with serving(BGE_M3) as hub:
        code, _, stderr = run(
            tmp_path, "--model", "some/other", "--to", tmp_path / "x", HF_ENDPOINT=hub.address
        )
    assert code == 1
    assert stderr.splitlines()[-1].startswith(
        "error: cannot get some/other: RepositoryNotFoundError"
    )
    assert "Traceback" not in stderr


@pytest.mark.skipif(
    CLIENT != [0], reason="NOT RUN: this is about the image's huggingface_hub, below 1.0"
)
def test_a_killed_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    weights = bytes(range(256)) * (24 << 12)
    words = ("--model", NAME, "--to", tmp_path / "x")
    with serving(BGE_M3 | {"pytorch_model.bin": weights}) as hub:
        hub.stall = "pytorch_model.bin"
        process = start(tmp_path, *words, HF_ENDPOINT=hub.address)
        assert hub.stalled.wait(60)
        partial = tmp_path / "x" / ".cache" / "huggingface" / "download"
        while not any(path.stat().st_size for path in partial.glob("*.incomplete")):
            assert process.poll() is None
        process.kill()
        process.communicate()
        hub.stall = ""
        hub.asked.clear()
        code, _, stderr = run(tmp_path, *words, HF_ENDPOINT=hub.address)
        assert code == 0, stderr
        assert files_in(tmp_path / "x")["pytorch_model.bin"] == weights
        ((_, first),) = [asked for asked in hub.asked if asked[0] == "pytorch_model.bin"]
        assert first > 0
