"""Competitions on tables with a number to predict."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.competitions.competition import Competition
from benchmark.competitions.rdata import table


def _houses(cache: Path) -> pd.DataFrame:
    frame = table("openintro", "ames", 2930, 82).drop(columns=["Order", "PID"])
    return frame.rename(columns=lambda name: name.replace(".", "_"))


def _diamonds(cache: Path) -> pd.DataFrame:
    return table("ggplot2", "diamonds", 53940, 10)


def _hotel_rates(cache: Path) -> pd.DataFrame:
    """arrival_date_num is arrival_date once more."""
    return table("modeldata", "hotel_rates", 15402, 28).drop(columns="arrival_date_num")


def _transit(cache: Path) -> pd.DataFrame:
    """Clark_Lake is the target of 14 days before: in a test part of many days it gives the answers
    away.
    """
    return table("modeldata", "Chicago", 5698, 50).drop(columns="Clark_Lake")


def _demand(cache: Path) -> pd.DataFrame:
    """A year of half-hours; they are counted, because the package has no times."""
    frame = table("fpp2", "elecdemand", 17520, 3).rename(columns=str.lower)
    frame.insert(0, "half_hour", range(len(frame)))
    return frame


HOUSE_PRICE = Competition(
    name="house-price",
    about="2,930 house sales, 79 columns",
    source="R package openintro, ames",
    rows=2_930,
    metric="rmsle",
    load=_houses,
    target="price",
    dummy=180_000,
)
DIAMOND_PRICE = Competition(
    name="diamond-price",
    about="20,000 of 53,940 diamonds, 9 columns",
    source="R package ggplot2, diamonds",
    rows=20_000,
    metric="rmsle",
    load=_diamonds,
    target="price",
    dummy=2500,
    limit=20_000,
)
HOTEL_RATE = Competition(
    name="hotel-rate",
    about="15,402 bookings of a hotel, 26 columns",
    source="R package modeldata, hotel_rates",
    rows=15_402,
    metric="mae",
    load=_hotel_rates,
    target="avg_price_per_room",
    dummy=100,
)
TRANSIT = Competition(
    name="transit",
    about="5,698 days at a railway station, 48 columns, the last 15 % are asked",
    source="R package modeldata, Chicago",
    rows=5_698,
    metric="mae",
    load=_transit,
    target="ridership",
    dummy=15,
    time_column="date",
    test_share=0.15,
)
POWER_DEMAND = Competition(
    name="power-demand",
    about="17,520 half-hours of a power grid, 3 columns, the last 12 % are asked",
    source="R package fpp2, elecdemand",
    rows=17_520,
    metric="rmse",
    load=_demand,
    target="demand",
    dummy=3,
    time_column="half_hour",
    test_share=0.12,
)
