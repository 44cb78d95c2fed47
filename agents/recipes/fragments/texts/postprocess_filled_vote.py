# title = "vote, then the commonest words"
# aspect = "ensemble"
# kinds = ["list"]
# rank = 0
most = int(METRIC.partition("@")[2] or 0)  # words of a ranking that count
usual = list(pd.Series(Y.ravel()).astype(str).str.split().explode().value_counts().index[:most])


def ranking(answer):
    """The answer, filled up in the order of how often train has each word."""
    words = str(answer).split()
    return " ".join([*words, *(word for word in usual if word not in words)][: max(most, len(words))])


for members in train_models(Y):
    votes = [member[:, :, 0] for member in members]
    columns = (pd.DataFrame([vote[:, i] for vote in votes]).mode().iloc[0] for i in range(Y.shape[1]))
    write([[ranking(cell) for cell in row] for row in zip(*columns)])
