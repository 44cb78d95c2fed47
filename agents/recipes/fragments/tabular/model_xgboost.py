# title = "XGBoost"
# rank_for.image = 8
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# packages = ["xgboost"]
# gives = ["takes_missing", "random"]
# cost = 0.6
# per_class = true
# max_classes = 40
# rank = 3.5
# prefers.DATA = ["data_lags", "data_ordinal", "data_topics", "data_gradients"]
# with.COUNTS = "yes"
# show = ["LEARNING_RATE"]
# grid.LEARNING_RATE.optimizer = [0.01, 0.02, 0.04, 0.08]
# grid.TREES.optimizer = [100, 200, 400, 800, 1600]
# grid.DEPTH.architecture = [3, 4, 5, 7, 10, 14]
# grid.MIN_CHILD_WEIGHT.regularisation = [0.01, 1, 5, 20]
# grid.ERRORS.loss = ["absolute", "squared"]
# only.ERRORS = ["mae", "log_mae"]
# scales = ["TREES"]
from xgboost import XGBClassifier, XGBRegressor

LEARNING_RATE = 0.04
TREES = 400
DEPTH = 5
MIN_CHILD_WEIGHT = 5
ERRORS = "squared"  # or absolute: which the trees lower where absolute errors are scored; squared ones converge faster


class Classes(XGBClassifier):
    """Takes class codes with holes in them, as other classifiers do."""

    def fit(self, X, y):
        self.codes, y = np.unique(y, return_inverse=True)
        return super().fit(X, y)

    @property
    def classes_(self):
        return self.codes


def build_model(seed):
    kind = XGBRegressor if TASK == "regression" else Classes
    absolute = METRIC in ("mae", "log_mae") and TASK == "regression" and ERRORS == "absolute"
    return kind(
        learning_rate=LEARNING_RATE,
        n_estimators=TREES,
        max_depth=DEPTH,
        min_child_weight=MIN_CHILD_WEIGHT,
        subsample=0.8,
        colsample_bytree=0.6,
        feature_types=["c" if i in CATEGORIES else "q" for i in range(X.shape[1])],
        enable_categorical=bool(CATEGORIES),
        n_jobs=CPUS,
        random_state=seed,
        **({"objective": "reg:absoluteerror"} if absolute else {}),
    )
