import os
import shutil

failed = 0
for name in sorted(os.listdir("input")):
    for act in (
        os.remove,
        lambda path: os.truncate(path, 0),
        lambda path: open(path, "a"),
        lambda path: os.rename(path, "x"),
    ):
        try:
            act(f"input/{name}")
        except OSError:
            failed += 1
try:
    shutil.rmtree(os.path.realpath("input"))
except OSError:
    failed += 1
print("failed", failed)
