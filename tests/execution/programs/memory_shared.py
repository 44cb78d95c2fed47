import os
import time

kept = bytearray(b"x" * 100_000_000)
for _ in range(4):
    if os.fork() == 0:
        time.sleep(0.8)
        os._exit(0)
time.sleep(0.9)
