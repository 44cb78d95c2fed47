# title = "rounded expectation of the label"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["multiclass"]
# metrics = ["quadratic_weighted_kappa"]
# rank = 0
# The labels are grades: the nearest grade to the expected one costs least.
single = len(TARGETS) == 1
grades = pd.to_numeric(pd.Series(CLASSES), errors="coerce").to_numpy()
if not np.isfinite(grades).all():
    grades = np.arange(len(CLASSES))

for members in train_models(Y):
    expected = np.mean(members, axis=0)[:, 0] @ grades
    best = np.abs(expected[:, None] - grades[None, :]).argmin(axis=1)
    write(np.array(CLASSES)[best] if single else np.eye(len(CLASSES), dtype=int)[best])
