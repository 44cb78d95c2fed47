import os
import sys

chunk = (b"x" * 100) * 10_000
for _ in range(100):
    os.write(1, chunk)
sys.stderr.write("the end\n")
