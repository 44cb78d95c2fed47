# title = "blend with {COMPANION}"
# tasks = ["binary", "multiclass", "multilabel", "regression"]
# aspect = "schedule"
# gives = ["members"]
# grid.COMPANION.schedule = ["linear", "trees"]
# members = 2
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

COMPANION = "trees"  # or linear


def build_companion(seed):
    """A model of another kind; takes gaps and sparse features."""
    if COMPANION == "linear":
        model = Ridge() if TASK == "regression" else LogisticRegression(max_iter=300)
    else:
        kind = ExtraTreesRegressor if TASK == "regression" else ExtraTreesClassifier
        model = kind(200, min_samples_leaf=3, max_features=0.3, n_jobs=CPUS, random_state=seed)
    return make_pipeline(SimpleImputer(keep_empty_features=True), MaxAbsScaler(), model)


def train_models(targets):
    """Yields the list of test predictions so far: the model's, then the companion's too."""
    started = time.time()
    yield from first_try(build_model, X, targets, X_test)
    members = [fit_predict(build_model, SEED, X, targets, X_test)]
    yield members
    if not late(started, 1):
        yield [*members, fit_predict(build_companion, SEED, X, targets, X_test)]
