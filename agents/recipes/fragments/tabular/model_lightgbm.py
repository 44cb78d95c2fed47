# title = "LightGBM"
# rank_for.image = 8
# aspect = "architecture"
# also = ["image", "files", "audio"]
# packages = ["lightgbm"]
# gives = ["takes_missing", "random"]
# cost = 0.5
# per_class = true
# max_classes = 100
# rank = 3
# prefers.DATA = ["data_target_encoding", "data_colours"]
# show = ["LEARNING_RATE"]
# grid.LEARNING_RATE = [0.01, 0.02, 0.03, 0.05, 0.1]
# grid.TREES = [100, 150, 250, 400, 800]
# grid.LEAVES = [4, 7, 15, 31, 63]
# grid.ROW_SHARE = [0.5, 0.7, 0.9]
# grid.COLUMN_SHARE = [0.3, 0.5, 0.8]
# grid.L2 = [0.0, 1.0, 10.0]
# aspects.LEARNING_RATE = "optimizer"
# aspects.TREES = "optimizer"
# aspects.LEAVES = "architecture"
# aspects.ROW_SHARE = "regularisation"
# aspects.COLUMN_SHARE = "regularisation"
# aspects.L2 = "regularisation"
# scales = ["TREES"]
from lightgbm import LGBMClassifier, LGBMRegressor

LEARNING_RATE = 0.03
TREES = 250
LEAVES = 7
ROW_SHARE = 0.7
COLUMN_SHARE = 0.5
L2 = 1.0


def build_model(seed):
    kind = LGBMRegressor if TASK == "regression" else LGBMClassifier
    return kind(
        learning_rate=LEARNING_RATE,
        n_estimators=TREES,
        num_leaves=LEAVES,
        subsample=ROW_SHARE,
        subsample_freq=1,
        colsample_bytree=COLUMN_SHARE,
        reg_lambda=L2,
        n_jobs=CPUS,
        random_state=seed,
        verbose=-1,
    )
