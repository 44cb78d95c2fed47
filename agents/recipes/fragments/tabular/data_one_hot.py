# title = "one-hot encoding"
# rank = 2
# aspect = "encoding"
# uses = ["_columns"]
# gives = ["complete"]
# grid.MAX_CATEGORIES = [5, 10, 30, 100]
# aspects.MAX_CATEGORIES = "encoding"
from sklearn.preprocessing import OneHotEncoder

MAX_CATEGORIES = 30  # per column; the rarer ones share a column

gaps = numbers.isna().add_suffix(" is missing").loc[:, lambda table: table[: len(train)].any()]
blocks = [numbers.fillna(numbers[: len(train)].median()).fillna(0), gaps]
if len(words.columns):
    encoder = OneHotEncoder(
        max_categories=MAX_CATEGORIES, handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32
    )
    blocks.append(encoder.fit(words[: len(train)]).transform(words))
features = np.hstack(blocks).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
