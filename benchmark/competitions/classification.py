"""Competitions on tables with two classes; answers are probabilities."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.competitions.competition import Competition
from benchmark.competitions.rdata import table


def _churn(cache: Path) -> pd.DataFrame:
    frame = table("modeldata", "wa_churn", 7043, 20)
    return frame.assign(churn=(frame["churn"] == "Yes").astype(int))


def _loans(cache: Path) -> pd.DataFrame:
    frame = table("modeldata", "lending_club", 9857, 23)
    return frame.drop(columns="Class").assign(default=(frame["Class"] == "bad").astype(int))


def _covid_tests(cache: Path) -> pd.DataFrame:
    """ct_result is the measurement that `result` is read from, and persons must not be known again."""
    frame = table("medicaldata", "covid_testing", 15524, 17)
    frame = frame[frame["result"] != "invalid"]
    leaks = ["result", "ct_result", "subject_id", "fake_first_name", "fake_last_name"]
    return frame.drop(columns=leaks).assign(positive=(frame["result"] == "positive").astype(int))


def _flights(cache: Path) -> pd.DataFrame:
    """What is known at take-off. Flights that never arrived have no answer; all are of one year."""
    frame = table("nycflights13", "flights", 336776, 19).dropna(subset=["arr_delay"])
    landed = ["arr_time", "arr_delay", "air_time", "year"]
    return frame.drop(columns=landed).assign(late=(frame["arr_delay"] > 15).astype(int))


def _grants(cache: Path) -> pd.DataFrame:
    frame = table("modeldata", "grants_other", 8190, 1503)
    return frame.drop(columns="class").assign(funded=(frame["class"] == "successful").astype(int))


CHURN = Competition(
    name="churn",
    about="7,043 telephone customers, 19 columns, who leaves?",
    source="R package modeldata, wa_churn",
    rows=7_043,
    metric="roc_auc",
    load=_churn,
    target="churn",
    dummy=0.5,
)
LOAN_DEFAULT = Competition(
    name="loan-default",
    about="9,857 loans, 22 columns, one in twenty goes bad",
    source="R package modeldata, lending_club",
    rows=9_857,
    metric="roc_auc",
    load=_loans,
    target="default",
    dummy=0.5,
)
COVID_TEST = Competition(
    name="covid-test",
    about="15,223 tests of a hospital, 12 columns, rare positives",
    source="R package medicaldata, covid_testing",
    rows=15_223,
    metric="average_precision",
    load=_covid_tests,
    target="positive",
    dummy=0.5,
)
FLIGHT_DELAY = Competition(
    name="flight-delay",
    about="40,000 of 327,346 flights, 15 columns, late by a quarter of an hour?",
    source="R package nycflights13, flights",
    rows=40_000,
    metric="roc_auc",
    load=_flights,
    target="late",
    dummy=0.5,
    limit=40_000,
)
GRANTS = Competition(
    name="grants",
    about="8,190 grant applications, 1,502 mostly empty columns",
    source="R package modeldata, grants_other",
    rows=8_190,
    metric="roc_auc",
    load=_grants,
    target="funded",
    dummy=0.5,
)
