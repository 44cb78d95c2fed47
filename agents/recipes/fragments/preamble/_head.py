"""Reads ./input, trains on it and writes ./submission/submission.csv, again whenever the prediction got better."""
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

TASK = "binary"  # binary, multiclass, multilabel (several columns), regression or texts
PREDICT = "probability"  # what the submission holds: probability, label, real, text
METRIC = "roc_auc"
TRAIN = {"path": "train.csv"}
TEST = {"path": "test.csv"}  # None: there is nothing but the sample's ids
SAMPLE = {"path": "sample_submission.csv"}
ID = ["id"]  # columns of the sample
KEYS = ["id"]  # the same ids in the tables
LABELS = ["target"]  # answers in the train table
TARGETS = ["target"]  # columns of the submission
CLASSES = ["0", "1"]  # in the order of the sample's columns; else empty
EXCLUSIVE = False  # the columns of a row are shares of one whole
CATEGORIES = []  # columns of X that hold codes without an order; DATA says which

CPUS = int(os.environ.get("SWARM_CPUS", "1"))
SEED = int(os.environ.get("SWARM_SEED", "0"))
DEADLINE = float(os.environ.get("SWARM_DEADLINE", "inf"))
