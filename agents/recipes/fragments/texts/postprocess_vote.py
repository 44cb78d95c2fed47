# title = "vote"
# aspect = "ensemble"
# rank = 1
for members in train_models(Y):
    votes = [member[:, :, 0] for member in members]
    if len(votes) > 1:
        columns = (pd.DataFrame([vote[:, i] for vote in votes]).mode().iloc[0] for i in range(Y.shape[1]))
        votes = [np.column_stack([column.to_numpy(dtype=object) for column in columns])]
    write(votes[0])
