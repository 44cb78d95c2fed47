# title = "ordinal and frequency encoding"
# aspect = "features"
# uses = ["_columns"]
# needs = ["takes_missing"]
codes = pd.DataFrame({name: pd.factorize(words[name], sort=True)[0] for name in words}, index=words.index)
shares = {name: words[name][: len(train)].value_counts(normalize=True) for name in words}
counts = pd.DataFrame({name: words[name].map(shares[name]).fillna(0) for name in words}, index=words.index)
missing = numbers.isna().sum(axis=1) + (words == "").sum(axis=1)
features = np.hstack([numbers, codes, counts, missing.to_numpy()[:, None]]).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
