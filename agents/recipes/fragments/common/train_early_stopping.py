# title = "early stopping after {PATIENCE} rounds"
# tasks = ["binary", "multiclass", "multilabel", "regression"]
# aspect = "early stopping"
# needs = ["early_stopping"]
# gives = ["members"]
# grid.PATIENCE."early stopping" = [5, 10, 20, 40]
# grid.VALIDATION.validation = [0.1, 0.15, 0.25]
# grid.SEEDS.epochs = [1, 2, 3, 5]
# members = "SEEDS"
PATIENCE = 20  # rounds without gain on the validation rows
VALIDATION = 0.1  # share of the rows
SEEDS = 2  # each draws its own validation rows


def build_stopping_model(seed):
    model = build_model(seed)
    last_step = model[-1] if hasattr(model, "steps") else model
    last_step.set_params(early_stopping=True, validation_fraction=VALIDATION, n_iter_no_change=PATIENCE)
    return model


def train_models(targets):
    """Models that stop on validation rows of their own; yields the list of test predictions so far."""
    yield from first_try(build_model, X, targets, X_test)
    rarest = min(np.unique(column, return_counts=True)[1].min() for column in targets.T)
    enough = len(targets) >= 200 and (TASK == "regression" or rarest >= 20)
    members, started = [], time.time()
    for seed in range(SEEDS):
        build = build_stopping_model if enough else build_model
        members.append(fit_predict(build, SEED + 1000 * seed, X, targets, X_test))
        yield members
        if late(started, len(members)):
            return
