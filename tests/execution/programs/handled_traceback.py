import traceback

from pathlib import Path

Path("submission/submission.csv").write_text("id,target\n1,0.5\n")
try:
    {}["first"]
except KeyError:
    traceback.print_exc()
