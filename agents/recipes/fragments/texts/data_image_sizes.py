# title = "sizes of images"
# rank = 0
# aspect = "features"
# kinds = ["mask"]
# packages = ["PIL"]
# uses = ["image/_files"]
# gives = ["sizes"]
from PIL import Image


def size(path):
    """Rows and columns of the image, from its header."""
    if path is None:
        return np.zeros(2, int)
    with Image.open(path) as image:
        return np.array([image.height, image.width])


Y = train[LABELS].to_numpy(dtype=object)
X, X_test = per_file(size)
