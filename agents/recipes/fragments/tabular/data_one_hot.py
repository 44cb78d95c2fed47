# title = "one-hot encoding, {NUMBERS} numbers"
# rank = 2
# aspect = "encoding"
# uses = ["tabular/_columns"]
# gives = ["complete"]
# grid.MAX_CATEGORIES.encoding = [5, 10, 30, 100]
# only.MAX_CATEGORIES = ["words"]
# grid.NUMBERS.cleaning = ["plain", "logged", "normal"]
# only.NUMBERS = ["extrapolates", "minds_scale"]
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

MAX_CATEGORIES = 30  # per column; the rarer ones share a column
NUMBERS = "plain"  # or logged: outliers cut, and logs of skewed columns; or normal: ranks on a normal distribution

gaps = numbers.isna().add_suffix(" is missing").loc[:, lambda table: table[: len(train)].any()]
filled = numbers.fillna(numbers[: len(train)].median()).fillna(0)
if NUMBERS == "logged":
    known_rows = filled[: len(train)]
    filled = filled.clip(known_rows.quantile(0.005), known_rows.quantile(0.995), axis=1)
    skewed = filled.loc[:, known_rows.skew().abs() > 1]
    filled = pd.concat([filled, (np.sign(skewed) * np.log1p(skewed.abs())).add_suffix(" log")], axis=1)
if NUMBERS == "normal" and len(numbers.columns):
    normal = QuantileTransformer(n_quantiles=min(100, len(train)), output_distribution="normal", random_state=SEED)
    filled = normal.fit(filled[: len(train)].to_numpy()).transform(filled.to_numpy())
blocks = [filled, gaps]
if len(words.columns):
    encoder = OneHotEncoder(
        max_categories=MAX_CATEGORIES, handle_unknown="infrequent_if_exist", sparse_output=False, dtype=np.float32
    )
    blocks.append(encoder.fit(words[: len(train)]).transform(words))
features = np.hstack(blocks).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
