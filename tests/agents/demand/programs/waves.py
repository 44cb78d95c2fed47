"""Calendar waves and bent temperature in a ridge, boosting on its residual."""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

SEED = int(os.environ.get("SWARM_SEED", "0"))
DEADLINE = float(os.environ.get("SWARM_DEADLINE", "inf"))
STARTED = time.time()

# %% DATA
HALF_LIFE = 12  # tune: 6, 24, 48
train = pd.read_csv("input/train.csv").dropna(subset=["demand"])
test = pd.read_csv("input/test.csv")
sample = pd.read_csv("input/sample_submission.csv")
both = pd.concat([train, test], ignore_index=True)
both["when"] = pd.to_datetime(both["when"])
both = both.sort_values("when").reset_index(drop=True)
hour = both["when"].dt.hour + both["when"].dt.minute / 60
weekday, day = both["when"].dt.day_of_week, both["when"].dt.dayofyear
inert = both["temperature"].ewm(halflife=HALF_LIFE).mean()
columns = {"hour": hour, "weekday": weekday, "temperature": both["temperature"], "inert": inert}
for k in (1, 2, 3):
    columns[f"sin{k}"] = np.sin(2 * np.pi * k * hour / 24)
    columns[f"cos{k}"] = np.cos(2 * np.pi * k * hour / 24)
for k in (1, 2):
    columns[f"ysin{k}"] = np.sin(2 * np.pi * k * day / 365)
    columns[f"ycos{k}"] = np.cos(2 * np.pi * k * day / 365)
columns["cold"] = np.maximum(15 - inert, 0)
columns["hot"] = np.maximum(both["temperature"] - 21, 0)
for name in ("sin1", "cos1", "sin2", "cos2"):
    columns[f"{name}_weekend"] = columns[name] * (weekday >= 5)
    columns[f"{name}_hot"] = columns[name] * columns["hot"]
features = pd.DataFrame(columns)
known = both["demand"].notna().to_numpy()
X, y, X_test = features[known], both.loc[known, "demand"].to_numpy(), features[~known]
test_ids = both.loc[~known, "id"]

# %% MODEL
PENALTY = 3.0  # tune: 0.3, 30


class Base:
    """A ridge on scaled columns, and boosting on what it leaves."""

    def fit(self, X, y, rounds=150):
        self.scale = StandardScaler().fit(X)
        self.ridge = Ridge(PENALTY).fit(self.scale.transform(X), y)
        rest = y - self.ridge.predict(self.scale.transform(X))
        self.trees = HistGradientBoostingRegressor(
            max_iter=rounds, learning_rate=0.05, max_leaf_nodes=15, random_state=SEED
        ).fit(X, rest)
        return self

    def parts(self, X):
        return self.ridge.predict(self.scale.transform(X)), self.trees.predict(X)


# %% TRAIN
def write(values):
    table = sample[["id"]].merge(
        pd.DataFrame({"id": test_ids, "demand": values}), on="id", how="left"
    )
    Path("submission").mkdir(exist_ok=True)
    table.to_csv("submission/submission.csv", index=False)


def rmse(values, truth):
    return float(np.sqrt(np.mean((values - truth) ** 2)))


cut = int(0.85 * len(y))
model = Base().fit(X[:cut], y[:cut])
base, rest = model.parts(X[cut:])
share = min((0.25, 0.5, 0.75, 1.0), key=lambda s: rmse(base + s * rest, y[cut:]))
print(
    f"later rows: ridge alone {rmse(base, y[cut:]):.4f}, with all trees {rmse(base + rest, y[cut:]):.4f}"
)
print(f"share of the trees {share}, bias {np.mean(base + share * rest - y[cut:]):+.4f}")

# %% POSTPROCESS
final = Base().fit(X, y)
base, rest = final.parts(X_test)
write(base + share * rest)
print(
    f"{len(X)} rows, {X.shape[1]} columns, {time.time() - STARTED:.1f} s of {DEADLINE - STARTED:.0f} s"
)
