# title = "ordinal encoding"
# rank = 1
# aspect = "encoding"
# uses = ["_columns"]
# needs = ["takes_missing"]
codes = pd.DataFrame({name: pd.factorize(words[name], sort=True)[0] for name in words}, index=words.index)
features = pd.concat([numbers, codes], axis=1).to_numpy(np.float32, copy=True)
X, X_test = features[: len(train)], features[len(train) :]
