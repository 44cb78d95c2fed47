import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    time.sleep(1000)
time.sleep(0.2)
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(1000)
