# title = "one-hot encoding with logs of skewed columns"
# aspect = "cleaning"
# uses = ["_columns"]
# gives = ["complete"]
# grid.MAX_CATEGORIES = [10, 30, 100]
# grid.TAIL = [0.001, 0.01, 0.05]
# aspects.MAX_CATEGORIES = "encoding"
# aspects.TAIL = "cleaning"
from sklearn.preprocessing import OneHotEncoder

MAX_CATEGORIES = 30  # per column; the rarer ones share a column
TAIL = 0.01  # share of the rows at either end that counts as outliers

known_numbers = numbers[: len(train)]
filled = numbers.fillna(known_numbers.median()).fillna(0)
low, high = filled[: len(train)].quantile(TAIL), filled[: len(train)].quantile(1 - TAIL)
filled = filled.clip(low, high, axis=1)
logs = np.sign(filled) * np.log1p(filled.abs())
skewed = known_numbers.skew().abs() > 1
blocks = [filled, logs.loc[:, skewed[skewed].index]]
if len(words.columns):
    encoder = OneHotEncoder(
        max_categories=MAX_CATEGORIES, handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32
    )
    blocks.append(encoder.fit(words[: len(train)]).transform(words))
features = np.hstack(blocks).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
