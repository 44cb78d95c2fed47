for path in open("input/paths.txt").read().split():
    try:
        open(path, "w").write("x")
        print("wrote", path)
    except OSError as error:
        print(type(error).__name__)
