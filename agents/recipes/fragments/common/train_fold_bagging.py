# title = "{FOLDS}-fold bagging"
# aspect = "validation"
# rank = 2
# gives = ["members"]
# grid.FOLDS = [3, 5, 8]
# aspects.FOLDS = "validation"
# members = "FOLDS"
from sklearn.model_selection import KFold, StratifiedKFold

FOLDS = 5


def train_models(targets):
    """Each model leaves one fold out; yields the list of test predictions so far."""
    stratify = TASK in ("binary", "multiclass") and np.bincount(targets[:, 0].astype(int)).max() >= FOLDS
    splitter = (StratifiedKFold if stratify else KFold)(min(FOLDS, len(targets)), shuffle=True, random_state=SEED)
    members, started = [], time.time()
    for rows, _ in splitter.split(np.zeros(len(targets)), targets[:, 0]):
        members.append(fit_predict(build_model, SEED + len(members), X[rows], targets[rows], X_test))
        yield members
        if late(started, len(members)):
            return
