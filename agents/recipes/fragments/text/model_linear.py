# title = "linear model"
# aspect = "architecture"
# needs = ["sparse"]
# gives = ["takes_sparse", "extrapolates"]
# cost = 1.0
# per_class = true
# rank = 1
# prefers.DATA = ["data_words"]
# with.UNITS = "words and characters"
# show = ["C"]
# grid.C.regularisation = [0.3, 1.0, 3.0, 10.0, 30.0]
from sklearn.linear_model import LogisticRegression, Ridge

C = 3.0  # inverse strength of the penalty


def build_model(seed):
    if TASK == "regression":
        return Ridge(alpha=3 / C, solver="sparse_cg")
    return LogisticRegression(C=C, max_iter=200)
