# title = "likeliest label"
# aspect = "threshold"
# kinds = ["label"]
# tasks = ["binary", "multiclass", "multilabel"]
# rank = 1
labels = np.array(CLASSES)

for members in train_models(Y):
    best = np.mean(members, axis=0).argmax(axis=2)
    one_hot = TASK == "multiclass" and len(TARGETS) == len(CLASSES)
    write(np.eye(len(CLASSES), dtype=int)[best[:, 0]] if one_hot else labels[best])
