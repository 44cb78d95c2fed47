# title = "naive Bayes"
# aspect = "architecture"
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["complete"]
# cost = 0.1
# rank = 12
# prefers.DATA = ["data_one_hot"]
# with.NUMBERS = "normal"
# show = ["SMOOTHING"]
# grid.SMOOTHING.regularisation = [0.0001, 0.01, 0.1, 0.5]
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SMOOTHING = 0.1  # share of the largest variance that is added to each


def build_model(seed):
    return make_pipeline(StandardScaler(), GaussianNB(var_smoothing=SMOOTHING))
