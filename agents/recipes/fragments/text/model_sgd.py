# title = "linear model by stochastic descent"
# aspect = "optimizer"
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["sparse"]
# gives = ["random", "early_stopping"]
# cost = 0.3
# rank = 5
# prefers.DATA = ["data_characters"]
# show = ["ALPHA"]
# grid.ALPHA = [0.000003, 0.00001, 0.00003, 0.0001]
# grid.LOSS = ["log_loss", "modified_huber"]
# aspects.ALPHA = "regularisation"
# aspects.LOSS = "loss"
from sklearn.linear_model import SGDClassifier

ALPHA = 0.00001  # penalty on the weights
LOSS = "modified_huber"


def build_model(seed):
    return SGDClassifier(loss=LOSS, alpha=ALPHA, max_iter=50, average=True, n_jobs=CPUS, random_state=seed)
