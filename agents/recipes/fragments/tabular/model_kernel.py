# title = "kernel machine"
# aspect = "architecture"
# also = ["image", "files", "audio"]
# gives = ["random", "extrapolates"]
# needs = ["complete"]
# cost = 0.3
# rank = 9
# rank_for.image = 4
# prefers.DATA = ["data_one_hot", "data_gradients"]
# with.NUMBERS = "normal"
# show = ["GAMMA"]
# grid.GAMMA.architecture = [0.1, 0.3, 1.0, 3.0]
# grid.COMPONENTS.architecture = [100, 200, 400]
# grid.C.regularisation = [0.1, 0.3, 1.0, 3.0]
# scales = ["COMPONENTS"]
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

GAMMA = 1.0  # width of the radial kernel, in units of 1 / columns
COMPONENTS = 200
C = 1.0  # inverse strength of the penalty


def build_model(seed):
    linear = Ridge(alpha=1 / C) if TASK == "regression" else LogisticRegression(C=C, max_iter=300)
    kernel = Nystroem(gamma=GAMMA / X.shape[1], n_components=min(COMPONENTS, len(train) // 2 + 1), random_state=seed)
    return make_pipeline(StandardScaler(), kernel, linear)
