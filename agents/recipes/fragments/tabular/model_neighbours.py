# title = "nearest neighbours"
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# gives = ["minds_scale"]
# needs = ["complete"]
# cost = 0.4
# max_rows = 60000
# rank = 11
# rank_for.image = 3
# prefers.DATA = ["data_one_hot", "data_pixels", "data_topics"]
# with.NUMBERS = "normal"
# show = ["NEIGHBOURS"]
# grid.NEIGHBOURS.regularisation = [5, 10, 20, 40, 80]
# grid.WEIGHTS.loss = ["uniform", "distance"]
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NEIGHBOURS = 40
WEIGHTS = "distance"


class Neighbours(KNeighborsRegressor if TASK == "regression" else KNeighborsClassifier):
    """Asks for no more neighbours than there are rows."""

    def fit(self, X, y):
        self.n_neighbors = min(self.n_neighbors, len(y))
        return super().fit(X, y)


def build_model(seed):
    return make_pipeline(StandardScaler(), Neighbours(NEIGHBOURS, weights=WEIGHTS, n_jobs=CPUS))
