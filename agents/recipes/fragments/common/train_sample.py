# title = "one fit on {SHARE} of the rows"
# aspect = "schedule"
# rank = 30
# share = "SHARE"
# grid.SHARE.schedule = [0.02, 0.05, 0.1, 0.25, 0.5]
SHARE = 0.25  # drawn at random, but at least 200 rows


def train_models(targets):
    """Yields the list with the only test predictions."""
    count = min(len(targets), max(200, int(SHARE * len(targets))))
    rows = np.random.default_rng(SEED).choice(len(targets), count, replace=False)
    yield [fit_predict(build_model, SEED, X[rows], targets[rows], X_test)]
