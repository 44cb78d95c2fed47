import os
import time

for _ in range(4):
    if os.fork() == 0:
        kept = bytearray(b"x" * 100_000_000)
        time.sleep(1000)
time.sleep(1000)
