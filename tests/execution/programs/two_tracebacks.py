import traceback

try:
    {}["first"]
except KeyError:
    traceback.print_exc()
print("ValueError: metric 0.5")
raise RuntimeError("the second one\nof two lines")
