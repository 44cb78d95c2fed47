import multiprocessing
import os
import subprocess
import sys
import tempfile

open("working/part.csv", "w").write("id,target\n1,0.5\n")
os.replace("working/part.csv", "submission/submission.csv")
lock = multiprocessing.Lock()
with multiprocessing.Pool(2) as pool, lock:
    assert pool.map(abs, [-1, -2]) == [1, 2]
with tempfile.NamedTemporaryFile() as file:
    print(os.path.relpath(file.name).split(os.sep)[0])
subprocess.run([sys.executable, "-c", "print('grandchild')"], check=True)
child = subprocess.Popen(["sleep", "100"])
child.kill()
print(
    child.wait(),
    os.environ["SWARM_CPUS"],
    len(os.sched_getaffinity(0)),
    os.environ["OMP_NUM_THREADS"],
)
