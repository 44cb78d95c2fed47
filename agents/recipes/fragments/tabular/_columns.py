FEATURES = []  # empty: every column that both tables have
CALENDAR = ("year", "month", "day", "dayofweek", "dayofyear", "hour")


def to_numbers(column):
    """Numbers of a column, also of "$1,234", "12 %" or " "; None where other text stands in it."""
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.fillna("").astype(str).str.replace(r"[$€£%\s]", "", regex=True)
    decimal_comma = TRAIN.get("delimiter") == ";" and not text.str.contains(".", regex=False).any()
    text = text.str.replace(",", "." if decimal_comma else "", regex=False)
    values = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
    return values if (values.notna() | (text == "")).all() else None


def expand(name, column):
    """(numbers, words) of a column, by new name: dates become their parts, long texts their lengths."""
    values = to_numbers(column)
    if values is not None:
        return {name: values.replace([np.inf, -np.inf], np.nan).clip(-1e30, 1e30)}, {}
    if column.dropna().astype(str).str.match(r"\d{4}-\d\d-\d\d").all():
        dates = pd.to_datetime(column, errors="coerce", utc=True)
        parts = {part: getattr(dates.dt, part).astype(float) for part in CALENDAR}
        parts["days"] = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return {f"{name} {part}": values for part, values in parts.items()}, {}
    text = column.fillna("").astype(str)
    if text.nunique() <= max(50, len(text) // 5):
        return {}, {name: text}
    return {f"{name} length": text.str.len().astype(float), f"{name} words": text.str.count(" ").astype(float)}, {}


numbers, words = {}, {}
for name in FEATURES or [name for name in test.columns if name in train.columns and name not in (*KEYS, *LABELS)]:
    column = pd.concat([train[name], test[name]], ignore_index=True)
    new_numbers, new_words = expand(name, column)
    numbers.update({key: v for key, v in new_numbers.items() if v[: len(train)].nunique(dropna=False) > 1})
    words.update({key: v for key, v in new_words.items() if v[: len(train)].nunique() > 1})
if not numbers and not words:
    # Every other row, because some models cannot be fitted to a constant.
    numbers = {"nothing": pd.Series(np.arange(len(train) + len(test)) % 2.0)}
numbers, words = (pd.DataFrame(columns, index=range(len(train) + len(test))) for columns in (numbers, words))
