"""Folders of texts: comments, authors, requests in JSON, tokens to be spoken."""

from __future__ import annotations

import json
import zipfile

import numpy as np

from tests.shapes.image import mistaken
from tests.shapes.shape import Expected, Labels, Shape
from tests.shapes.words import COMMON, KIND, PLACES, RUDE, sentence
from tests.shapes.writing import Folder

STRATIFIED = frozenset({"stratified", "random"})


def target_first(folder: Folder) -> None:
    """No id: date (often empty) and comment are the key, the target comes first, the sample has a
    suffix. Comments stand in their own quotes, with escaped characters and line ends in them.
    """
    rng, rows = folder.rng, []
    for i in range(260):
        label = int(rng.random() < 0.3)
        date = (
            ""
            if rng.random() < 0.2
            else f"201206{rng.integers(10, 29)}{rng.integers(100000, 235959)}Z"
        )
        told = sentence(
            rng, int(rng.integers(5, 25)), RUDE if mistaken(folder, label) else KIND, 0.2
        )
        comment = f'"{told},\\xa0you know \\"it\\"\\n{rng.integers(10**6)}"'
        rows.append((label, date, comment + ("\nsecond line" if i % 11 == 0 else "")))
        if i < 200:
            folder.unit(rows[-1][2])
    header = ("Rude", "Date", "Comment")
    folder.table("train.csv", header, rows[:200])
    folder.table("test.csv", header[1:], [row[1:] for row in rows[200:]])
    folder.table("sample_submission_null.csv", header, [(0, *row[1:]) for row in rows[200:]])
    folder.private_answers(header, rows[200:])


KINDS = ("harsh", "very_harsh", "coarse", "menace", "slight", "hate")


def multi_label(folder: Folder) -> None:
    """Six labels, most rows have none; some test rows are not scored (-1 in the answers)."""
    rng, rows = folder.rng, []
    for _ in range(420):
        level = rng.choice(4, p=(0.55, 0.25, 0.12, 0.08))
        told = sentence(
            rng, int(rng.integers(8, 40)), RUDE[: 3 * int(level)] or KIND, 0.25 if level else 0.1
        )
        labels = [int(level > 0), int(level > 2), int("shut" in told), int("pathetic" in told)]
        labels += [int("liar" in told), int("clown" in told or level > 2)]
        comment = f'{told.capitalize()}. "Quoted", yes\n\n:{sentence(rng, 4)}'
        rows.append((folder.key(16), comment, *labels))
    header = ("id", "comment_text", *KINDS)
    for row in rows[:300]:
        folder.unit(str(row[0]))
    folder.table("train.csv", header, rows[:300])
    folder.table("test.csv", header[:2], [row[:2] for row in rows[300:]])
    columns = ("id", *KINDS)
    folder.table("sample_submission.csv", columns, [(row[0], *[0.5] * 6) for row in rows[300:]])
    unscored = [i % 4 == 3 for i in range(120)]
    pairs = zip(rows[300:], unscored, strict=True)
    folder.private_answers(
        columns, [(row[0], *([-1] * 6 if off else row[2:])) for row, off in pairs]
    )


AUTHORS = ("KLM", "QRS", "TUV")


def author_one_hot(folder: Folder) -> None:
    """One class column in train, one probability column per class in the sample; rows are asked to
    sum to 1.
    """
    habits = (
        [*PLACES[:7], "alas", "raven"],
        [*PLACES[5:], "eldritch", "nameless"],
        ["misery", "creature", "feeling"],
    )
    rng, rows = folder.rng, []
    for number in rng.permutation(30000)[:450]:
        k = int(rng.choice(3, p=(0.4, 0.29, 0.31)))
        rows.append(
            (
                f"id{number:05d}",
                sentence(rng, int(rng.integers(8, 30)), habits[k], 0.12).capitalize(),
                k,
            )
        )
    for row in rows[:380]:
        folder.unit(row[0])
    folder.table(
        "train.csv",
        ("id", "text", "author"),
        [(key, text, AUTHORS[k]) for key, text, k in rows[:380]],
    )
    folder.table("test.csv", ("id", "text"), [row[:2] for row in rows[380:]])
    columns = ("id", *AUTHORS)
    folder.table(
        "sample_submission.csv", columns, [(row[0], 0.4, 0.29, 0.31) for row in rows[380:]]
    )
    folder.private_answers(
        columns, [(key, *(int(k == j) for j in range(3))) for key, _, k in rows[380:]]
    )


ONES = "zero one two three four five six seven eight nine".split()
MONTHS = "january february march april may june july august".split()
SHORT = {"km": "kilometers", "Dr": "doctor", "st": "street", "kg": "kilograms", "vs": "versus"}
GREEK = dict(zip("abcdefghijklmnopqrstuvwxyz", "αβκδεφγχιικλμνοπκρστυβωξυζ", strict=True))


SYLLABLES = "ba ko lu mi ne po ra si to va wen yor zel gri".split()


def token(rng: np.random.Generator, odd: bool) -> tuple[str, str, str]:
    """(class, before, after): names that come once, and odd ones that a csv reader takes for
    missing values.
    """
    roll = rng.random()
    if roll < 0.12:
        return "PUNCT", *[str(rng.choice([".", ",", '"', "-"]))] * 2
    if roll < 0.2:
        digits = str(rng.integers(0, 30))
        return "CARDINAL", digits, " ".join(ONES[int(digit)] for digit in digits)
    if roll < 0.25:
        month, day, year = (
            rng.choice(MONTHS),
            int(rng.integers(1, 9)),
            int(rng.integers(2000, 2003)),
        )
        return (
            "DATE",
            f"{day} {month} {year}",
            f"the {ONES[day]} of {month} two thousand {ONES[year - 2000]}",
        )
    if roll < 0.32:
        before = str(rng.choice(list(SHORT)))
        return "MEASURE" if before in ("km", "kg") else "PLAIN", before, SHORT[before]
    if roll < 0.47:
        name = "".join(str(part) for part in rng.choice(SYLLABLES, 3)).capitalize()
        return "PLAIN", name, name
    if odd and roll < 0.49:
        return "PLAIN", *[str(rng.choice(["NA", "null", "None", "nan"]))] * 2
    return "PLAIN", *[str(rng.choice(COMMON + PLACES))] * 2


def spoken(folder: Folder, language: str, translate: bool) -> None:
    """Tokens of sentences in zipped csv files; the id of a sample row is <sentence>_<token>, its
    default the raw token. translate: words are in another alphabet, and foreign ones are spelled
    letter by letter.
    """
    rng = folder.rng
    tables: list[list[tuple[int, int, str, str, str]]] = [[], []]
    for part, count in enumerate((170, 40)):
        for s in range(count):
            for t in range(int(rng.integers(4, 11))):
                kind, before, after = token(rng, not translate)
                if translate and kind == "PLAIN" and rng.random() < 0.9:
                    before, after = (
                        "".join(GREEK.get(c, c) for c in word.lower()) for word in (before, after)
                    )
                elif translate and kind == "PLAIN":
                    after = " ".join(f"{GREEK.get(c, c)}_trans" for c in before.lower())
                tables[part].append((s, t, kind, before, after))
    for s, t, *_ in tables[0]:
        folder.unit(f"{s}_{t}")
    header = ("sentence_id", "token_id", "class", "before", "after")
    folder.table(f"{language}_train.csv.zip", header, tables[0])
    folder.table(
        f"{language}_test_2.csv.zip",
        (*header[:2], "before"),
        [(s, t, b) for s, t, _, b, _ in tables[1]],
    )
    sample = [(f"{s}_{t}", before) for s, t, _, before, _ in tables[1]]
    folder.table(f"{language}_sample_submission_2.csv.zip", ("id", "after"), sample)
    folder.private_answers(
        ("id", "after"), [(f"{s}_{t}", after) for s, t, _, _, after in tables[1]]
    )


def text_normalisation(folder: Folder) -> None:
    spoken(folder, "en", translate=False)


def text_normalisation_greek(folder: Folder) -> None:
    spoken(folder, "el", translate=True)


def request(folder: Folder, polite: int) -> dict[str, object]:
    rng = folder.rng
    granted = bool(rng.random() < (0.75 if polite else 0.15))
    told = sentence(rng, int(rng.integers(15, 60)), KIND if polite else PLACES, 0.15)
    words = sentence(rng, 6)
    return {
        "giver_if_known": folder.key(8) if granted and rng.random() < 0.4 else "N/A",
        "downvotes_at_retrieval": int(rng.integers(0, 9)),
        "post_was_edited": bool(rng.random() < 0.1),
        "request_id": f"t3_{folder.key(6)}",
        "request_text": told + (" EDIT: got it, thanks!" if granted and rng.random() < 0.3 else ""),
        "request_text_edit_aware": told,
        "request_title": f"[Request] {words}",
        "account_age_in_days_at_request": float(rng.random() * 900),
        "account_age_in_days_at_retrieval": float(rng.random() * 900 + 300),
        "comments_at_request": int(rng.integers(0, 300)),
        "groups_at_request": [str(word) for word in rng.choice(PLACES, int(rng.integers(0, 4)))],
        "received": granted,
        "user_flair": "shroom" if granted and rng.random() < 0.4 else None,
        "unix_timestamp_of_request": int(rng.integers(1_300_000_000, 1_380_000_000)),
    }


ONLY_TRAIN = (
    "giver_if_known downvotes_at_retrieval post_was_edited request_text account_age_in_days_at_retrieval received "
    "user_flair"
).split()


def json_records(folder: Folder) -> None:
    """Lists of records in train.json and test.json, the same files zipped beside them; train
    records have fields that test records lack, some of which tell the label; the label is true or
    false, the sample shows 0.
    """
    records = [request(folder, int(folder.rng.random() < 0.4)) for _ in range(300)]
    train, test = records[:220], records[220:]
    for record in train:
        folder.unit(str(record["request_id"]))
    asked = [
        {key: value for key, value in record.items() if key not in ONLY_TRAIN} for record in test
    ]
    for name, content in (("train", train), ("test", asked)):
        raw = json.dumps(content, indent=4).encode()
        folder.file(f"{name}.json", raw)
        with zipfile.ZipFile(folder.public / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}.json", raw)
    header = ("request_id", "received")
    folder.table("sampleSubmission.csv", header, [(record["request_id"], 0) for record in test])
    folder.private_answers(
        header, [(record["request_id"], int(bool(record["received"]))) for record in test]
    )


SHAPES = (
    Shape(
        "text_key_target_first",
        "no id, the target is the first column, empty dates",
        Expected("roc_auc", ("Date", "Comment"), ("Rude",), ("text",), STRATIFIED),
        Labels(("Rude",), ("Comment",)),
        target_first,
    ),
    Shape(
        "text_multi_label",
        "six labels per comment, unscored test rows",
        Expected("roc_auc", ("id",), KINDS, ("text",), STRATIFIED),
        Labels(KINDS),
        multi_label,
    ),
    Shape(
        "text_one_hot_authors",
        "class column in train, probabilities of classes in the sample",
        Expected("log_loss", ("id",), AUTHORS, ("text",), STRATIFIED),
        Labels(("author",)),
        author_one_hot,
    ),
    Shape(
        "text_zipped_json_records",
        "JSON lists, zipped once more; fields that only train has",
        Expected("roc_auc", ("request_id",), ("received",), ("text",), STRATIFIED),
        Labels(("received", "giver_if_known", "user_flair"), ("request_id",)),
        json_records,
    ),
    Shape(
        "text_normalisation_rows",
        "zipped tables, ids made of two columns, the answer is a text",
        Expected("accuracy", ("id",), ("after",), ("text", "tabular"), frozenset({"group"})),
        Labels(("after", "class"), ("sentence_id", "token_id")),
        text_normalisation,
    ),
    Shape(
        "text_normalisation_other_alphabet",
        "the same in another alphabet, with words spelled out",
        Expected("accuracy", ("id",), ("after",), ("text", "tabular"), frozenset({"group"})),
        Labels(("after", "class"), ("sentence_id", "token_id")),
        text_normalisation_greek,
    ),
)
