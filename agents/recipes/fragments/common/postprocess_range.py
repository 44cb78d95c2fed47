# title = "within the range of train"
# aspect = "threshold"
# kinds = ["real"]
# metrics = ["rmse", "mae"]
# tasks = ["regression"]
# grid.MARGIN = [0.0, 0.05, 0.2]
# aspects.MARGIN = "threshold"
# rank = 3
MARGIN = 0.0  # share of the range that may be left
low, high = Y.min(axis=0), Y.max(axis=0)

for members in train_models(Y):
    prediction = np.mean(members, axis=0)[:, :, 0]
    write(np.clip(prediction, low - MARGIN * (high - low), high + MARGIN * (high - low)))
