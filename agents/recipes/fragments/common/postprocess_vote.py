# title = "vote of the models"
# aspect = "ensemble"
# kinds = ["label"]
# tasks = ["binary", "multiclass", "multilabel"]
# needs = ["members"]
# rank = 4
labels = np.array(CLASSES)

for members in train_models(Y):
    votes = np.mean([np.eye(len(CLASSES))[member.argmax(axis=2)] for member in members], axis=0)
    # The mean probability only decides ties.
    best = (votes + 1e-3 * np.mean(members, axis=0)).argmax(axis=2)
    one_hot = TASK == "multiclass" and len(TARGETS) == len(CLASSES)
    write(np.eye(len(CLASSES), dtype=int)[best[:, 0]] if one_hot else labels[best])
