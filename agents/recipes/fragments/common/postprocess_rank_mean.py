# title = "mean of ranks"
# aspect = "ensemble"
# kinds = ["probability"]
# metrics = ["roc_auc", "average_precision"]
# needs = ["members"]
# rank = 3
for members in train_models(Y):
    ranks = [pd.DataFrame(member.reshape(len(sample), -1)).rank(pct=True).to_numpy() for member in members]
    prediction = np.mean(ranks, axis=0).reshape(members[0].shape)
    if TASK == "regression":
        write(prediction[:, :, 0])
    else:
        write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
