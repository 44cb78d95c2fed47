import glob
import os

seen = [" ".join(f"{name}={value}" for name, value in os.environ.items())]
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        seen.append(open(path, errors="replace").read())
    except OSError:
        pass
print("found" if any("sk-" + "very-secret" in text for text in seen) else "nothing")
print(sorted(os.environ))
