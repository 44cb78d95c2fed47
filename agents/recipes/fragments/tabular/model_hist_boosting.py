# title = "histogram boosting"
# rank_for.image = 8
# aspect = "architecture"
# also = ["image", "files", "audio"]
# gives = ["takes_missing", "random", "early_stopping"]
# cost = 0.5
# per_class = true
# max_classes = 40
# rank = 1
# prefers.DATA = ["data_ordinal", "data_colours"]
# show = ["LEARNING_RATE"]
# grid.LEARNING_RATE = [0.02, 0.03, 0.05, 0.08, 0.12]
# grid.MAX_ITER = [60, 100, 150, 250, 400]
# grid.MAX_LEAF_NODES = [4, 8, 15, 31, 63]
# grid.MIN_SAMPLES_LEAF = [10, 20, 40, 80]
# grid.L2 = [0.0, 1.0, 10.0]
# grid.COLUMN_SHARE = [0.3, 0.5, 0.8, 1.0]
# aspects.LEARNING_RATE = "optimizer"
# aspects.MAX_ITER = "optimizer"
# aspects.MAX_LEAF_NODES = "architecture"
# aspects.MIN_SAMPLES_LEAF = "regularisation"
# aspects.L2 = "regularisation"
# aspects.COLUMN_SHARE = "regularisation"
# scales = ["MAX_ITER"]
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

LEARNING_RATE = 0.05
MAX_ITER = 100
MAX_LEAF_NODES = 31
MIN_SAMPLES_LEAF = 20
L2 = 1.0
COLUMN_SHARE = 0.5  # of the columns, drawn at each split


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
        random_state=seed,
    )
