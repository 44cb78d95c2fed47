# title = "random forest"
# rank_for.image = 7
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# gives = ["random", "minds_scale"]
# needs = ["complete"]
# cost = 1.3
# max_rows = 500000
# rank = 6
# rank_for.text = 9
# prefers.DATA = ["data_one_hot", "data_gradients", "data_topics"]
# show = ["TREES"]
# grid.TREES.architecture = [100, 200, 400, 800]
# grid.MIN_LEAF.regularisation = [1, 3, 5, 10, 20]
# grid.COLUMN_SHARE.regularisation = ["sqrt", 0.2, 0.4, 0.7]
# scales = ["TREES"]
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

TREES = 200
MIN_LEAF = 3
COLUMN_SHARE = 0.2  # of the columns, drawn at each split


def build_model(seed):
    kind = RandomForestRegressor if TASK == "regression" else RandomForestClassifier
    return kind(TREES, min_samples_leaf=MIN_LEAF, max_features=COLUMN_SHARE, n_jobs=CPUS, random_state=seed)
