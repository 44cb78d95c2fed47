import os

from pathlib import Path

Path("submission/submission.csv").write_text("id,target\n1,0.5\n")
os.makedirs("working/a/b")
open("working/a/b/c", "w").close()
for path in ("working/a/b", "working/a", "working", "submission"):
    os.chmod(path, 0)
