# title = "cells with {CONTEXT} around them"
# rank = 1
# aspect = "features"
# gives = ["cells"]
# grid.CONTEXT.features = ["nothing", "the one before", "both"]
CONTEXT = "both"  # cells of the rows around, in the order of the columns that the id is made of
TEXTS = []
FEATURES = []

Y = train[LABELS].to_numpy(dtype=object)
both = [name for name in (*TEXTS, *FEATURES, *train.columns) if name in train.columns and name in test.columns]
equal = {name: (train[name].astype(str) == Y[:, 0]).mean() for name in both if name not in (*KEYS, *PARTS)}
SOURCE = max(equal, key=equal.get, default=None)  # the column that answers repeat most often


def cells(table):
    """[rows, keys]: the source, then the source with its neighbours, one more each time."""
    own = table[SOURCE].fillna("").astype(str) if SOURCE else pd.Series("", index=table.index)
    columns, order = [own], pd.DataFrame({name: pd.to_numeric(table[name], errors="coerce") for name in PARTS})
    if PARTS and CONTEXT != "nothing":
        sorted_own = own.loc[order.sort_values(PARTS).index]
        groups = sorted_own.groupby(table[PARTS[0]].loc[sorted_own.index], sort=False)
        for step in (1, -1)[: 1 + (CONTEXT == "both")]:
            columns.append(columns[-1] + chr(31) + groups.shift(step, fill_value="").loc[own.index])
    return np.column_stack([column.to_numpy(dtype=object) for column in columns])


X, X_test = cells(train), cells(test)
