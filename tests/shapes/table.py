"""Folders of tables, some with files beside the rows."""

from __future__ import annotations

import numpy as np

from tests.shapes.image import STRATIFIED, picture
from tests.shapes.shape import Expected, Labels, Shape
from tests.shapes.writing import Folder, image_bytes

RANDOM = frozenset({"random"})
GENERA = "Acer Alnus Betula Celtis Cornus Ilex Morus Pinus Populus Quercus Salix".split()
EPITHETS = "Alba Glabra Major Minor Nigra Rubra Sativa Serrata Vulgaris".split()


def species_names() -> tuple[str, ...]:
    """99 names in alphabetical order."""
    return tuple(sorted(f"{genus}_{epithet}" for genus in GENERA for epithet in EPITHETS))


def features_and_images(folder: Folder) -> None:
    """99 classes, three families of numbered features, ids of both parts mixed, images of both
    parts in one folder.
    """
    rng, names = folder.rng, species_names()
    centres = rng.normal(0, 0.02, (99, 24))
    labels = rng.permutation(np.repeat(np.arange(99), 6))
    header = (
        "id",
        "species",
        *(f"{kind}_{i}" for kind in ("margin", "shape", "texture") for i in range(1, 9)),
    )
    rows = []
    for i, k in enumerate(labels, start=1):
        values = np.round(np.abs(centres[k] + rng.normal(0, 0.008, 24)), 6)
        rows.append((i, names[k], *values))
        leaf = np.uint8(picture(folder, k / 99, 0.0, side=12).mean(axis=2) > 0.5)
        leaf[: 1 + k % 10, i % 12] = 0
        leaf.ravel()[[i % 144, i * 7 % 144]] = 1
        folder.file(f"images/{i}.jpg", image_bytes(leaf.astype(float), "jpeg"))
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    train, test = mixed[:500], mixed[500:]
    for row in train:
        folder.unit(str(row[0]))
    folder.table("train.csv", header, train)
    folder.table("test.csv", (header[0], *header[2:]), [(row[0], *row[2:]) for row in test])
    folder.table(
        "sample_submission.csv", ("id", *names), [(row[0], *[1 / 99] * 99) for row in test]
    )
    folder.private_answers(
        ("id", *names), [(row[0], *(int(row[1] == name) for name in names)) for row in test]
    )


def dates_as_keys(folder: Folder) -> None:
    """The train table is called labels.csv; the key is a time with seven decimals; coordinates that
    are nonsense, negative prices and empty cells; a file that is no data.
    """
    rng, rows = folder.rng, []
    stamps = sorted(rng.integers(1_230_768_000, 1_430_000_000, 3400))
    for i, stamp in enumerate(stamps):
        when = str(np.datetime64(int(stamp), "s")).replace("T", " ")
        start, end = rng.normal((-73.98, 40.75), 0.03), rng.normal((-73.97, 40.76), 0.03)
        price = 2.5 + 220 * float(np.abs(start - end).sum()) + rng.normal(0, 1)
        if i % 97 == 0:
            start = np.zeros(2)
        if i % 150 == 1:
            price = -price
        place = (
            tuple(np.round((*start, *end), 6)) if i % 400 != 7 else (*np.round(start, 6), "", "")
        )
        rows.append(
            (
                f"{when}.{i % 97:07d}",
                round(price, 2),
                f"{when} UTC",
                *place,
                int(rng.integers(1, 6)),
            )
        )
    header = (
        "key",
        "price",
        "start_datetime",
        "start_lon",
        "start_lat",
        "end_lon",
        "end_lat",
        "guest_count",
    )
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    train, test = mixed[:3000], [row for row in mixed[3000:] if row[-2] != ""]
    for row in train:
        folder.unit(str(row[0]))
    folder.table("labels.csv", header, train)
    folder.table("test.csv", (header[0], *header[2:]), [(row[0], *row[2:]) for row in test])
    folder.table("sample_submission.csv", header[:2], [(row[0], 11.35) for row in test])
    folder.file("Coupons-Instructions.rtf", b"{\\rtf1\\ansi Free credits: follow the steps.}")
    folder.private_answers(header, test)


def two_targets_and_geometry(folder: Folder) -> None:
    """Ids count from 1 in both parts; every row has a file <part>/<id>/geometry.xyz."""
    rng = folder.rng
    header = (
        "id",
        "group",
        "atoms",
        "part_al",
        "part_ga",
        "part_in",
        "length_1",
        "length_2",
        "angle",
        "energy",
        "gap",
    )

    def rows(count: int) -> list[tuple[object, ...]]:
        made = []
        for i in range(1, count + 1):
            parts = rng.dirichlet((1, 1, 1))
            lengths = rng.uniform(5, 25, 2)
            energy = max(0.0, 0.25 * parts[0] * parts[1] + 0.1 * parts[2] + rng.normal(0, 0.01))
            gap = max(0.1, 4.5 * parts[0] + 2.0 * parts[1] + 0.5 * parts[2] + rng.normal(0, 0.1))
            numbers = (
                *np.round(parts, 4),
                *np.round(lengths, 4),
                round(float(rng.uniform(85, 120)), 2),
            )
            atoms = int(rng.choice((10, 20, 40, 80)))
            made.append(
                (
                    i,
                    int(rng.choice((12, 33, 167, 194))),
                    atoms,
                    *numbers,
                    round(energy, 4),
                    round(gap, 4),
                )
            )
        return made

    train, test = rows(400), rows(60)
    for part, table in (("train", train), ("test", test)):
        for row in table:
            atoms = "".join(
                f"atom {x:.4f} {y:.4f} {z:.4f} Al\n" for x, y, z in rng.uniform(0, 9, (4, 3))
            )
            raw = f"#made up\nlattice_vector {row[6]} 0 0\nlattice_vector 0 {row[7]} 0\n{atoms}".encode()
            key = folder.unit(str(row[0])) if part == "train" else None
            folder.file(f"{part}/{row[0]}/geometry.xyz", raw, key)
    folder.table("train.csv", header, train)
    folder.table("test.csv", header[:-2], [row[:-2] for row in test])
    folder.table(
        "sample_submission.csv", ("id", *header[-2:]), [(row[0], 0.1779, 1.8892) for row in test]
    )
    folder.private_answers(("id", *header[-2:]), [(row[0], *row[-2:]) for row in test])


def seven_classes(folder: Folder) -> None:
    """Numbers and many 0/1 columns, some of them constant; classes 1 to 7, one of them with a
    single row.
    """
    rng = folder.rng
    numbers = rng.normal((2900, 150, 16, 250), (400, 100, 8, 200), (1300, 4)).round().astype(int)
    area = np.eye(4, dtype=int)[rng.integers(0, 4, 1300)]
    soil = np.eye(10, dtype=int)[rng.integers(0, 8, 1300)]
    score = (
        (numbers[:, 0] - 2900) / 400
        + 0.8 * area[:, 1]
        - 0.6 * soil[:, 2]
        + rng.normal(0, 0.3, 1300)
    )
    labels = np.digitize(score, (-2.2, -0.9, 0.4, 1.3, 2.2)) + 1
    labels[labels >= 5] += 1
    labels[17] = 5
    header = ("Id", "Height", "Aspect", "Slope", "Distance", *(f"Area{i}" for i in range(1, 5)))
    header = (*header, *(f"Soil{i}" for i in range(1, 11)), "Cover")
    rows = [(i, *numbers[i], *area[i], *soil[i], labels[i]) for i in range(1300)]
    for row in rows[:1000]:
        folder.unit(str(row[0]))
    folder.table("train.csv", header, rows[:1000])
    folder.table("test.csv", header[:-1], [row[:-1] for row in rows[1000:]])
    folder.table("sample_submission.csv", ("Id", "Cover"), [(row[0], 2) for row in rows[1000:]])
    folder.private_answers(("Id", "Cover"), [(row[0], row[-1]) for row in rows[1000:]])


def mixed_binary(folder: Folder) -> None:
    """Unnamed features of all kinds, one of them a word of ten letters; test ids go on where train
    ids end.
    """
    rng, count = folder.rng, 1500
    real = rng.normal(0, 1, (count, 6)).round(5)
    whole = rng.poisson(2, (count, 4))
    letters = rng.integers(0, 6, (count, 10))
    words = ["".join("ABCDEFGH"[k] for k in row) for row in letters]
    score = (
        real[:, 0] * real[:, 1]
        + 0.7 * real[:, 2]
        + 0.4 * (whole[:, 0] - 2)
        + 0.5 * (letters[:, 0] - 2.5)
    )
    labels = (score + rng.normal(0, 0.5, count) > 0).astype(int)
    header = ("id", *(f"f_{i:02d}" for i in range(11)), "target")
    rows = [(i, *real[i], *whole[i], words[i], labels[i]) for i in range(count)]
    for row in rows[:1200]:
        folder.unit(str(row[0]))
    folder.table("train.csv", header, rows[:1200])
    folder.table("test.csv", header[:-1], [row[:-1] for row in rows[1200:]])
    folder.table("sample_submission.csv", ("id", "target"), [(row[0], 0.5) for row in rows[1200:]])
    folder.private_answers(("id", "target"), [(row[0], row[-1]) for row in rows[1200:]])


SHAPES = (
    Shape(
        "table_99_classes_and_images",
        "99 columns in the sample, images of both parts in one folder",
        Expected("log_loss", ("id",), species_names(), ("tabular", "image"), STRATIFIED),
        Labels(("species",)),
        features_and_images,
    ),
    Shape(
        "table_dates_as_keys",
        "the train table is labels.csv, keys are times, dirty rows",
        Expected("rmse", ("key",), ("price",), ("tabular",), RANDOM),
        Labels(("price",), ("key",)),
        dates_as_keys,
    ),
    Shape(
        "table_two_targets_and_geometry",
        "two targets, the same ids in both parts, a folder with a file per row",
        Expected("rmsle", ("id",), ("energy", "gap"), ("tabular", "files"), RANDOM),
        Labels(("energy", "gap")),
        two_targets_and_geometry,
    ),
    Shape(
        "table_seven_classes",
        "class numbers, a class with one row, constant columns",
        Expected("accuracy", ("Id",), ("Cover",), ("tabular",), STRATIFIED),
        Labels(("Cover",), ("Id",)),
        seven_classes,
    ),
    Shape(
        "table_mixed_binary",
        "numbers, counts and a word; ids continue",
        Expected("roc_auc", ("id",), ("target",), ("tabular",), STRATIFIED),
        Labels(("target",)),
        mixed_binary,
    ),
)
