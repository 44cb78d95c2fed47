# title = "threshold from held-out folds"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["binary", "multilabel"]
# max_classes = 2
# needs = ["out_of_fold"]
# grid.STEPS.threshold = [20, 60]
# rank = 2.5
from sklearn.metrics import accuracy_score, f1_score

STEPS = 60  # thresholds that are tried
labels = np.array(CLASSES)


def best_threshold(answers, scores):
    """The threshold that is best on rows that their models did not see; one half where one class is missing."""
    if len(np.unique(answers)) < 2:
        return 0.5
    cuts = np.unique(np.quantile(scores, np.linspace(0.01, 0.99, STEPS)))
    if METRIC.startswith("f1"):
        return max(cuts, key=lambda cut: f1_score(answers, scores >= cut, average=METRIC[3:], zero_division=0))
    return max(cuts, key=lambda cut: accuracy_score(answers, scores >= cut))


for members in train_models(Y):
    seen = np.isfinite(out_of_fold[:, 0, -1])
    cuts = [best_threshold(Y[seen, i], out_of_fold[seen, i, -1]) for i in range(Y.shape[1])]
    positive = np.mean(members, axis=0)[:, :, -1] >= cuts
    write(labels[np.where(positive, len(labels) - 1, 0)])
