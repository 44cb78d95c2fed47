# title = "{SCALE} of the target"
# aspect = "ensemble"
# kinds = ["real"]
# tasks = ["regression"]
# grid.SCALE.ensemble = ["log", "root", "normal"]
# rank = 2
# rank_for.rmsle = 0
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer

SCALE = "log"  # root, or normal: ranks turned into the quantiles of a normal distribution
floor = np.minimum(Y.min(axis=0), 0)
scales = {
    "log": FunctionTransformer(np.log1p, np.expm1),
    "root": FunctionTransformer(np.sqrt, np.square),
    "normal": QuantileTransformer(n_quantiles=min(1000, len(Y)), output_distribution="normal", random_state=SEED),
}
scale = scales[SCALE].fit(Y - floor)

scaled = scale.transform(Y - floor)
low, high = scaled.min(axis=0), scaled.max(axis=0)

for members in train_models(scaled):
    # The way back turns a little too much into far too much.
    bounded = np.clip(np.mean(members, axis=0)[:, :, 0], low, high + 0.05 * (high - low))
    write(scale.inverse_transform(bounded) + floor)
