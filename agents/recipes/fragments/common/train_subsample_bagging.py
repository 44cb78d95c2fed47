# title = "{MEMBERS} models on random rows"
# aspect = "schedule"
# gives = ["members", "crowd"]
# grid.MEMBERS.epochs = [4, 8, 12]
# grid.SHARE.schedule = [0.5, 0.7, 0.9, 1.0]
# members = "MEMBERS"
# share = "SHARE"
MEMBERS = 8
SHARE = 0.7  # of the rows, drawn without replacement; with all of them only the seeds differ


def train_models(targets):
    """Each model sees other rows; yields the list of test predictions so far."""
    yield from first_try(build_model, X, targets, X_test)
    members, started, generator = [], time.time(), np.random.default_rng(SEED)
    for member in range(MEMBERS):
        rows = generator.choice(len(targets), max(1, int(SHARE * len(targets))), replace=False)
        members.append(fit_predict(build_model, SEED + member, X[rows], targets[rows], X_test))
        yield members
        if late(started, len(members)):
            return
