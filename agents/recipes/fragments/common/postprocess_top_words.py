# title = "likeliest labels in order"
# aspect = "ensemble"
# kinds = ["list"]
# tasks = ["multiclass"]
# grid.COMBINE.ensemble = ["mean", "geometric mean"]
# grid.PRIOR.threshold = [0.0, 0.02, 0.1]
# only.COMBINE = ["members"]
# rank = 1
COMBINE = "mean"  # or geometric mean: of the models
PRIOR = 0.0  # weight of how often train has each label; it always decides ties
labels = np.array(CLASSES)
most = int(METRIC.partition("@")[2] or len(labels))  # words that count
usual = np.bincount(Y[:, 0].astype(int), minlength=len(labels)) / len(Y)

for members in train_models(Y):
    shares = np.mean(members, axis=0) if COMBINE == "mean" else np.exp(np.mean(np.log(np.maximum(members, 1e-9)), axis=0))
    order = np.argsort(-(shares[:, 0] + max(PRIOR, 1e-9) * usual), axis=1, kind="stable")[:, :most]
    write([" ".join(row) for row in labels[order]])
