# title = "gradients and colours of {CELLS} x {CELLS} cells"
# rank = 1
# widens = 25
# aspect = "features"
# packages = ["PIL"]
# uses = ["image/_files"]
# joins = ["tabular/_columns", "tabular/_beside", "tabular/_join"]
# gives = ["complete"]
# cost = 0.2
# grid.CELLS.features = [4, 6, 8, 10]
# grid.DIRECTIONS.features = [6, 9, 12]
from PIL import Image

CELLS = 6
DIRECTIONS = 9
PIXELS = 5  # of a cell, along each side


def gradients(path):
    """Histograms of edge directions (a row of numbers per cell), and mean colours; zeros where there is no image."""
    side = CELLS * PIXELS
    try:
        with Image.open(path) as image:
            small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    except (OSError, ValueError, AttributeError, SyntaxError, Image.DecompressionBombError):
        return np.zeros(CELLS * CELLS * (DIRECTIONS + 3), np.float32)
    pixels = np.asarray(small, np.float32) / 255
    down, right = np.gradient(pixels.mean(axis=2))
    cell = np.arange(side) // PIXELS
    place = (cell[:, None] * CELLS + cell) * DIRECTIONS
    direction = (np.arctan2(down, right) / np.pi % 1 * DIRECTIONS).astype(int) % DIRECTIONS
    size = CELLS * CELLS * DIRECTIONS
    edges = np.bincount((place + direction).ravel(), np.hypot(down, right).ravel(), size).reshape(-1, DIRECTIONS)
    edges = np.sqrt(edges / (np.linalg.norm(edges, axis=1, keepdims=True) + 0.1))
    colours = pixels.reshape(CELLS, PIXELS, CELLS, PIXELS, 3).mean(axis=(1, 3))
    return np.hstack([edges.ravel(), colours.ravel()]).astype(np.float32)


X, X_test = per_file(gradients)
