"""Folders of recordings: labels in the names inside an archive, labels in ragged text files."""

from __future__ import annotations

import re

import numpy as np

from tests.shapes.image import mistaken
from tests.shapes.shape import Expected, Labels, Shape
from tests.shapes.writing import Array, Folder, aiff_bytes, image_bytes, wav_bytes


def call(folder: Folder, positive: int) -> Array:
    """Half a second at 2 kHz: noise, and a rising tone where positive."""
    time = np.arange(1000) / 2000
    sound = folder.rng.normal(0, 0.08, len(time))
    if positive:
        sound += 0.18 * np.sin(2 * np.pi * (90 + 160 * time) * time + folder.rng.random() * 6)
    elif folder.rng.random() < 0.5:
        sound += 0.18 * np.sin(2 * np.pi * (40 + folder.rng.random() * 600) * time)
    return sound


def labels_in_zipped_names(folder: Folder) -> None:
    """train2.zip and test2.zip with a folder of .aif files; the last character of a train file's
    name is its label, the first eight its date; test is of later days.
    """
    answers = []
    for i in range(160):
        day, label = 28 + i // 40, int(folder.rng.random() < 0.3)
        date = f"200903{day}" if day <= 30 else "20090401"
        name = f"{date}_{i % 40 * 1500:06d}_{folder.rng.integers(10, 999)}s{i % 10}ms"
        raw = aiff_bytes(call(folder, mistaken(folder, label)))
        if i < 80:
            told = f"{name}_TRAIN{i}_{label}"
            folder.file(f"train2/{told}.aif", raw, folder.unit(told))
        else:
            answers.append((f"{name}_Test{i - 80}.aif", label))
            folder.file(f"test2/{answers[-1][0]}", raw)
    folder.pack("train2.zip", "train2", "train2")
    folder.pack("test2.zip", "test2", "test2")
    folder.table(
        "sampleSubmission.csv", ("clip", "probability"), [(name, 0) for name, _ in answers]
    )
    folder.private_answers(("clip", "probability"), answers)


SPECIES, RECORDINGS = 8, 120


def song(folder: Folder, species: list[int]) -> Array:
    """Three quarters of a second at 4 kHz; each species sings on its own pitch."""
    time = np.arange(3000) / 4000
    sound = folder.rng.normal(0, 0.05, len(time))
    for k in species:
        start = folder.rng.random() * 0.4
        sound += (
            0.15
            * np.sin(2 * np.pi * (250 + 190 * k) * time)
            * ((time > start) & (time < start + 0.3))
        )
    return sound


def ragged_labels(folder: Folder) -> None:
    """Text tables in folders: which part a recording belongs to, its file name, and a list of
    species per line (`?` for test, none at all for some). A row of the sample is recording * 100 +
    species. Recordings of both parts lie in one folder, with pictures of them in others, and
    features per segment in ragged lines.
    """
    rng, root = folder.rng, "essential_data"
    shares = np.array([0.35, 0.25, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05])
    names, labels, segments = [], [], []
    parts = np.zeros(RECORDINGS, dtype=int)
    parts[rng.permutation(RECORDINGS)[:24]] = 1
    for rec in range(RECORDINGS):
        species = [k for k in range(SPECIES) if rng.random() < shares[k]]
        name = f"PC{rng.integers(1, 20)}_2010{rng.integers(10**4):04d}_{rec:06d}_{rng.integers(9999):04d}"
        names.append((rec, name))
        labels.append(species)
        row = folder.unit(str(rec), SPECIES) if parts[rec] == 0 else None
        sound = song(folder, species)
        folder.file(f"{root}/src_wavs/{name}.wav", wav_bytes(sound), row)
        power = (
            np.log1p(np.abs(np.fft.rfft(sound.reshape(30, 100) * np.hanning(100), axis=1))).T[::-1]
            / 4
        )
        folder.file(f"supplemental_data/spectrograms/{name}.bmp", image_bytes(power, "bmp"), row)
        for segment in range(int(rng.integers(0, 3))):
            values = ",".join(f"{value:.4f}" for value in power[int(rng.integers(50))][:6])
            segments.append(f"{rec},{segment},{values}")
    told = [
        ",".join(map(str, [rec, *(["?"] if parts[rec] else labels[rec])]))
        for rec in range(RECORDINGS)
    ]
    folder.table(f"{root}/CVfolds_2.txt", ("rec_id", "fold"), enumerate(parts))
    folder.table(f"{root}/rec_id2filename.txt", ("rec_id", "filename"), names)
    folder.file(
        f"{root}/rec_labels_test_hidden.txt", "\n".join(["rec_id,[labels]", *told, ""]).encode()
    )
    species = [(k, f"SP{k:02d}", f"Singing bird {k}") for k in range(SPECIES)]
    folder.table(f"{root}/species_list.txt", ("class_id", "code", "species"), species)
    ragged = "\n".join(["rec_id,segment_id,[segment features]", *segments, ""])
    folder.file("supplemental_data/segment_features.txt", ragged.encode())
    asked = [rec for rec in range(RECORDINGS) if parts[rec]]
    rows = [(rec * 100 + k, int(k in labels[rec])) for rec in asked for k in range(SPECIES)]
    folder.table("sample_submission.csv", ("Id", "Probability"), [(key, 0) for key, _ in rows])
    folder.private_answers(("Id", "Probability"), rows)


SHAPES = (
    Shape(
        "audio_labels_in_zipped_names",
        "labels and dates only in the names of .aif files inside an archive",
        Expected("roc_auc", ("clip",), ("probability",), ("audio",), frozenset({"time", "group"})),
        Labels(("probability",), ("clip",), name=re.compile(r"TRAIN\d+_[01](?!\d)")),
        labels_in_zipped_names,
    ),
    Shape(
        "audio_ragged_labels_composite_ids",
        "ragged text tables, one row per recording and species with a computed id",
        Expected(
            "roc_auc",
            ("Id",),
            ("Probability",),
            ("audio",),
            frozenset({"random", "group", "stratified"}),
        ),
        Labels(("[labels]", "Probability"), ("rec_id",), blank=True),
        ragged_labels,
    ),
)
