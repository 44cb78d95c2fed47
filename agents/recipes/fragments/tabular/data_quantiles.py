# title = "quantile transform and one-hot encoding"
# aspect = "cleaning"
# uses = ["_columns"]
# gives = ["complete"]
# grid.QUANTILES = [20, 100, 500]
# grid.MAX_CATEGORIES = [10, 30, 100]
# aspects.QUANTILES = "cleaning"
# aspects.MAX_CATEGORIES = "encoding"
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

QUANTILES = 100
MAX_CATEGORIES = 30  # per column; the rarer ones share a column

blocks = [numbers.isna().loc[:, lambda table: table[: len(train)].any()]]
if len(numbers.columns):
    filled = numbers.fillna(numbers[: len(train)].median()).fillna(0)
    quantiles = QuantileTransformer(
        n_quantiles=min(QUANTILES, len(train)), output_distribution="normal", random_state=SEED
    )
    blocks.append(quantiles.fit(filled[: len(train)]).transform(filled))
if len(words.columns):
    encoder = OneHotEncoder(
        max_categories=MAX_CATEGORIES, handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32
    )
    blocks.append(encoder.fit(words[: len(train)]).transform(words))
features = np.hstack(blocks).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
