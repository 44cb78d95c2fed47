# title = "linear model of column pairs"
# aspect = "architecture"
# gives = ["extrapolates"]
# needs = ["complete"]
# cost = 0.4
# max_rows = 200000
# rank = 5
# prefers.DATA = ["data_one_hot"]
# with.NUMBERS = "logged"
# show = ["C"]
# grid.C.regularisation = [0.0003, 0.001, 0.003, 0.01, 0.03]
# grid.COLUMNS.architecture = [10, 20, 40]
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

C = 0.001  # inverse strength of the penalty
COLUMNS = 20  # those that follow the answer best


def build_model(seed):
    linear = Ridge(alpha=1 / C) if TASK == "regression" else LogisticRegression(C=C, max_iter=300)
    relevance = f_regression if TASK == "regression" else f_classif
    best = SelectKBest(relevance, k=min(COLUMNS, X.shape[1]))
    pairs = PolynomialFeatures(2, include_bias=False)
    return make_pipeline(StandardScaler(), best, pairs, StandardScaler(), linear)
