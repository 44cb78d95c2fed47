# title = "linear model"
# aspect = "architecture"
# gives = ["extrapolates"]
# also = ["image", "files", "audio", "pixels"]
# needs = ["complete"]
# cost = 0.3
# rank = 2
# rank_for.image = 1
# prefers.DATA = ["data_one_hot", "data_gradients", "data_spectrum"]
# show = ["C"]
# grid.C.regularisation = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

C = 0.1  # inverse strength of the penalty


def build_model(seed):
    linear = Ridge(alpha=1 / C) if TASK == "regression" else LogisticRegression(C=C, max_iter=300)
    return make_pipeline(StandardScaler(), linear)
