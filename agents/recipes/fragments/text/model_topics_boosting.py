# title = "histogram boosting on latent topics"
# aspect = "architecture"
# needs = ["sparse"]
# gives = ["random", "early_stopping"]
# cost = 6
# per_class = true
# max_classes = 20
# rank = 3
# prefers.DATA = ["data_words"]
# show = ["TOPICS"]
# grid.TOPICS = [20, 50, 100]
# grid.LEARNING_RATE = [0.03, 0.06, 0.1]
# grid.MAX_ITER = [50, 100, 200]
# aspects.TOPICS = "architecture"
# aspects.LEARNING_RATE = "optimizer"
# aspects.MAX_ITER = "optimizer"
# scales = ["TOPICS", "MAX_ITER"]
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

TOPICS = 50
LEARNING_RATE = 0.06
MAX_ITER = 100


def build_model(seed):
    kind = HistGradientBoostingRegressor if TASK == "regression" else HistGradientBoostingClassifier
    boosting = kind(
        learning_rate=LEARNING_RATE, max_iter=MAX_ITER, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )
    topics = TruncatedSVD(max(1, min(TOPICS, X.shape[1] - 1)), random_state=seed)
    return make_pipeline(topics, boosting)
