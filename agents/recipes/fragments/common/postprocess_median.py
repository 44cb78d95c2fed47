# title = "median of the models"
# aspect = "ensemble"
# kinds = ["real"]
# metrics = ["rmse", "mae"]
# tasks = ["regression"]
# needs = ["members"]
# rank = 4
for members in train_models(Y):
    write(np.median(members, axis=0)[:, :, 0])
