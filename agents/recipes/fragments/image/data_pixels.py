# title = "{SIDE} x {SIDE} pixels"
# rank = 2
# widens = 40
# aspect = "features"
# packages = ["PIL"]
# uses = ["image/_files"]
# joins = ["tabular/_columns", "tabular/_beside", "tabular/_join"]
# gives = ["complete"]
# cost = 0.2
# grid.SIDE.features = [8, 12, 16, 24, 32]
# grid.COLOURS.features = ["L", "RGB"]
from PIL import Image

SIDE = 16
COLOURS = "RGB"  # or L: grey


def pixels(path):
    """A thumbnail as one row of numbers from 0 to 1; zeros where the file is no image."""
    try:
        with Image.open(path) as image:
            small = image.convert(COLOURS).resize((SIDE, SIDE), Image.Resampling.BOX)
            return np.asarray(small, np.float32).ravel() / 255
    except (OSError, ValueError, AttributeError, SyntaxError, Image.DecompressionBombError):
        return np.zeros(SIDE * SIDE * len(COLOURS), np.float32)


X, X_test = per_file(pixels)
