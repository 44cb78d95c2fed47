# title = "linear model with boosted residuals"
# aspect = "architecture"
# also = ["text"]
# tasks = ["regression"]
# gives = ["takes_missing", "random", "extrapolates"]
# cost = 0.7
# rank = 5.5
# rank_for.text = 5
# prefers.DATA = ["data_lags", "data_ordinal", "data_topics"]
# with.COUNTS = "yes"
# show = ["TREES"]
# grid.TREES.optimizer = [50, 100, 200, 400]
# grid.ALPHA.regularisation = [1.0, 10.0, 100.0]
# grid.RATE.optimizer = [0.03, 0.06, 0.1]
# scales = ["TREES"]
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TREES = 200
ALPHA = 10.0  # penalty of the linear part, which carries trends beyond the values of train
RATE = 0.06


class LinearThenTrees(RegressorMixin, BaseEstimator):
    """Trees that learn what a linear model leaves over."""

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, X, y):
        self.linear = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), Ridge(alpha=ALPHA))
        self.trees = HistGradientBoostingRegressor(
            loss="absolute_error" if METRIC in ("mae", "log_mae") else "squared_error",
            learning_rate=RATE,
            max_iter=TREES,
            early_stopping=False,
            random_state=self.seed,
        )
        rest = y - self.linear.fit(X, y).predict(X)
        self.trees.fit(np.where(np.isnan(X).all(axis=0), 0, X), rest)
        return self

    def predict(self, X):
        return self.linear.predict(X) + self.trees.predict(X)


def build_model(seed):
    return LinearThenTrees(seed)
