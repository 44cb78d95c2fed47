"""Folders of images: labels in tables, in file names, in archives, one-hot, several labels, pixel
to pixel.
"""

from __future__ import annotations

import re

import numpy as np

from tests.shapes.shape import Expected, Labels, Shape
from tests.shapes.writing import Array, Folder, dicom_bytes, image_bytes

STRATIFIED = frozenset({"stratified", "random"})
BY_GROUP = frozenset({"group"})
SIDE = 24


def picture(
    folder: Folder, hue: float, stripes: float, side: int = SIDE, noise: float = 0.12
) -> Array:
    """A noisy colour image. hue: 0 to 1, from green to red. stripes: strength of a pattern of
    lines.
    """
    rng = folder.rng
    base = np.empty((side, side, 3))
    base[:] = (0.25 + 0.5 * hue, 0.75 - 0.5 * hue, 0.4 + 0.2 * rng.random())
    lines = np.sin(np.arange(side) * 1.6 + rng.random() * 6)[:, None, None]
    return np.clip(base + 0.3 * stripes * lines + rng.normal(0, noise, base.shape), 0, 1)


def mistaken(folder: Folder, label: int, classes: int = 2, share: float = 0.1) -> int:
    """The label, or for a share of rows any of them: real labels hold mistakes."""
    return int(folder.rng.integers(classes)) if folder.rng.random() < share else label


def binary_picture(folder: Folder, label: int) -> Array:
    """Positives are redder and striped, with some overlap."""
    positive = mistaken(folder, label)
    hue = 0.35 + 0.3 * positive + folder.rng.normal(0, 0.15)
    return picture(folder, hue, 0.3 + 0.5 * positive * folder.rng.random())


def flat_archives(folder: Folder) -> None:
    """Ids carry their extension; the images are only in train.zip and test.zip, without a folder
    inside.
    """
    rows = [(f"{folder.key()}.jpg", int(folder.rng.random() < 0.7)) for _ in range(120)]
    train, test = rows[:90], rows[90:]
    for name, label in rows:
        part = "train" if (name, label) in train else "test"
        row = folder.unit(name) if part == "train" else None
        folder.file(f"{part}/{name}", image_bytes(binary_picture(folder, label), "jpeg"), row)
    folder.pack("train.zip", "train")
    folder.pack("test.zip", "test")
    folder.table("train.csv", ("id", "is_striped"), train)
    folder.table("sample_submission.csv", ("id", "is_striped"), [(name, 0.5) for name, _ in test])
    folder.private_answers(("id", "is_striped"), test)


def grades(folder: Folder) -> None:
    """Whole numbers as labels, ids without extension, a test table of ids only."""
    shares = (0.45, 0.1, 0.25, 0.1, 0.1)
    rows = [(folder.key(12), int(folder.rng.choice(5, p=shares))) for _ in range(150)]
    for i, (name, grade) in enumerate(rows):
        pixels = picture(folder, 0.1 + grade * 0.2 + folder.rng.normal(0, 0.05), 0.2)
        row = folder.unit(name) if i < 120 else None
        folder.file(
            f"{'train' if i < 120 else 'test'}_images/{name}.png", image_bytes(pixels, "png"), row
        )
    folder.table("train.csv", ("id_code", "grade"), rows[:120])
    folder.table("test.csv", ("id_code",), [row[:1] for row in rows[120:]])
    folder.table("sample_submission.csv", ("id_code", "grade"), [(row[0], 0) for row in rows[120:]])
    folder.private_answers(("id_code", "grade"), rows[120:])


def labels_in_names(folder: Folder) -> None:
    """train/<kind>.<number>.jpg, test/<number>.jpg, no table of labels; both folders once more as
    flat archives.
    """
    kinds, count = ("apple", "brick"), [0, 0]
    for _ in range(100):
        label = int(folder.rng.random() < 0.5)
        name = f"{kinds[label]}.{count[label]}"
        count[label] += 1
        folder.file(
            f"train/{name}.jpg",
            image_bytes(binary_picture(folder, label), "jpeg"),
            folder.unit(name),
        )
    answers = [(i, int(folder.rng.random() < 0.5)) for i in range(1, 31)]
    for i, label in answers:
        folder.file(f"test/{i}.jpg", image_bytes(binary_picture(folder, label), "jpeg"))
    folder.pack("train.zip", "train", remove=False)
    folder.pack("test.zip", "test", remove=False)
    folder.table("sample_submission.csv", ("id", "label"), [(i, 0.5) for i, _ in answers])
    folder.private_answers(("id", "label"), answers)


def hash_ids_tiff(folder: Folder) -> None:
    """The table of labels is train_labels.csv; forty-character ids; .tif files."""
    rows = [(folder.key(40), int(folder.rng.random() < 0.4)) for _ in range(130)]
    for i, (name, label) in enumerate(rows):
        pixels = picture(folder, 0.5, 0.1)
        if mistaken(folder, label):
            pixels[8:16, 8:16] *= 0.35 + 0.3 * folder.rng.random()
        row = folder.unit(name) if i < 100 else None
        folder.file(
            f"{'train' if i < 100 else 'test'}/{name}.tif", image_bytes(pixels, "tiff"), row
        )
    folder.table("train_labels.csv", ("id", "label"), rows[:100])
    folder.table("sample_submission.csv", ("id", "label"), [(name, 0) for name, _ in rows[100:]])
    folder.private_answers(("id", "label"), rows[100:])


def breed_names() -> tuple[str, ...]:
    """120 names with underscores and hyphens, in alphabetical order."""
    first = (
        "amber black blue brown cream golden grey ivory long-haired red short-legged white".split()
    )
    second = "collie hound mastiff pointer poodle retriever setter shepherd spaniel terrier".split()
    return tuple(sorted(f"{a}_{b}" for a in first for b in second))


def one_hot_120(folder: Folder) -> None:
    """labels.csv with a class per row; the sample has one column for each of 120 classes."""
    names = breed_names()
    rows = [(folder.key(), k % 120) for k in range(540)]
    folder.rng.shuffle(rows)
    rows = [(str(key), int(k)) for key, k in rows]
    for i, (key, k) in enumerate(rows):
        pixels = picture(folder, k % 12 / 11, k // 12 / 9, side=16, noise=0.06)
        pixels[..., 2] = np.clip(pixels[..., 2] * 0.2 + k // 12 / 12, 0, 1)
        row = folder.unit(key) if i < 480 else None
        folder.file(f"{'train' if i < 480 else 'test'}/{key}.jpg", image_bytes(pixels, "jpeg"), row)
    folder.table("labels.csv", ("id", "breed"), [(key, names[k]) for key, k in rows[:480]])
    test = rows[480:]
    folder.table(
        "sample_submission.csv", ("id", *names), [(key, *[1 / 120] * 120) for key, _ in test]
    )
    folder.private_answers(
        ("id", *names), [(key, *(int(k == j) for j in range(120))) for key, k in test]
    )


def one_hot_shared_folder(folder: Folder) -> None:
    """train.csv is one-hot already; train and test images lie in one folder as Train_<n> and
    Test_<n>.
    """
    columns = ("leaf_id", "clean", "many_spots", "orange", "brown")
    labels = folder.rng.choice(4, size=160, p=(0.3, 0.1, 0.3, 0.3))
    rows = []
    for i, k in enumerate(labels):
        name = f"Train_{i}" if i < 120 else f"Test_{i - 120}"
        seen = mistaken(folder, int(k), 4)
        pixels = picture(
            folder,
            (0.1, 0.5, 0.85, 0.5)[seen] + folder.rng.normal(0, 0.1),
            (0.1, 0.9, 0.1, 0.5)[seen],
        )
        folder.file(
            f"images/{name}.jpg",
            image_bytes(pixels, "jpeg"),
            folder.unit(name) if i < 120 else None,
        )
        rows.append((name, *(int(k == j) for j in range(4))))
    folder.table("train.csv", columns, rows[:120])
    folder.table("test.csv", columns[:1], [row[:1] for row in rows[120:]])
    folder.table(
        "sample_submission.csv", columns, [(row[0], 0.25, 0.25, 0.25, 0.25) for row in rows[120:]]
    )
    folder.private_answers(columns, rows[120:])


MULTI = (
    "Tube - Off",
    "Tube - Near",
    "Tube - Right",
    "Line - Off",
    "Line - Right",
    "Device Present",
)


def multi_label_by_patient(folder: Folder) -> None:
    """Several labels per image, a patient column that test lacks, no test table, a side table of
    annotations.
    """
    rows, notes = [], []
    for i in range(150):
        key = "1.2.826.0.1." + "".join(str(digit) for digit in folder.rng.integers(0, 10, 24))
        tube, line, device = (
            folder.rng.integers(0, 3),
            folder.rng.integers(0, 2),
            int(folder.rng.random() < 0.3),
        )
        pixels = picture(folder, 0.15 + 0.35 * tube, 0.9 * line)
        pixels[:5, :5] = 0.95 if device else 0.2
        labels = [int(tube == k) for k in range(3)] + [int(line == k) for k in range(2)] + [device]
        train = i < 120
        folder.file(
            f"{'train' if train else 'test'}/{key}.jpg",
            image_bytes(pixels, "jpeg"),
            folder.unit(key) if train else None,
        )
        rows.append((key, *labels, f"{i // 3:09x}"))
        if train and i % 2 == 0:
            spots = folder.rng.integers(0, SIDE, (3, 2)).tolist()
            notes.append(
                (key, next(name for name, on in zip(MULTI, labels, strict=True) if on), spots)
            )
    columns = ("StudyUID", *MULTI)
    folder.table("train.csv", (*columns, "PatientID"), rows[:120])
    folder.table("train_annotations.csv", ("StudyUID", "label", "data"), notes)
    folder.table("sample_submission.csv", columns, [(row[0], *[0] * 6) for row in rows[120:]])
    folder.private_answers(columns, [row[:-1] for row in rows[120:]])


SITES = ("torso", "head/neck", "upper extremity", "lower extremity", "")


def three_formats_by_patient(folder: Folder) -> None:
    """Every image as .dcm, .jpg and a record of a .tfrec, which also holds the label; a table of
    metadata with columns that only train has (one of them is the label in words); patients have
    several rows.
    """
    rows, records = [], []
    for i in range(180):
        target = int(folder.rng.random() < 0.25)
        name, patient = f"SKIN_{int(folder.rng.integers(10**6)):07d}", f"IP_{i // 4:06d}"
        age = 5 * int(folder.rng.integers(4, 16) + 2 * target)
        site = SITES[int(folder.rng.integers(5))]
        pixels = binary_picture(folder, target)
        row = folder.unit(name) if i < 140 else None
        part = "train" if i < 140 else "test"
        folder.file(f"{part}/{name}.dcm", dicom_bytes(pixels.mean(axis=2), name), row)
        folder.file(f"jpeg/{part}/{name}.jpg", image_bytes(pixels, "jpeg"), row)
        sex = folder.rng.choice(("male", "female", ""))
        diagnosis = "melanoma" if target else str(folder.rng.choice(("nevus", "unknown")))
        rows.append(
            (name, patient, sex, age, site, diagnosis, "malignant" if target else "benign", target)
        )
        told = f"image_name:{name};target:{target};" if i < 140 else f"image_name:{name};"
        records.append(told.encode() + image_bytes(pixels[::3, ::3], "jpeg"))
    for k in range(2):
        folder.file(f"tfrecords/train{k:02d}-70.tfrec", b"".join(records[70 * k : 70 * (k + 1)]))
    folder.file("tfrecords/test00-40.tfrec", b"".join(records[140:]))
    columns = (
        "image_name",
        "patient_id",
        "sex",
        "age",
        "site",
        "diagnosis",
        "benign_malignant",
        "target",
    )
    folder.table("train.csv", columns, rows[:140])
    folder.table("test.csv", columns[:5], [row[:5] for row in rows[140:]])
    folder.table(
        "sample_submission.csv", ("image_name", "target"), [(row[0], 0) for row in rows[140:]]
    )
    folder.private_answers(("image_name", "target"), [(row[0], row[-1]) for row in rows[140:]])


def page(folder: Folder, height: int, width: int) -> tuple[Array, Array]:
    """(clean, dirty): dark strokes on white, and the same with a stained background and noise."""
    rng = folder.rng
    clean = np.ones((height, width))
    for top in range(2, height - 3, 5):
        for left in range(1, width - 2):
            if rng.random() < 0.45:
                clean[top : top + 3, left] = 0.05 + 0.1 * rng.random()
    down, right = np.mgrid[:height, :width]
    stain = 0.25 * np.sin(down / 5 + rng.random() * 6) * np.cos(right / 7 + rng.random() * 6)
    dirty = np.clip(0.3 + 0.55 * clean + stain + rng.normal(0, 0.05, clean.shape), 0, 1)
    return clean, dirty


def pixel_rows(folder: Folder) -> None:
    """train/ and train_cleaned/ hold the same names; a row of the sample is <image>_<row>_<column>,
    from 1.
    """
    sample, answers = [], []
    for number in folder.rng.permutation(np.arange(1, 17)):
        size = (20, 28) if number % 2 else (14, 28)
        clean, dirty = page(folder, *size)
        name = f"{number}.png"
        if number % 4:
            row = folder.unit(str(number), size[0] * size[1])
            folder.file(f"train/{name}", image_bytes(dirty, "png"), row)
            folder.file(f"train_cleaned/{name}", image_bytes(clean, "png"), answer_of=row)
            continue
        folder.file(f"test/{name}", image_bytes(dirty, "png"))
        for (i, j), value in np.ndenumerate(np.round(clean * 255) / 255):
            sample.append((f"{number}_{i + 1}_{j + 1}", 1))
            answers.append((f"{number}_{i + 1}_{j + 1}", value))
    folder.table("sampleSubmission.csv", ("id", "value"), sample)
    folder.private_answers(("id", "value"), answers)


SHAPES = (
    Shape(
        "image_flat_archives",
        "images only in flat zip files, ids are file names",
        Expected("roc_auc", ("id",), ("is_striped",), ("image",), STRATIFIED),
        Labels(("is_striped",)),
        flat_archives,
    ),
    Shape(
        "image_grades",
        "grades 0 to 4, ids without extension",
        Expected("quadratic_weighted_kappa", ("id_code",), ("grade",), ("image",), STRATIFIED),
        Labels(("grade",), ("id_code",)),
        grades,
    ),
    Shape(
        "image_labels_in_file_names",
        "no label table; folders and archives hold the same images",
        Expected("log_loss", ("id",), ("label",), ("image",), STRATIFIED),
        Labels(("label",), name=re.compile(r"(?:apple|brick)\.\d+")),
        labels_in_names,
    ),
    Shape(
        "image_hash_ids_tiff",
        "train_labels.csv, no test table, .tif",
        Expected("roc_auc", ("id",), ("label",), ("image",), STRATIFIED),
        Labels(("label",)),
        hash_ids_tiff,
    ),
    Shape(
        "image_one_hot_120_classes",
        "labels.csv with a class column, 120 columns in the sample",
        Expected("log_loss", ("id",), breed_names(), ("image",), STRATIFIED),
        Labels(("breed",)),
        one_hot_120,
    ),
    Shape(
        "image_one_hot_shared_folder",
        "train and test images in one folder, train table one-hot",
        Expected(
            "roc_auc",
            ("leaf_id",),
            ("clean", "many_spots", "orange", "brown"),
            ("image",),
            STRATIFIED,
        ),
        Labels(("clean", "many_spots", "orange", "brown"), ("leaf_id",)),
        one_hot_shared_folder,
    ),
    Shape(
        "image_multi_label_by_patient",
        "several labels, patients, a side table of annotations",
        Expected("roc_auc", ("StudyUID",), MULTI, ("image",), STRATIFIED | BY_GROUP),
        Labels((*MULTI, "label", "data"), ("StudyUID",)),
        multi_label_by_patient,
    ),
    Shape(
        "image_three_formats_by_patient",
        "metadata table, .dcm and .jpg and .tfrec, label words that only train has",
        Expected("roc_auc", ("image_name",), ("target",), ("image",), STRATIFIED | BY_GROUP),
        Labels(
            ("target", "diagnosis", "benign_malignant"),
            ("image_name",),
            line=re.compile(rb"image_name:(SKIN_\d+);target:\d"),
        ),
        three_formats_by_patient,
    ),
    Shape(
        "denoising_pixel_rows",
        "answers are images, a sample row is a pixel of one",
        Expected("rmse", ("id",), ("value",), ("image",), STRATIFIED | BY_GROUP),
        Labels(("value",)),
        pixel_rows,
    ),
)
