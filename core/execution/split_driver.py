"""Calls a generated `split` in the box: beside it lie split.py and plan.json ({"folder": the
competition's folder}).

It leaves train.csv and test.csv beside itself.
"""

from __future__ import annotations

import importlib
import json


def main() -> None:
    with open("plan.json", encoding="utf-8") as file:  # noqa: PTH123
        plan = json.load(file)
    importlib.import_module("split").split(plan["folder"], "train.csv", "test.csv")


if __name__ == "__main__":
    main()
