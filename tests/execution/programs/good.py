import os

from pathlib import Path

Path("submission/submission.csv").write_text("id,target\n1,0.5\n")
Path("working/cwd").write_text(os.getcwd())
print(sorted(os.listdir("input")), Path("input/train.csv").read_text())
