# title = "bytes of the files"
# rank = 3
# widens = 13
# aspect = "features"
# also = ["files", "audio"]
# uses = ["image/_files"]
# joins = ["tabular/_columns", "tabular/_beside", "tabular/_join"]
# gives = ["complete"]
# grid.KILOBYTES.features = [4, 32, 256]
KILOBYTES = 32  # read of each file


def byte_shares(path):
    """Length of a file and how often each byte value stands at its beginning; zeros where there is no file."""
    if path is None:
        return np.zeros(258, np.float32)
    with path.open("rb") as file:
        head = np.frombuffer(file.read(1024 * KILOBYTES), np.uint8)
    counts = np.bincount(head, minlength=256) / max(len(head), 1)
    size = path.stat().st_size
    return np.hstack([counts, size, np.log1p(size)]).astype(np.float32)


X, X_test = per_file(byte_shares)
