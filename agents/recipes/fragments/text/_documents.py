def documents(frame):
    """The text columns of each row as one text; the word in front keeps the vocabulary from being empty."""
    parts = [frame[name].fillna("").astype(str) for name in TEXTS]
    return ["row " + " ".join(cells) for cells in zip(*parts)]
