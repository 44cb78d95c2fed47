def read(path, delimiter=",", encoding="utf-8"):
    """A table of ./input; ids and class labels are text as it stands in the file."""
    file, options = Path("input") / path, {"sep": delimiter, "encoding": encoding, "low_memory": False}
    exact, table = [*ID, *KEYS, *(LABELS if CLASSES else [])], pd.read_csv(file, **options)
    texts = pd.read_csv(file, usecols=lambda name: name in exact, dtype=str, keep_default_na=False, **options)
    table[texts.columns] = texts
    table = table.rename(columns=lambda name: "" if str(name).startswith("Unnamed: ") else name)
    return table.astype({name: str for name in exact if name in table.columns})
