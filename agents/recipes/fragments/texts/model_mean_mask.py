# title = "mean mask"
# aspect = "architecture"
# rank = 0
# kinds = ["mask"]
# needs = ["sizes"]
# show = ["LEVELS"]
# grid.LEVELS.threshold = [1, 5, 20]
LEVELS = 20  # thresholds that are tried; one: half
EMPTY = ("", "-", "-1")  # masks without a pixel


def runs(cell):
    """[runs, 2]: first pixel, from 0, and the pixel behind the last; nothing where the cell has no pairs."""
    numbers = np.array([] if cell in EMPTY else str(cell).split(), dtype=int)
    starts, lengths = numbers[: len(numbers) // 2 * 2].reshape(-1, 2).T
    return np.stack([starts - 1, starts - 1 + lengths], axis=1)


def cell_of(mask):
    """Run lengths of a mask, in the order of its pixels."""
    ends = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return " ".join(map(str, np.stack([ends[::2] + 1, ends[1::2] - ends[::2]], axis=1).ravel()))


def dice(mask, masks):
    """Mean over the masks, given as runs; two empty masks agree."""
    covered, total = np.concatenate([[0], np.cumsum(mask)]), mask.sum()
    both = np.array([(covered[each[:, 1]] - covered[each[:, 0]]).sum() for each in masks])
    every = np.array([(each[:, 1] - each[:, 0]).sum() for each in masks]) + total
    return np.where(every > 0, 2 * both / np.maximum(every, 1), 1).mean()


class MeanMask:
    """For each size of images and class the pixels that are masked often enough; where these are new, those of all."""

    def fit(self, X, y):
        masks = [runs(cell) for cell in y]
        kinds = pd.DataFrame(X).groupby([*range(X.shape[1])]).indices.items()
        self.known = {key: self.usual([masks[i] for i in rows], key[0] * key[1]) for key, rows in kinds}
        self.other = self.usual(masks, 0)
        self.empty = next((cell for cell in y if cell in EMPTY), "")
        return self

    def usual(self, masks, pixels):
        steps = np.zeros(max([pixels, *(each.max() for each in masks if len(each))]) + 1)
        for each in masks:
            steps[each[:, 0]] += 1
            steps[each[:, 1]] -= 1
        share = np.cumsum(steps[:-1]) / len(masks)
        tried = [share > level for level in np.linspace(0, 1, LEVELS + 2)[1:-1]]
        return max([*tried, np.zeros(len(share), bool)], key=lambda mask: dice(mask, masks))

    def predict(self, X):
        cells = {key: cell_of(mask) for key, mask in self.known.items()}
        rows = map(tuple, X.tolist())
        found = [cells[key] if key in cells else cell_of(self.other[: key[0] * key[1]]) for key in rows]
        return np.array([cell or self.empty for cell in found], object)


def build_model(seed):
    return MeanMask()
