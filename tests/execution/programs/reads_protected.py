import os
import sys

paths = open("input/paths.txt").read().split()
for path in paths:
    for act in (
        lambda: open(path).read(),
        lambda: os.listdir(os.path.dirname(path)),
        lambda: os.link(path, "working/x"),
    ):
        try:
            act()
            print("opened", path)
        except OSError as error:
            print(type(error).__name__)
