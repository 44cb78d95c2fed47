# title = "naive Bayes"
# aspect = "architecture"
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["sparse"]
# cost = 0.1
# rank = 4
# prefers.DATA = ["data_words"]
# show = ["SMOOTHING"]
# grid.SMOOTHING = [0.03, 0.1, 0.3, 1.0]
# aspects.SMOOTHING = "regularisation"
from sklearn.naive_bayes import MultinomialNB

SMOOTHING = 0.1


def build_model(seed):
    return MultinomialNB(alpha=SMOOTHING)
