# title = "sizes of images, and classes asked of them"
# rank = 0
# aspect = "features"
# kinds = ["mask"]
# packages = ["PIL"]
# uses = ["image/_files"]
# gives = ["sizes"]
from PIL import Image

FEATURES = []
MOST = 50  # values of a column that is a class


def size(path):
    """Rows and columns of the image or array, from its header; zeros where there is none."""
    try:
        if path.suffix == ".npy":
            return np.array([*np.load(path, mmap_mode="r").shape, 0, 0])[:2]
        with Image.open(path) as image:
            return np.array([image.height, image.width])
    except (OSError, EOFError, ValueError, AttributeError, SyntaxError, Image.DecompressionBombError):
        return np.zeros(2, int)


Y = train[LABELS].to_numpy(dtype=object)
X, X_test = per_file(size)
for name in (name for name in FEATURES if name != key):
    codes, values = pd.factorize(pd.concat([train[name], test[name]]))
    if len(values) <= MOST:
        X, X_test = np.column_stack([X, codes[: len(X)]]), np.column_stack([X_test, codes[len(X) :]])
