"""Competitions on short texts."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import pandas as pd

from benchmark.competitions.competition import Competition
from benchmark.competitions.downloads import PackageArchive
from benchmark.competitions.rdata import table

_SNIPPETS = PackageArchive(
    "vaderSentiment", "source", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
)
_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_MEMBER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"


def _food_reviews(cache: Path) -> pd.DataFrame:
    """Both parts of the source; a review that stands under two products is kept once."""
    parts = [
        table("modeldata", "training_data", 4000, 3),
        table("modeldata", "testing_data", 1000, 3),
    ]
    frame = pd.concat(parts).drop_duplicates("review")
    return pd.DataFrame(
        {"review": frame["review"], "great": (frame["score"] == "great").astype(int)}
    )


def _movie_snippets(cache: Path) -> pd.DataFrame:
    """Columns of the file: number, mean rating, text."""
    text = _extracted(_SNIPPETS.fetched(cache)).decode("utf-8")
    names = ["number", "sentiment", "snippet"]
    frame = pd.read_csv(
        io.StringIO(text), sep="\t", header=None, names=names, quoting=csv.QUOTE_NONE
    )
    return frame.drop_duplicates("snippet")[["snippet", "sentiment"]]


def _extracted(archive: Path) -> bytes:
    with tarfile.open(archive) as outer:
        inner = outer.extractfile(_INNER)
        assert inner is not None
        with tarfile.open(fileobj=inner) as files:
            member = files.extractfile(_MEMBER)
            assert member is not None
            return member.read()


FOOD_REVIEW = Competition(
    name="food-review",
    about="4,973 reviews of food, great or not?",
    source="R package modeldata, training_data and testing_data",
    rows=4_973,
    metric="roc_auc",
    load=_food_reviews,
    target="great",
    dummy=0.5,
    kind="text",
)
MOVIE_SNIPPET = Competition(
    name="movie-snippet",
    about="10,603 sentences about films with a rating of their mood",
    source="source archive of vaderSentiment",
    rows=10_603,
    metric="rmse",
    load=_movie_snippets,
    target="sentiment",
    dummy=0,
    kind="text",
)
