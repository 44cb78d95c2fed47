# title = "boosted stumps"
# aspect = "architecture"
# gives = ["random", "minds_scale"]
# needs = ["complete"]
# cost = 0.4
# per_class = true
# max_rows = 200000
# max_classes = 20
# rank = 10
# prefers.DATA = ["data_one_hot"]
# with.NUMBERS = "logged"
# show = ["DEPTH"]
# grid.DEPTH.architecture = [1, 2, 3]
# grid.TREES.optimizer = [100, 200, 400]
# grid.RATE.optimizer = [0.03, 0.06, 0.1, 0.2]
# grid.ROW_SHARE.regularisation = [0.3, 0.5, 0.8]
# scales = ["TREES"]
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

DEPTH = 1
TREES = 200
RATE = 0.1
ROW_SHARE = 0.5


def build_model(seed):
    kind = GradientBoostingRegressor if TASK == "regression" else GradientBoostingClassifier
    sizes = {"n_estimators": TREES, "max_depth": DEPTH, "learning_rate": RATE, "subsample": ROW_SHARE}
    return kind(max_features="sqrt", random_state=seed, **sizes)
