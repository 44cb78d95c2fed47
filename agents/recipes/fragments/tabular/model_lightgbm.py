# title = "LightGBM"
# rank_for.image = 8
# aspect = "architecture"
# also = ["image", "files", "audio", "text", "pixels"]
# packages = ["lightgbm"]
# gives = ["takes_missing", "random"]
# cost = 0.5
# per_class = true
# max_classes = 100
# rank = 3
# prefers.DATA = ["data_lags", "data_ordinal", "data_topics", "data_gradients"]
# show = ["LEARNING_RATE"]
# grid.LEARNING_RATE.optimizer = [0.01, 0.02, 0.03, 0.05, 0.1]
# grid.TREES.optimizer = [100, 200, 400, 800, 1600]
# grid.LEAVES.architecture = [4, 7, 15, 31, 63, 127, 255]
# grid.LEAF_ROWS.regularisation = [2, 5, 20, 60]
# grid.ROW_SHARE.regularisation = [0.5, 0.7, 0.9]
# grid.COLUMN_SHARE.regularisation = [0.3, 0.5, 0.8, 1.0]
# grid.L2.regularisation = [0.0, 1.0, 10.0]
# grid.WEIGHTS.loss = ["even", "balanced"]
# grid.ERRORS.loss = ["absolute", "squared"]
# only.WEIGHTS = ["binary", "multiclass", "multilabel"]
# only.ERRORS = ["mae", "log_mae"]
# scales = ["TREES"]
from lightgbm import LGBMClassifier, LGBMRegressor

LEARNING_RATE = 0.05
TREES = 400
LEAVES = 31
LEAF_ROWS = 20
ROW_SHARE = 0.9
COLUMN_SHARE = 1.0
L2 = 1.0
WEIGHTS = "even"  # or balanced: rare classes count as much as frequent ones
ERRORS = "absolute"  # or squared: which the trees lower where absolute errors are scored; squared ones converge faster

ABSOLUTE = METRIC in ("mae", "log_mae") and TASK == "regression" and ERRORS == "absolute"


class Boosting(LGBMRegressor if TASK == "regression" else LGBMClassifier):
    """Takes codes of words in the columns CATEGORIES."""

    def fit(self, X, y):
        return super().fit(X, y, categorical_feature=CATEGORIES or "auto")


def build_model(seed):
    return Boosting(
        learning_rate=LEARNING_RATE,
        n_estimators=TREES,
        num_leaves=LEAVES,
        min_child_samples=LEAF_ROWS,
        subsample=ROW_SHARE,
        subsample_freq=1,
        colsample_bytree=COLUMN_SHARE,
        reg_lambda=L2,
        n_jobs=CPUS,
        random_state=seed,
        objective="l1" if ABSOLUTE else None,
        **({"class_weight": "balanced"} if WEIGHTS == "balanced" and TASK != "regression" else {}),
        verbose=-1,
    )
