import itertools

for number in itertools.count():
    with open(f"working/{number}", "wb") as file:
        file.write(b"x" * 4_000_000)
