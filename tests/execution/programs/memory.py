import time

kept = []
while True:
    kept.append(bytearray(b"x" * 20_000_000))
    time.sleep(0.01)
