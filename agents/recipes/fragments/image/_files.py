FILES = {"train": [], "test": []}  # folders


def find_files(ids, part):
    """The file of each id (None where there is none), found by its name or its stem below the folders of `part`."""
    found = {}
    for folder in FILES[part]:
        for path in sorted((Path("input") / folder).rglob("*")):
            if path.is_file():
                found.setdefault(path.name, path)
                found.setdefault(path.stem, path)
    names = [str(name) for name in ids]
    return [found.get(name) or found.get(name.replace(chr(92), "/").split("/")[-1]) for name in names]


key = next(name for name in KEYS if name in train.columns)
train_files, test_files = find_files(train[key], "train"), find_files(test[key], "test")
