# title = "products and ratios of {COLUMNS} columns"
# aspect = "features"
# uses = ["tabular/_columns"]
# needs = ["takes_missing"]
# cost = 1.5
# grid.COLUMNS.features = [3, 4, 6, 8]
from itertools import combinations

COLUMNS = 4  # those that follow the answer best

codes = pd.DataFrame({name: pd.factorize(words[name], sort=True)[0] for name in words}, index=words.index)
features = pd.concat([numbers, codes], axis=1)
strength = features[: len(train)].rank().corrwith(pd.Series(Y[:, 0]).rank()).abs().fillna(0)
new = {}
for a, b in combinations(strength.nlargest(COLUMNS).index, 2):
    new[f"{a} * {b}"] = features[a] * features[b]
    new[f"{a} / {b}"] = features[a] / (features[b].abs() + 1)
features = pd.concat([features, pd.DataFrame(new, index=features.index)], axis=1)
features = features.clip(-1e30, 1e30).to_numpy(np.float32, copy=True)
X, X_test = features[: len(train)], features[len(train) :]
