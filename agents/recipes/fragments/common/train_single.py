# title = "one fit on all rows"
# aspect = "validation"
# rank = 1
QUICK_ROWS = 20000  # a first submission comes from this many rows where there are many more


def train_models(targets):
    """Yields the list of test predictions that are to be combined."""
    if len(targets) > 5 * QUICK_ROWS:
        rows = np.random.default_rng(SEED).choice(len(targets), QUICK_ROWS, replace=False)
        yield [fit_predict(build_model, SEED, X[rows], targets[rows], X_test)]
    yield [fit_predict(build_model, SEED, X, targets, X_test)]
