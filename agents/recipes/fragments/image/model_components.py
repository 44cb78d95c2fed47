# title = "linear model of principal components"
# aspect = "architecture"
# also = ["files", "audio"]
# needs = ["complete"]
# gives = ["random"]
# cost = 1
# rank = 2.5
# prefers.DATA = ["data_pixels"]
# show = ["COMPONENTS"]
# grid.COMPONENTS = [10, 20, 40, 80]
# grid.C = [0.01, 0.1, 1.0]
# aspects.COMPONENTS = "architecture"
# aspects.C = "regularisation"
# scales = ["COMPONENTS"]
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COMPONENTS = 40
C = 0.1  # inverse strength of the penalty


def build_model(seed):
    linear = Ridge(alpha=1 / C) if TASK == "regression" else LogisticRegression(C=C, max_iter=300)
    components = PCA(min(COMPONENTS, X.shape[1], len(train) // 2 + 1), random_state=seed)
    return make_pipeline(StandardScaler(), components, StandardScaler(), linear)
