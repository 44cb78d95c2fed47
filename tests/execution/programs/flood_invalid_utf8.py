import os
import sys

chunk = (b"\xff\xfe\x80\xc3" * 25) * 10_000
for _ in range(100):
    os.write(1, chunk)
sys.stderr.write("the end\n")
