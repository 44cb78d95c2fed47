with open("working/large", "wb") as file:
    for _ in range(100):
        file.write(b"x" * 1_000_000)
