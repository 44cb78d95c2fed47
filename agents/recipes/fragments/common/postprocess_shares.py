# title = "labels in the train shares"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["binary", "multiclass", "multilabel"]
# metrics = ["f1_macro", "f1_micro", "quadratic_weighted_kappa"]
# grid.FACTOR.threshold = [0.8, 1.0, 1.25]
# rank = 3
FACTOR = 1.0  # the higher labels get their share of train times this
labels = np.array(CLASSES)
grades = pd.to_numeric(pd.Series(CLASSES), errors="coerce").rank()
order = grades.fillna(pd.Series(range(1, len(CLASSES) + 1))).to_numpy().argsort(kind="stable")

for members in train_models(Y):
    expected = np.mean(members, axis=0)[:, :, order] @ np.arange(len(CLASSES))
    ranks = pd.DataFrame(expected).rank(pct=True, method="first").to_numpy()
    steps = np.stack([(Y == code).mean(axis=0) for code in order])
    above = np.clip(FACTOR * steps[::-1].cumsum(axis=0)[::-1], 0, 1)[1:]
    best = order[(ranks[None] > 1 - above[:, None]).sum(axis=0)]
    one_hot = TASK == "multiclass" and len(TARGETS) == len(CLASSES)
    write(np.eye(len(CLASSES), dtype=int)[best[:, 0]] if one_hot else labels[best])
