# title = "neighbourhood of {REACH} pixels"
# rank = 1
# aspect = "features"
# packages = ["PIL"]
# uses = ["image/_files"]
# gives = ["complete"]
# cost = 1
# grid.REACH.features = [1, 2, 3]
# grid.PIXELS_USED.augmentation = [50000, 200000, 500000]
from PIL import Image, ImageFilter

REACH = 2
PIXELS_USED = 200000  # of the train images, drawn at random
BLURS = (2, 5, 12)  # radius
PIXEL_IDS = {"joint": "_", "first": 1, "scale": 255.0}  # ids of pixels, and what the sample's 1 stands for


def neighbourhoods(path):
    """[rows, columns, features]: the pixels around each pixel, what is light and dark nearby, the whole image."""
    grey = Image.open(path).convert("L")
    image = np.asarray(grey, np.float32)
    (height, width), size = image.shape, 2 * REACH + 1
    padded = np.pad(image, REACH, mode="edge")
    layers = [padded[i : i + height, j : j + width] for i in range(size) for j in range(size)]
    layers += [np.asarray(grey.filter(ImageFilter.BoxBlur(radius)), np.float32) for radius in BLURS]
    layers += [np.asarray(grey.filter(kind(9)), np.float32) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter)]
    layers += [np.full_like(image, value) for value in np.percentile(image, (5, 50, 95))]
    return np.stack(layers, axis=-1) / 255


def answer(name):
    return np.asarray(Image.open(Path("input") / name).convert("L"), np.float32).ravel() / PIXEL_IDS["scale"]


rows = []
generator = np.random.default_rng(SEED)
for path, name in zip(train_files, train[LABELS[0]]):
    inside, wanted = neighbourhoods(path), answer(name)
    some = generator.permutation(len(wanted))[: max(1, PIXELS_USED // len(train))]
    rows.append((inside.reshape(len(wanted), -1)[some], wanted[some]))
X, Y = np.vstack([inside for inside, _ in rows]), np.hstack([wanted for _, wanted in rows])[:, None].astype(float)
items, X_test = {}, np.zeros((len(sample), X.shape[1]), np.float32)
for i, key in enumerate(sample[ID[0]]):
    item, row, column = key.rsplit(PIXEL_IDS["joint"], 2)
    items.setdefault(item, []).append((i, int(row) - PIXEL_IDS["first"], int(column) - PIXEL_IDS["first"]))
for item, path in zip(items, look_up(items, test_paths)):
    at, row, column = np.array(items[item]).T
    X_test[at] = neighbourhoods(path)[row, column]
