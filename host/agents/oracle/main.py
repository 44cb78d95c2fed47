"""Submits the file that ORACLE_ANSWERS names."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    answers = os.environ.get("ORACLE_ANSWERS")
    if not answers:
        print("error: nobody handed the answers over: ORACLE_ANSWERS is not set", file=sys.stderr)
        return 1
    Path("submission").mkdir(exist_ok=True)
    shutil.copyfile(answers, "submission/submission.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
