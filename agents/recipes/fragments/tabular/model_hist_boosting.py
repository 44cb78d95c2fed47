# title = "histogram boosting"
# rank_for.image = 8
# rank_for.text = 2.5
# aspect = "architecture"
# also = ["image", "files", "audio", "text", "pixels"]
# gives = ["takes_missing", "random", "early_stopping"]
# cost = 0.7
# per_class = true
# max_classes = 40
# rank = 1
# prefers.DATA = ["data_lags", "data_ordinal", "data_topics", "data_gradients"]
# prefers.TRAIN = ["train_early_stopping"]
# show = ["LEARNING_RATE"]
# grid.LEARNING_RATE.optimizer = [0.02, 0.04, 0.06, 0.08, 0.12]
# grid.MAX_ITER.optimizer = [50, 100, 200, 400, 600, 1000]
# grid.MAX_LEAF_NODES.architecture = [4, 8, 15, 31, 63, 127, 255]
# grid.MIN_SAMPLES_LEAF.regularisation = [3, 10, 20, 40, 80]
# grid.L2.regularisation = [0.0, 1.0, 10.0]
# grid.COLUMN_SHARE.regularisation = [0.3, 0.5, 0.8, 1.0]
# grid.WEIGHTS.loss = ["even", "balanced"]
# grid.ERRORS.loss = ["absolute", "squared"]
# only.WEIGHTS = ["binary", "multiclass", "multilabel"]
# only.ERRORS = ["mae", "log_mae"]
# scales = ["MAX_ITER"]
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

LEARNING_RATE = 0.06
MAX_ITER = 600  # fewer where they stop early
MAX_LEAF_NODES = 31
MIN_SAMPLES_LEAF = 20
L2 = 1.0
COLUMN_SHARE = 1.0  # of the columns, drawn at each split
WEIGHTS = "even"  # or balanced: rare classes count as much as frequent ones
ERRORS = "squared"  # or absolute: which the trees lower where absolute errors are scored; squared ones converge faster

own = {"loss": "absolute_error" if METRIC in ("mae", "log_mae") and ERRORS == "absolute" else "squared_error"}
if TASK != "regression":
    own = {"class_weight": "balanced" if WEIGHTS == "balanced" else None}


class Boosting(HistGradientBoostingRegressor if TASK == "regression" else HistGradientBoostingClassifier):
    """Takes columns without any value in the rows at hand, which scikit-learn 1.9 does not."""

    def fit(self, X, y):
        return super().fit(np.where(np.isnan(X).all(axis=0), 0, X), y)


def build_model(seed):
    return Boosting(
        learning_rate=LEARNING_RATE,
        max_iter=MAX_ITER,
        max_leaf_nodes=MAX_LEAF_NODES,
        min_samples_leaf=MIN_SAMPLES_LEAF,
        l2_regularization=L2,
        max_features=COLUMN_SHARE,
        early_stopping=False,
        categorical_features=CATEGORIES or None,
        random_state=seed,
        **own,
    )
