# title = "NB-SVM"
# aspect = "architecture"
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["sparse"]
# gives = ["takes_sparse", "extrapolates"]
# cost = 1.5
# per_class = true
# rank = 2
# prefers.DATA = ["data_words"]
# with.UNITS = "words and characters"
# show = ["C"]
# grid.C.regularisation = [0.3, 1.0, 3.0, 10.0]
# grid.SMOOTHING.regularisation = [0.1, 1.0, 5.0]
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

C = 3.0  # inverse strength of the penalty
SMOOTHING = 1.0


class NaiveBayesLogistic(ClassifierMixin, BaseEstimator):
    """One logistic regression per class on features scaled by the class's log-count ratios."""

    def fit(self, X, y):
        self.classes_, self.parts = np.unique(y), []
        for name in self.classes_[1:] if len(self.classes_) == 2 else self.classes_:
            inside, outside = (np.ravel(X[rows].sum(axis=0)) + SMOOTHING for rows in (y == name, y != name))
            ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
            scaled = X.multiply(ratio).tocsr()
            self.parts.append((ratio, LogisticRegression(C=C, max_iter=200).fit(scaled, y == name)))
        return self

    def predict_proba(self, X):
        columns = [model.predict_proba(X.multiply(ratio).tocsr())[:, 1] for ratio, model in self.parts]
        shares = np.column_stack([1 - columns[0], columns[0]] if len(columns) == 1 else columns)
        return shares / shares.sum(axis=1, keepdims=True)


def build_model(seed):
    return NaiveBayesLogistic()
