# title = "{MEMBERS} models on random rows"
# aspect = "schedule"
# gives = ["members"]
# grid.MEMBERS = [4, 8, 12]
# grid.SHARE = [0.5, 0.7, 0.9]
# aspects.MEMBERS = "epochs"
# aspects.SHARE = "schedule"
# members = "MEMBERS"
MEMBERS = 8
SHARE = 0.7  # of the rows, drawn without replacement


def train_models(targets):
    """Each model sees other rows; yields the list of test predictions so far."""
    members, started, generator = [], time.time(), np.random.default_rng(SEED)
    for member in range(MEMBERS):
        rows = generator.choice(len(targets), max(1, int(SHARE * len(targets))), replace=False)
        members.append(fit_predict(build_model, SEED + member, X[rows], targets[rows], X_test))
        yield members
        if late(started, len(members)):
            return
