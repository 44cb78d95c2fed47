# title = "clipped mean"
# aspect = "threshold"
# kinds = ["probability"]
# metrics = ["log_loss", "kl_divergence"]
# grid.FLOOR.threshold = [0.0005, 0.002, 0.01, 0.03]
# rank = 0
FLOOR = 0.002  # no class gets less than this: the metric punishes certainty

for members in train_models(Y):
    prediction = np.clip(np.mean(members, axis=0), FLOOR, 1)
    if TASK == "regression":
        write(np.minimum(prediction[:, :, 0], 1 - FLOOR))
    else:
        prediction /= prediction.sum(axis=2, keepdims=True)
        write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
