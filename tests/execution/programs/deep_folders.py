import os

os.chdir("working")
for _ in range(2500):
    os.mkdir("deeper")
    os.chdir("deeper")
