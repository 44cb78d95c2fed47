# title = "mean"
# aspect = "ensemble"
# kinds = ["probability", "real"]
# rank = 1
for members in train_models(Y):
    prediction = np.mean(members, axis=0)
    if TASK == "regression":
        floor = 0 if METRIC == "rmsle" or PREDICT == "probability" else -np.inf
        write(np.clip(prediction[:, :, 0], floor, 1 if PREDICT == "probability" else np.inf))
    else:
        write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
