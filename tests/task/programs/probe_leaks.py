"""Looks for the labels of test rows through every channel but learning. Argument: a view. Answers JSON on stdout:
channel -> {id: label}. It may know that the last rows of a table were added, and how a careless program would look."""

import csv
import json
import os
import re
import sys

VIEW = sys.argv[1]


def rows(name):
    with open(os.path.join(VIEW, name), newline="") as file:
        return list(csv.DictReader(file))


TRAIN = {row["id"]: row["target"] for row in rows("train.csv")}
ASKED = [row["id"] for row in rows("sample_submission.csv")]
CLASSES = sorted(set(TRAIN.values()))
FILES = [os.path.join(folder, name) for folder, _, names in os.walk(VIEW) for name in names]
BY_ID = {}
for path in FILES:
    found = re.search(r"img_\d+", path)
    if found:
        BY_ID.setdefault(found.group(), []).append(path)


def word_in(text):
    found = [label for label in CLASSES if label in re.findall("[a-z]+", text)]
    return found[0] if len(found) == 1 else None


def by_name():
    words = {
        id_: [word_in(os.path.relpath(path, VIEW)) for path in BY_ID.get(id_, ())] for id_ in ASKED
    }
    return {id_: next(filter(None, found)) for id_, found in words.items() if any(found)}


def by_link():
    links = {id_: [path for path in BY_ID.get(id_, ()) if os.path.islink(path)] for id_ in ASKED}
    words = {id_: [word_in(os.readlink(path)) for path in found] for id_, found in links.items()}
    return {id_: next(filter(None, found)) for id_, found in words.items() if any(found)}


def by_time():
    known = [
        (os.stat(path).st_mtime_ns, TRAIN[id_]) for id_ in TRAIN for path in BY_ID.get(id_, ())
    ]
    answer = {}
    for id_ in ASKED:
        for path in BY_ID.get(id_, ()):
            now = os.stat(path).st_mtime_ns
            answer[id_] = min(known, key=lambda pair: abs(pair[0] - now))[1]
    return answer


def by_order():
    labels = list(TRAIN.values())
    tail = ASKED[-(len(labels) // 4) :]
    return {id_: labels[i * len(labels) // len(tail)] for i, id_ in enumerate(tail)}


def by_table():
    answer = {}
    for path in FILES:
        name = os.path.relpath(path, VIEW)
        if not name.endswith(".csv") or name in ("train.csv", "sample_submission.csv"):
            continue
        for row in rows(name):
            words = [word_in(cell) for cell in row.values() if word_in(cell)]
            for cell in row.values():
                if cell in ASKED and words:
                    answer[cell] = words[0]
    return answer


def by_content():
    answer = {}
    for path in FILES:
        if path.endswith((".csv", ".jpg")):
            continue
        text = open(path, errors="replace").read()
        for id_, label in re.findall(r"(img_\d+)\W+([a-z]+)", text):
            if id_ in ASKED and label in CLASSES:
                answer[id_] = label
    return answer


CHANNELS = {
    "names": by_name,
    "links": by_link,
    "times": by_time,
    "order": by_order,
    "side_tables": by_table,
    "extra_files": by_content,
}
print(json.dumps({name: look() for name, look in CHANNELS.items()}))
