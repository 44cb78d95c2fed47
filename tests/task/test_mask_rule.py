"""Rule P5: images of masks become run lengths, and no view shows the mask of a held-out row; nor
where a table holds the run lengths.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.judging.scorer import judge
from core.judging.store import Store
from core.task.recognise.labels.run_lengths import pixel_order, pixels_of_mask, run_lengths
from tests.task import folders
from tests.task.rule_cases import Built, build, check_rows, everything, truth
from tests.task.view_cases import table

Bits = np.ndarray[Any, np.dtype[np.uint8]]
DICE = "## Evaluation\n\nScored by the mean Dice coefficient.\n"
HEIGHT, WIDTH = 6, 9
EMPTY = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of files; `{id}` stands for that of an image. masks: those of an image. carried: ids
    have an extension.
    """

    images: str
    masks: Sequence[str]
    test: str
    carried: bool = False


APART = Layout("train/images/{id}.png", ("train/masks/{id}.png",), "test/images/{id}.png")
CARS = Layout("train/{id}.jpg", ("train_masks/{id}_mask.gif",), "test/{id}.jpg", carried=True)
LAYOUTS = {
    "apart": APART,
    "cars": CARS,
    "parts first": Layout(
        "images/train/{id}.png", ("masks/train/{id}.png",), "images/test/{id}.png"
    ),
    "beside": Layout("train/{id}.png", ("train/{id}_mask.png",), "test/{id}.png"),
    "same kind": Layout("train/{id}.png", ("train_masks/{id}.png",), "test/{id}.png", carried=True),
    "instances": Layout(
        "train/{id}.png", ("masks/{id}_0.png", "masks/{id}_12.png"), "test/{id}.png"
    ),
    "arrays": Layout("train/{id}.png", ("train_masks/{id}.npy",), "test/{id}.png"),
    "its own name": Layout(
        "train/{id}/{id}.png", ("train/{id}/{id}_mask.png",), "test/{id}/{id}.png"
    ),
    "own folders": Layout(
        "train/{id}/images/{id}.png",
        ("train/{id}/masks/a{id}.png", "train/{id}/masks/7f.png"),
        "test/{id}/images/{id}.png",
    ),
}


def name_of(i: int) -> str:
    return f"{i * 7919 % 100003:05x}_{i % 4:02d}"


def mask_of(i: int) -> Bits:
    """A box and a number in the last row, so that no two are equal; every fifth is empty."""
    bits = np.zeros((HEIGHT, WIDTH), np.uint8)
    if i % EMPTY:
        bits[i % 3 : i % 3 + 2, 1:4] = 1
        bits[-1] = [(i >> k) & 1 for k in range(WIDTH)]
    return bits


def scans(data: Path, layout: Layout, count: int = 40, test: int = 10) -> dict[str, Bits]:
    """The folder without a table of answers; returns the mask of each train id."""
    rng, masks, asked = np.random.default_rng(0), {}, []
    for i in range(count + test):
        name, train = name_of(i), i < count
        path = data / (layout.images if train else layout.test).format(id=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8)).save(path)
        shown = path.name if layout.carried else name
        if not train:
            asked.append((shown, "1 1"))
            continue
        masks[shown] = mask_of(i)
        for k, where in enumerate(layout.masks):
            piece = masks[shown].copy()
            piece[:, [column for column in range(WIDTH) if column % len(layout.masks) != k]] = 0
            target = data / where.format(id=name)
            target.parent.mkdir(parents=True, exist_ok=True)
            # Empty masks would be equal; what stands behind an image changes nothing but its bytes.
            if target.suffix == ".npy":
                np.save(target, piece)
            else:
                Image.fromarray(piece * 255).save(target)
            target.write_bytes(target.read_bytes() + f"end {name}".encode())
    folders.put(data / "sample_submission.csv", ("id", "rle_mask"), asked)
    return masks


def records(data: Path, count: int = 30, test: int = 8) -> dict[str, Bits]:
    """Arrays in a folder per id, those of train with the mask and those of single raters; some lie
    in validation.
    """
    masks = {}
    for i in range(count + test):
        name = name_of(i).replace("_", "")
        folder = data / ("test" if i >= count else "validation" if i % 10 == 9 else "train") / name
        folder.mkdir(parents=True)
        np.save(folder / "band_08.npy", np.full((HEIGHT, WIDTH, 3), i, np.float32))
        if i < count:
            masks[name] = mask_of(i)
            np.save(folder / "human_pixel_masks.npy", masks[name][:, :, None])
        if folder.parent.name == "train":
            np.save(
                folder / "human_individual_masks.npy",
                np.stack([masks[name]] * 3, axis=-1)[:, :, None],
            )
    asked = [
        (path.name, "1 3 10 5" if k else "-", 6, 9)
        for k, path in enumerate(sorted((data / "test").iterdir()))
    ]
    folders.put(
        data / "sample_submission.csv", ("record_id", "encoded_pixels", "height", "width"), asked
    )
    return masks


def png(pixels: Bits) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def painted(cell: str, down: bool = True) -> Bits:
    """The mask of run lengths, pixel by pixel."""
    flat = np.zeros(HEIGHT * WIDTH, np.uint8)
    numbers = [int(number) for number in cell.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        flat[start - 1 : start - 1 + length] = 1
    return flat.reshape((WIDTH, HEIGHT)).T if down else flat.reshape((HEIGHT, WIDTH))


def check_hidden(made: Built, data: Path, layout: Layout, masks: dict[str, Bits]) -> None:
    """Each image is held out once, with the images beside the test's and no mask anywhere; other
    masks may be seen.
    """
    seen: set[str] = set()
    for view in made.searches:
        shown, held = everything(view), truth(view)
        contents = set(shown.values())
        for key in held:
            stem = key.rsplit(".", 1)[0]
            assert not any(
                (data / mask.format(id=stem)).read_bytes() in contents for mask in layout.masks
            )
            assert (
                shown[layout.test.format(id=stem)]
                == (data / layout.images.format(id=stem)).read_bytes()
            )
        left = sum(
            1
            for path, content in shown.items()
            if b"end " in content[-20:] and path.endswith(("png", "gif", "npy"))
        )
        assert left == (len(masks) - len(held)) * len(layout.masks)
        seen |= set(held)
    assert seen == set(masks)


@pytest.mark.parametrize("name", LAYOUTS)
def test_masks_become_run_lengths_and_hide_with_their_image(tmp_path: Path, name: str) -> None:
    data, layout = tmp_path / "data", LAYOUTS[name]
    masks = scans(data, layout)
    made = build(data, tmp_path / "ws", DICE)
    spec = made.spec
    assert (spec.metric.name, spec.value_kind, spec.modality) == ("dice", "mask", "image")
    assert (spec.ids.columns, spec.answers.targets, spec.tables.rows_train) == (
        ("id",),
        ("rle_mask",),
        len(masks),
    )
    assert "P5, masks of 40 images" in made.notes
    assert "down the columns, the usual order" in made.notes
    assert set(spec.files.labels) == {
        mask.format(id=key.rsplit(".", 1)[0]) for key in masks for mask in layout.masks
    }
    cells = table(spec, None, "train").set_index("id")["rle_mask"]
    assert cells.eq("").sum() == len(masks) / EMPTY
    assert all((painted(cells[key]) == mask).all() for key, mask in masks.items())
    check_rows(made)
    check_hidden(made, data, layout, masks)


def test_numbered_masks_of_numbered_ids_hide_with_their_image(tmp_path: Path) -> None:
    """The number of a mask is no id."""
    data = tmp_path / "data"
    for i in range(38):
        folder = data / ("train" if i < 30 else "test") / str(i)
        folder.mkdir(parents=True)
        (folder / "image.png").write_bytes(png(np.full((HEIGHT, WIDTH), i, np.uint8)))
        for k in range(2 if i < 30 else 0):
            (folder / f"mask_{k}.png").write_bytes(png(mask_of(i)) + f"of {i} {k}".encode())
    folders.put(
        data / "sample_submission.csv", ("id", "rle_mask"), [(i, "1 1") for i in range(30, 38)]
    )
    made = build(data, tmp_path / "ws", DICE)
    check_rows(made)
    for view in made.searches:
        shown = everything(view)
        for name in truth(view):
            assert {path for path in shown if f"/{name}/" in path} == {f"test/{name}/image.png"}


@pytest.mark.parametrize("masks", [True, False])
def test_what_only_train_rows_have_is_hidden_in_a_folder_of_both_parts(
    tmp_path: Path, masks: bool
) -> None:
    data, train = tmp_path / "data", []
    for i in range(38):
        name = f"c{i * 7919 % 9973:04d}"
        (data / "cases" / name).mkdir(parents=True)
        (data / "cases" / name / "scan.png").write_bytes(png(np.full((HEIGHT, WIDTH), i, np.uint8)))
        if i < 30:
            train.append((name, f"{i + 1} 2"))
            for file in ("mask.png", "rater2.png") if masks else ("diagnosis.txt",):
                (data / "cases" / name / file).write_bytes(png(mask_of(i)) + name.encode())
    asked = [
        (path.name, "1 1")
        for path in sorted((data / "cases").iterdir())
        if path.name not in dict(train)
    ]
    folders.put(data / "sample_submission.csv", ("id", "rle_mask"), asked)
    if not masks:
        folders.put(data / "train.csv", ("id", "rle_mask"), train)
    made = build(data, tmp_path / "ws", DICE)
    for view in made.searches:
        shown = everything(view)
        for name in truth(view):
            assert {path for path in shown if f"/{name}/" in path} == {f"cases/{name}/scan.png"}


def test_of_several_kinds_of_arrays_the_one_of_planes_is_the_mask(tmp_path: Path) -> None:
    """Single raters' masks are planes where there was one rater; an array may be torn."""
    data = tmp_path / "data"
    masks = records(data)
    for k, name in enumerate(sorted(masks)):
        folder = next(path for path in data.glob(f"*/{name}"))
        raters = 1 if k < 9 else 3
        np.save(
            folder / "human_individual_masks.npy", np.ones((HEIGHT, WIDTH, 1, raters), np.uint8)
        )
    (folder / "human_pixel_masks.npy").write_bytes(b"")
    made = build(
        data, tmp_path / "ws", "## Evaluation\n\nThe global Dice coefficient, over all pixels.\n"
    )
    assert made.spec.tables.rows_train == len(masks) - 1
    cells = (
        table(made.spec, None, "train").set_index("record_id")["encoded_pixels"].replace("-", "")
    )
    assert all((painted(cell) == masks[key]).all() for key, cell in cells.items())


def test_arrays_in_a_folder_per_id(tmp_path: Path) -> None:
    data = tmp_path / "data"
    masks = records(data)
    made = build(
        data, tmp_path / "ws", "## Evaluation\n\nThe global Dice coefficient, over all pixels.\n"
    )
    assert (made.spec.metric.name, made.spec.answers.targets) == (
        "dice_global",
        ("encoded_pixels",),
    )
    cells = table(made.spec, None, "train").set_index("record_id")["encoded_pixels"]
    assert set(cells[cells == "-"].index) == {
        name for name, mask in masks.items() if not mask.any()
    }
    assert all(
        (painted(cells[name].replace("-", "")) == mask).all() for name, mask in masks.items()
    )
    check_rows(made)
    seen: set[str] = set()
    for view in made.searches:
        held, shown = truth(view), everything(view)
        seen |= set(held)
        for name in held:
            there = {path for path in shown if f"/{name}/" in path}
            assert there == {f"test/{name}/band_08.npy"}
        shown_sample = table(made.spec, view, "sample")
        assert set(shown_sample["height"].astype(str)) == {"6"}
        assert all(
            f"/{name}/human_pixel_masks.npy" in " ".join(shown) for name in set(masks) - set(held)
        )
    assert seen == set(masks)


def test_true_run_lengths_score_one_and_others_less(tmp_path: Path) -> None:
    data = tmp_path / "data"
    scans(data, APART)
    made = build(data, tmp_path / "ws", DICE)
    view = made.searches[0]
    asked = table(made.spec, view, "sample")
    answers = {key: row[0] for key, row in truth(view).items()}
    assert "" in {cell for view in made.searches for (cell,) in truth(view).values()}
    scores = []
    for wrong in ("", "1 1"):
        filled = asked.assign(rle_mask=[wrong or answers.get(key, "") for key in asked["id"]])
        filled.to_csv(tmp_path / "submission.csv", index=False)
        judged = judge(
            made.spec,
            view,
            tmp_path / "submission.csv",
            Store(tmp_path / "kept"),
            f"p{len(scores)}",
        )
        assert judged.valid, judged.reasons
        scores.append(judged.score)
    assert scores[0] == 1.0
    assert scores[1] is not None
    assert scores[1] < 0.5


@pytest.mark.parametrize("name", ["apart", "cars", "parts first", "same kind"])
def test_masks_beside_a_table_of_run_lengths_hide_with_their_image(
    tmp_path: Path, name: str
) -> None:
    """Images and masks of the same name, of which only one can stand among the test files."""
    data, layout = tmp_path / "data", LAYOUTS[name]
    masks = scans(data, layout)
    rows = [(key, run_lengths(mask.astype(bool), "columns")) for key, mask in masks.items()]
    folders.put(data / "train.csv", ("id", "rle_mask"), rows)
    made = build(data, tmp_path / "ws", DICE)
    assert "P5" not in made.notes
    check_rows(made)
    check_hidden(made, data, layout, masks)


def test_masks_of_another_image_or_without_run_lengths_are_no_labels(tmp_path: Path) -> None:
    """A sample of classes: a folder of masks is more about the images, and no answer."""
    data = tmp_path / "data"
    scans(data, APART)
    rows = [(name_of(i), "sick" if i % 2 else "well") for i in range(50)]
    folders.put(data / "train.csv", ("id", "state"), rows[:40])
    folders.put(
        data / "sample_submission.csv", ("id", "state"), [(key, "well") for key, _ in rows[40:]]
    )
    made = build(data, tmp_path / "ws", "## Evaluation\n\nAccuracy.\n")
    assert made.spec.value_kind == "label"
    assert made.spec.files.labels == ()


def test_rows_of_pixels_where_the_description_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    masks = scans(data, APART)
    text = f"{DICE}\nPixels are numbered from left to right, then top to bottom.\n"
    made = build(data, tmp_path / "ws", text)
    assert "along the rows, as the description says" in made.notes
    cells = table(made.spec, None, "train").set_index("id")["rle_mask"]
    assert all((painted(cells[key], down=False) == mask).all() for key, mask in masks.items())


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (
            "Pixels are one-indexed and numbered from top to bottom, then left to right: 1 is (1,1).",
            "columns",
        ),
        ("numbered from left to right, then top to bottom", "rows"),
        ("Runs are in column-major order.", "columns"),
        ("Masks are flattened in row-major order", "rows"),
        ("Cars drive from left to right. Scroll from top to bottom.", "columns"),
        ("", "columns"),
    ],
)
def test_order_of_pixels(text: str, order: str) -> None:
    found, why = pixel_order(text)
    assert found == order
    assert ("does not tell" in why) == (text.startswith("Cars") or not text)


def saved(path: Path, image: Image.Image) -> Bits | None:
    image.save(path)
    found = pixels_of_mask([path])
    return None if found is None else found.astype(np.uint8)


def test_kinds_of_mask_files(tmp_path: Path) -> None:
    bits = mask_of(21)
    palette = Image.frombytes("P", (WIDTH, HEIGHT), (1 - bits).tobytes())
    palette.putpalette([200, 0, 0, 0, 0, 0])
    kinds = {
        "deep.png": Image.fromarray(bits.astype(np.uint16) * 300),
        "deep.tif": Image.fromarray(bits.astype(np.uint16) * 256),
        "classes.png": Image.fromarray(bits * 2),
        "truth.png": Image.fromarray(bits.astype(bool)),
        "palette.gif": palette,
        "clear.png": Image.fromarray(
            np.stack([bits * 255] * 3 + [np.full_like(bits, 255)], axis=2)
        ),
    }
    for name, image in kinds.items():
        assert np.array_equal(saved(tmp_path / name, image), bits), name
    large = np.kron(bits, np.ones((16, 16), np.uint8))
    assert np.array_equal(saved(tmp_path / "lossy.jpg", Image.fromarray(large * 255)), large)
    (tmp_path / "torn.png").write_bytes(b"no image")
    assert pixels_of_mask([tmp_path / "truth.png", tmp_path / "torn.png"]) is None


def test_run_lengths_of_masks_that_touch_the_borders() -> None:
    assert run_lengths(np.ones((2, 3), bool), "columns") == "1 6"
    assert run_lengths(np.zeros((2, 3), bool), "rows") == ""
    corners = np.array([[1, 0], [0, 1]], bool)
    assert run_lengths(corners, "rows") == "1 1 4 1"
    assert run_lengths(np.array([[1, 0], [1, 0]], bool), "columns") == "1 2"
    assert run_lengths(np.array([[1, 0], [1, 0]], bool), "rows") == "1 1 3 1"
