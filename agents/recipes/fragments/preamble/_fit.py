def fit_predict(build_model, seed, X, targets, X_test):
    """Test predictions, rows x label columns x classes (one value instead of classes for a regression)."""
    result = np.zeros((X_test.shape[0], targets.shape[1], max(len(CLASSES), 1)), targets.dtype)
    for i, y in enumerate(targets.T):
        if (y == y[0]).all():
            result[:, i, int(y[0]) if CLASSES else 0] = 1 if CLASSES else y[0]
            continue
        model = build_model(seed).fit(X, y)
        if not CLASSES:
            result[:, i, 0] = np.ravel(model.predict(X_test))
        else:
            result[:, i, model.classes_.astype(int)] = model.predict_proba(X_test)
    return result


def first_try(build_model, X, targets, X_test):
    """Yields the prediction of a model of a few rows, in a list, where one of all rows will take long."""
    width = X.nnz // X.shape[0] + 1 if hasattr(X, "nnz") else X.shape[1]
    few = max(500, 400_000 // width)
    if len(targets) > 5 * few:
        rows = np.random.default_rng(SEED).choice(len(targets), few, replace=False)
        yield [fit_predict(build_model, SEED, X[rows], targets[rows], X_test)]


def late(started, done):
    """True when another model like the `done` ones since `started` would not be ready before the deadline."""
    return time.time() + 1.5 * (time.time() - started) / done > DEADLINE


def write(values):
    """Makes `values` the submission: a row per id of the sample, in its order, and a column per target."""
    if EXCLUSIVE:
        values = np.clip(values, 1e-6, 1)
        values = values / values.sum(axis=1, keepdims=True)
    Path("submission").mkdir(exist_ok=True)
    part = Path("submission") / "submission.part"
    table = sample.astype({name: object for name in TARGETS})
    table[TARGETS] = np.asarray(values).reshape(len(sample), len(TARGETS))
    table.to_csv(part, sep=SAMPLE.get("delimiter", ","), index=False)
    part.replace(part.with_suffix(".csv"))


train, sample = read(**TRAIN), read(**SAMPLE)
wanted = sample[ID].set_axis(KEYS, axis=1)
test = read(**TEST) if TEST else wanted
keys = [name for name in KEYS if name in test.columns]
if keys:
    test = wanted[keys].merge(test.drop_duplicates(keys), on=keys, how="left")
if CLASSES:
    codes = {name: i for i, name in enumerate(CLASSES)}
    Y = np.column_stack([train[name].map(codes) for name in LABELS]).astype(float)
else:
    Y = np.column_stack([pd.to_numeric(train[name], errors="coerce") for name in LABELS]).astype(float)
    if EXCLUSIVE:
        # Answers may be counts.
        Y = pd.DataFrame(Y).pipe(lambda counts: counts.div(counts.sum(axis=1), axis=0)).to_numpy()
known = np.isfinite(Y).all(axis=1)
if known.any() and TASK != "texts":
    train, Y = train[known].reset_index(drop=True), Y[known]
