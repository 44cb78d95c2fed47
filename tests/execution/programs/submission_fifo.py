import os

os.mkfifo("submission/submission.csv")
