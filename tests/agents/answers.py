"""Programs and answers of models, as the tests of the language-model part see them."""

from __future__ import annotations

from collections.abc import Sequence

from core.records import Brief, ErrorInfo, Parent

GOOD = '''"""Gradient boosting on all columns."""
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

# %% DATA
train = pd.read_csv("./input/train.csv")
test = pd.read_csv("./input/test.csv")
sample = pd.read_csv("./input/sample_submission.csv")
X, y = train.drop(columns=["id", "y"]), train["y"]

# %% MODEL
def build():
    return HistGradientBoostingClassifier(learning_rate=0.1)

# %% TRAIN
model = build()
model.fit(X, y)

# %% POSTPROCESS
sample["y"] = np.clip(model.predict_proba(test[X.columns])[:, 1], 0, 1)
sample.to_csv("./submission/submission.csv", index=False)
'''

PARENT = GOOD.replace("learning_rate=0.1", "learning_rate=0.3")
PLAN = "PLAN: gradient boosting with a smaller step"
EDIT = """<<<<<<< SEARCH
    return HistGradientBoostingClassifier(learning_rate=0.3)
=======
    return HistGradientBoostingClassifier(learning_rate=0.1)
>>>>>>> REPLACE
"""


def fence(program: str, language: str = "python") -> str:
    return f"```{language}\n{program}```\n"


def parent(program: str = PARENT, error: ErrorInfo | None = None) -> Parent:
    return Parent("s0001", program, "boosting", None if error else 0.8, error)


def brief(
    kind: str = "draft", parents: Sequence[Parent] = (), locus: str | None = None, step: int = 7
) -> Brief:
    return Brief(step, kind, 11, tuple(parents), locus)  # type: ignore[arg-type]
