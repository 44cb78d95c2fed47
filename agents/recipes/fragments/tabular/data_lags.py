# title = "answers of earlier times"
# rank = 0
# aspect = "features"
# timed = true
# uses = ["tabular/_columns"]
# needs = ["takes_missing"]
# grid.WINDOW.features = [1, 3, 7, 28]
WINDOW = 7  # steps of a rolling mean
PERIODS = (1, 7, 12, 24, 364, 8736)  # steps of a season: weeks and years of days, days and years of hours, ...
TIME = None  # column whose order test continues

column = pd.concat([train[TIME], test[TIME]], ignore_index=True)
moments = to_numbers(column)
if moments is None:
    moments = (pd.to_datetime(column, errors="coerce", utc=True) - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
gaps = np.diff(np.unique(moments.dropna()))
step = np.median(gaps) if len(gaps) else 1.0
steps = ((moments - moments.min()) / step).round()
# What is more recent than this many steps is not known of the last test row, so that no row may use it.
horizon = max(1, int(steps.max() - steps[: len(train)].max()))
last = int(steps[: len(train)].max())
lags = {}
for i, answers in enumerate(Y.T[:3]):
    known_answers = pd.Series(answers).groupby(steps[: len(train)]).mean().reindex(range(last + 1))
    rolling = known_answers.rolling(WINDOW, min_periods=1).mean()
    for period in PERIODS:
        back = period * -(-horizon // period)
        if back < last:
            lags[f"{i} lag {back}"] = (steps - back).map(known_answers)
            lags[f"{i} mean until lag {back}"] = (steps - back).map(rolling)
codes = pd.DataFrame({name: pd.factorize(words[name], sort=True)[0] for name in words}, index=words.index)
features = pd.concat([numbers, codes, pd.DataFrame(lags, index=words.index)], axis=1).to_numpy(np.float32, copy=True)
X, X_test = features[: len(train)], features[len(train) :]
