# title = "threshold {THRESHOLD}"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["binary", "multilabel"]
# max_classes = 2
# grid.THRESHOLD.threshold = [0.25, 0.3, 0.35, 0.4, 0.45, 0.55, 0.6]
# rank = 2
THRESHOLD = 0.4
labels = np.array(CLASSES)

for members in train_models(Y):
    positive = np.mean(members, axis=0)[:, :, -1] >= THRESHOLD
    write(labels[np.where(positive, len(labels) - 1, 0)])
