# title = "{SEEDS} seeds"
# aspect = "epochs"
# needs = ["random"]
# gives = ["members"]
# grid.SEEDS = [2, 3, 5]
# aspects.SEEDS = "epochs"
# members = "SEEDS"
SEEDS = 3


def train_models(targets):
    """The same model from several seeds, on all rows; yields the list of test predictions so far."""
    members, started = [], time.time()
    for seed in range(SEEDS):
        members.append(fit_predict(build_model, SEED + 1000 * seed, X, targets, X_test))
        yield members
        if late(started, len(members)):
            return
