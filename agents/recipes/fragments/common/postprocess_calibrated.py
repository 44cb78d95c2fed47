# title = "calibrated on held-out folds"
# aspect = "threshold"
# kinds = ["probability"]
# metrics = ["log_loss"]
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["out_of_fold"]
# grid.C.threshold = [0.01, 0.1, 1.0]
# rank = 4
from sklearn.linear_model import LogisticRegression

C = 0.1  # inverse strength of the penalty


def logs(shares):
    return np.log(np.clip(shares, 1e-6, 1))


def calibrated(shares, held_out, answers):
    """Class shares that a logistic regression makes of the shares of rows that their models did not see."""
    if len(answers) < 50 or len(np.unique(answers)) < 2:
        return shares
    model = LogisticRegression(C=C, max_iter=500).fit(logs(held_out), answers)
    result = np.full(shares.shape, 1e-6)
    result[:, model.classes_.astype(int)] = model.predict_proba(logs(shares))
    return result / result.sum(axis=1, keepdims=True)


for members in train_models(Y):
    seen, mean = np.isfinite(out_of_fold[:, 0, -1]), np.mean(members, axis=0)
    columns = [calibrated(mean[:, i], out_of_fold[seen, i], Y[seen, i]) for i in range(Y.shape[1])]
    prediction = np.stack(columns, axis=1)
    write(prediction[:, 0] if TASK == "multiclass" else prediction[:, :, -1])
