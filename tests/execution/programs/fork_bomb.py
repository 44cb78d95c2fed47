import os
import time

# Doubles until the count of its processes, told through files, reaches its own cap.
while len(os.listdir("working")) < 500:
    try:
        if os.fork() == 0:
            open(f"working/{os.getpid()}", "w").close()
    except OSError:
        pass
time.sleep(1000)
