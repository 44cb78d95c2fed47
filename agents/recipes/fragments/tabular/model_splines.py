# title = "additive splines"
# aspect = "architecture"
# gives = ["extrapolates"]
# needs = ["complete"]
# cost = 0.4
# rank = 4
# prefers.DATA = ["data_one_hot"]
# with.NUMBERS = "logged"
# show = ["KNOTS"]
# grid.KNOTS.architecture = [3, 5, 8, 12]
# grid.C.regularisation = [0.01, 0.03, 0.1, 0.3, 1.0]
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler

KNOTS = 8
C = 0.1  # inverse strength of the penalty


def build_model(seed):
    linear = Ridge(alpha=1 / C) if TASK == "regression" else LogisticRegression(C=C, max_iter=300)
    splines = SplineTransformer(KNOTS, degree=2, extrapolation="constant")
    # A constant column has no splines.
    finite = FunctionTransformer(np.nan_to_num)
    return make_pipeline(splines, finite, StandardScaler(), linear)
