from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

TEXTS = []


def beside():
    """The columns beside the texts, rows of both tables, from 0 to 1: words one-hot, numbers as ranks among train."""
    blocks, names = [], [name for name in numbers if name.rsplit(" ", 1)[0] not in (*TEXTS, "nothing")]
    if len(names):
        ranks = QuantileTransformer(n_quantiles=min(100, len(train)), random_state=SEED)
        blocks.append(np.nan_to_num(ranks.fit(numbers[names][: len(train)]).transform(numbers[names])))
    if len(words.columns):
        encoder = OneHotEncoder(max_categories=30, handle_unknown="infrequent_if_exist", sparse_output=False)
        blocks.append(encoder.fit(words[: len(train)]).transform(words))
    return np.hstack([np.zeros((len(words), 0)), *blocks]).astype(np.float32)
