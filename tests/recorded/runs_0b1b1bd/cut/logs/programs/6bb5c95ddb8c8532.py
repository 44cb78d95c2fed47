import csv

# %% DATA
with open("input/train.csv", newline="") as file:
    train = list(csv.DictReader(file))
with open("input/test.csv", newline="") as file:
    test = {row["id"]: row for row in csv.DictReader(file)}
with open("input/sample_submission.csv", newline="") as file:
    ids = [row["id"] for row in csv.DictReader(file)]
# %% MODEL
SLOPE = 0.010
# %% TRAIN
rates = {}
for colour in {row["colour"] for row in train}:
    same = [float(row["fails"]) for row in train if row["colour"] == colour]
    rates[colour] = sum(same) / len(same)
# %% POSTPROCESS
with open("submission/submission.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "fails"])
    for name in ids:
        value = rates.get(test[name]["colour"], 0.5) + SLOPE * float(test[name]["size"])
        writer.writerow([name, min(max(value, 0.0), 1.0)])
