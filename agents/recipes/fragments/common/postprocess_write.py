# title = "{COMBINE}"
# aspect = "ensemble"
# kinds = ["probability", "real"]
# grid.COMBINE.ensemble = ["mean", "median"]
# grid.MARGIN.threshold = [0.0, 0.1, 0.5, 5.0]
# only.COMBINE = ["crowd"]
# only.MARGIN = ["regression extrapolates"]
# rank = 1
COMBINE = "mean"  # or median: of the models
MARGIN = 0.1  # numbers leave the range of train by this share of it at most
low, high = Y.min(axis=0), Y.max(axis=0)
floor = np.where(low >= 0, 0, -np.inf)

for members in train_models(Y):
    prediction = getattr(np, COMBINE)(members, axis=0)
    if TASK == "regression":
        margin = MARGIN * (high - low)
        bounded = np.clip(prediction[:, :, 0], np.maximum(low - margin, floor), high + margin)
        write(np.clip(bounded, 0, 1) if PREDICT == "probability" else bounded)
    else:
        prediction /= prediction.sum(axis=2, keepdims=True)
        write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
