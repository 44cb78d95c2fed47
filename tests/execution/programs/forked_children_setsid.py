import os
import time

for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        print("a child holds stdout", flush=True)
        time.sleep(1000)
time.sleep(1000)
