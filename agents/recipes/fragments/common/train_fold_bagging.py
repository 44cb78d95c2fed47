# title = "{FOLDS}-fold bagging"
# tasks = ["binary", "multiclass", "multilabel", "regression"]
# aspect = "validation"
# rank = 2
# gives = ["members", "crowd", "out_of_fold"]
# grid.FOLDS.validation = [3, 5, 8]
# members = "FOLDS"
from scipy.sparse import issparse, vstack
from sklearn.model_selection import KFold, StratifiedKFold

FOLDS = 5
stack = vstack if issparse(X) else np.vstack
# What the models say of the rows that they did not see, as test predictions; not a number until their fold is done.
out_of_fold = np.full((*Y.shape, max(len(CLASSES), 1)), np.nan)


def train_models(targets):
    """Each model leaves one fold out; yields the list of test predictions so far."""
    yield from first_try(build_model, X, targets, X_test)
    stratify = TASK in ("binary", "multiclass") and np.bincount(targets[:, 0].astype(int)).max() >= FOLDS
    splitter = (StratifiedKFold if stratify else KFold)(min(FOLDS, len(targets)), shuffle=True, random_state=SEED)
    members, started = [], time.time()
    for rows, held_out in splitter.split(np.zeros(len(targets)), targets[:, 0]):
        wanted = stack([X_test, X[held_out]])
        wanted = wanted.tocsr() if issparse(X) else wanted
        found = fit_predict(build_model, SEED + len(members), X[rows], targets[rows], wanted)
        out_of_fold[held_out] = found[X_test.shape[0] :]
        members.append(found[: X_test.shape[0]])
        yield members
        if late(started, len(members)):
            return
