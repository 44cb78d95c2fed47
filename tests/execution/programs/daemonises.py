import os
import time

from pathlib import Path

Path("submission/submission.csv").write_text("id,target\n1,0.5\n")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for handle in (0, 1, 2):
            os.close(handle)
        Path("working/daemon").write_text(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not Path("working/daemon").exists():
    time.sleep(0.01)
