# title = "one fit on all rows"
# aspect = "validation"
# rank = 1
def train_models(targets):
    """Yields the list of test predictions that are to be combined."""
    yield from first_try(build_model, X, targets, X_test)
    yield [fit_predict(build_model, SEED, X, targets, X_test)]
