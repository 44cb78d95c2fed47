# title = "geometric mean"
# aspect = "ensemble"
# kinds = ["probability"]
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["members"]
# grid.FLOOR = [0.0001, 0.001, 0.01]
# aspects.FLOOR = "threshold"
# rank = 4
FLOOR = 0.001  # no class gets less than this

for members in train_models(Y):
    prediction = np.exp(np.mean(np.log(np.clip(members, FLOOR, 1)), axis=0))
    prediction /= prediction.sum(axis=2, keepdims=True)
    write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
