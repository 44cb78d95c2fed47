# title = "neural network"
# aspect = "architecture"
# also = ["image", "files", "audio", "text"]
# gives = ["random", "early_stopping", "extrapolates"]
# needs = ["complete"]
# cost = 0.5
# max_rows = 300000
# rank = 8
# rank_for.image = 2
# prefers.DATA = ["data_one_hot", "data_gradients", "data_topics"]
# with.NUMBERS = "normal"
# prefers.TRAIN = ["train_early_stopping"]
# show = ["WIDTH"]
# grid.WIDTH.architecture = [16, 32, 64, 128]
# grid.LAYERS.architecture = [1, 2]
# grid.EPOCHS.optimizer = [20, 40, 80]
# grid.ALPHA.regularisation = [0.0001, 0.01, 0.3, 3.0]
# grid.RATE.optimizer = [0.001, 0.003, 0.01]
# scales = ["EPOCHS"]
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WIDTH = 32
LAYERS = 1
EPOCHS = 40
ALPHA = 0.3  # penalty on the weights
RATE = 0.003


class ScaledRegressor(MLPRegressor):
    """A network that learns the standardised answer."""

    def fit(self, X, y):
        self.centre, self.spread = y.mean(), y.std() + 1e-12
        return super().fit(X, (y - self.centre) / self.spread)

    def predict(self, X):
        return super().predict(X) * self.spread + self.centre


def build_model(seed):
    kind = ScaledRegressor if TASK == "regression" else MLPClassifier
    layers = (WIDTH,) * LAYERS
    network = kind(
        hidden_layer_sizes=layers, alpha=ALPHA, learning_rate_init=RATE, max_iter=EPOCHS, random_state=seed
    )
    return make_pipeline(StandardScaler(), network)
