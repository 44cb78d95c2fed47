# title = "target encoding"
# aspect = "encoding"
# uses = ["tabular/_columns"]
# needs = ["takes_missing"]
# words = true
# grid.SMOOTH.encoding = [1, 5, 20, 100]
# grid.FOLDS.encoding = [4, 5, 10]
from sklearn.model_selection import KFold

SMOOTH = 20  # rows of the overall mean that are added to each category
FOLDS = 5  # a training row's code never comes from its own fold


def category_means(column, answers, rows):
    """Mean answer of each row's category, from the training rows `rows`."""
    sums = answers[rows].groupby(column[rows].to_numpy()).agg(["sum", "count"])
    overall = answers[rows].mean()
    return column.map((sums["sum"] + SMOOTH * overall) / (sums["count"] + SMOOTH)).fillna(overall)


# Several classes or columns: one code for each of the first ten.
wanted = [Y[:, 0] == i for i in range(len(CLASSES))][-10:] if TASK == "multiclass" else list(Y.T[:10])
encoded = []
for name in words.columns:
    column = words[name]
    for answers in (pd.Series(np.asarray(answer, float)) for answer in wanted):
        code = category_means(column, answers, np.arange(len(train)))
        folds = KFold(min(FOLDS, len(train)), shuffle=True, random_state=SEED)
        for rows, held_out in folds.split(np.zeros(len(train))):
            code.iloc[held_out] = category_means(column.iloc[: len(train)], answers, rows).iloc[held_out]
        encoded.append(code.to_numpy())
features = np.column_stack([numbers.to_numpy(), *encoded]).astype(np.float32)
X, X_test = features[: len(train)], features[len(train) :]
