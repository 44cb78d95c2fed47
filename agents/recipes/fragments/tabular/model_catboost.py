# title = "CatBoost"
# rank_for.image = 9
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# packages = ["catboost"]
# gives = ["takes_missing", "random"]
# cost = 2.0
# per_class = true
# max_classes = 40
# rank = 3.2
# prefers.DATA = ["data_lags", "data_ordinal", "data_topics", "data_gradients"]
# show = ["RATE"]
# grid.RATE.optimizer = [0.03, 0.06, 0.1]
# grid.TREES.optimizer = [200, 400, 800, 1600]
# grid.DEPTH.architecture = [4, 6, 8, 10]
# grid.L2.regularisation = [1.0, 3.0, 10.0]
# scales = ["TREES"]
from catboost import CatBoostClassifier, CatBoostRegressor

RATE = 0.06
TREES = 400
DEPTH = 6
L2 = 3.0


def table(X):
    """Features as a table in which codes of words are integers, as CatBoost wants them; -1 is a missing one."""
    frame = pd.DataFrame(X)
    return frame.fillna(dict.fromkeys(CATEGORIES, -1)).astype(dict.fromkeys(CATEGORIES, int))


class Boosting(CatBoostRegressor if TASK == "regression" else CatBoostClassifier):
    """Takes arrays in which the columns CATEGORIES hold codes."""

    def fit(self, X, y):
        return super().fit(table(X), y, cat_features=list(CATEGORIES))

    def predict(self, X):
        return super().predict(table(X))

    def predict_proba(self, X):
        return super().predict_proba(table(X))


def build_model(seed):
    loss = ("MAE" if METRIC in ("mae", "log_mae") else "RMSE") if TASK == "regression" else None
    return Boosting(
        learning_rate=RATE,
        iterations=TREES,
        depth=DEPTH,
        l2_leaf_reg=L2,
        loss_function=loss,
        thread_count=CPUS,
        random_seed=seed,
        verbose=0,
        allow_writing_files=False,
    )
