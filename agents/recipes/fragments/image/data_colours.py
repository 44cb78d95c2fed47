# title = "colour histograms"
# rank = 2
# widens = 3
# aspect = "features"
# packages = ["PIL"]
# uses = ["_files"]
# gives = ["complete"]
# cost = 3
# grid.BINS = [8, 16, 32]
# aspects.BINS = "features"
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageStat

BINS = 16


def colours(path):
    """Size, colour moments and histograms of an image; zeros where the file is no image."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
        counts = np.array(small.histogram(), np.float32).reshape(3 * BINS, -1).sum(axis=1) / 4096
        stat = ImageStat.Stat(small)
        return np.hstack([counts, stat.mean, stat.stddev, width, height, path.stat().st_size]).astype(np.float32)
    except (OSError, ValueError, AttributeError, SyntaxError, Image.DecompressionBombError):
        return np.zeros(3 * BINS + 9, np.float32)


with ThreadPoolExecutor(CPUS) as pool:
    X, X_test = (np.stack(list(pool.map(colours, files))) for files in (train_files, test_files))
