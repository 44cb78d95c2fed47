# title = "extra trees"
# rank_for.image = 3.5
# rank_for.audio = 0
# rank_for.text = 8
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# gives = ["random", "minds_scale"]
# needs = ["complete"]
# cost = 1.5
# max_rows = 500000
# rank = 7
# prefers.DATA = ["data_one_hot", "data_gradients", "data_topics", "data_spectrum"]
# with.NUMBERS = "logged"
# show = ["TREES"]
# grid.TREES.architecture = [100, 200, 400, 800]
# grid.MIN_LEAF.regularisation = [1, 3, 5, 10, 20]
# grid.COLUMN_SHARE.regularisation = ["sqrt", 0.2, 0.4, 0.7, 1.0]
# scales = ["TREES"]
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

TREES = 200
MIN_LEAF = 5
COLUMN_SHARE = 0.4  # of the columns, drawn at each split


def build_model(seed):
    kind = ExtraTreesRegressor if TASK == "regression" else ExtraTreesClassifier
    return kind(TREES, min_samples_leaf=MIN_LEAF, max_features=COLUMN_SHARE, n_jobs=CPUS, random_state=seed)
