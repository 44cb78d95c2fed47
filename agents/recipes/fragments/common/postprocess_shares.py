# title = "labels in the train shares"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["binary", "multilabel"]
# metrics = ["f1_macro", "f1_micro", "quadratic_weighted_kappa"]
# max_classes = 2
# grid.FACTOR = [0.8, 1.0, 1.25]
# aspects.FACTOR = "threshold"
# rank = 3
FACTOR = 1.0  # as many positives as in train, times this
labels = np.array(CLASSES)

for members in train_models(Y):
    ranks = pd.DataFrame(np.mean(members, axis=0)[:, :, -1]).rank(pct=True, method="first").to_numpy()
    positive = ranks > 1 - FACTOR * (Y == len(CLASSES) - 1).mean(axis=0)
    write(labels[np.where(positive, len(labels) - 1, 0)])
