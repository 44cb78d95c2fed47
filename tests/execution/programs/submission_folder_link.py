import os

os.rmdir("submission")
os.symlink("input", "submission")
