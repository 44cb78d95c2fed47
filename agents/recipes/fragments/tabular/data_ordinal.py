# title = "codes of words"
# rank = 1
# aspect = "encoding"
# uses = ["tabular/_columns"]
# needs = ["takes_missing"]
# grid.GROUPED.encoding = [0, 25, 250]
# only.GROUPED = ["words"]
# grid.COUNTS.features = ["no", "yes"]
GROUPED = 25  # words of a column up to which trees may form groups of them; longer columns are codes in order
COUNTS = "no"  # or yes: also how often each word stands in train, and the gaps of each row

frequent = {name: words[name][: len(train)].value_counts() for name in words}
CATEGORIES = [i for i, name in enumerate(words, len(numbers.columns)) if len(frequent[name]) <= GROUPED]
codes = {name: frequent[name].index.sort_values().get_indexer(words[name]) for name in words}
codes = pd.DataFrame(codes, index=words.index, dtype=float)
blocks = [numbers, codes.mask(codes < 0)]
if COUNTS == "yes":
    blocks += [words[name].map(frequent[name]).fillna(0).rename(f"{name} count") for name in words]
    blocks.append(numbers.isna().sum(axis=1) + (words == "").sum(axis=1))
features = pd.concat(blocks, axis=1).to_numpy(np.float32, copy=True)
X, X_test = features[: len(train)], features[len(train) :]
