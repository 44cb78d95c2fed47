# title = "bagged deep trees"
# aspect = "architecture"
# gives = ["takes_missing", "random"]
# cost = 1.0
# max_rows = 300000
# rank = 13
# prefers.DATA = ["data_interactions"]
# show = ["TREES"]
# grid.TREES = [50, 100, 200]
# grid.MIN_LEAF = [1, 3, 10, 30]
# grid.ROW_SHARE = [0.3, 0.6, 1.0]
# aspects.TREES = "architecture"
# aspects.MIN_LEAF = "regularisation"
# aspects.ROW_SHARE = "regularisation"
# scales = ["TREES"]
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

TREES = 100
MIN_LEAF = 10
ROW_SHARE = 0.6


def build_model(seed):
    kind = RandomForestRegressor if TASK == "regression" else RandomForestClassifier
    return kind(
        TREES,
        min_samples_leaf=MIN_LEAF,
        max_features=1.0,
        max_samples=ROW_SHARE,
        n_jobs=CPUS,
        random_state=seed,
    )
