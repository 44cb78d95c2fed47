# title = "nearest neighbours among latent topics"
# aspect = "architecture"
# needs = ["sparse"]
# gives = ["random"]
# cost = 4
# max_rows = 50000
# rank = 6
# prefers.DATA = ["data_words"]
# show = ["NEIGHBOURS"]
# grid.TOPICS = [50, 100, 200]
# grid.NEIGHBOURS = [5, 10, 20, 40]
# aspects.TOPICS = "architecture"
# aspects.NEIGHBOURS = "regularisation"
# scales = ["TOPICS"]
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

TOPICS = 100
NEIGHBOURS = 20


class Neighbours(KNeighborsRegressor if TASK == "regression" else KNeighborsClassifier):
    """Asks for no more neighbours than there are rows."""

    def fit(self, X, y):
        self.n_neighbors = min(self.n_neighbors, len(y))
        return super().fit(X, y)


def build_model(seed):
    topics = TruncatedSVD(max(1, min(TOPICS, X.shape[1] - 1)), random_state=seed)
    return make_pipeline(topics, Normalizer(), Neighbours(NEIGHBOURS, weights="distance", n_jobs=CPUS))
