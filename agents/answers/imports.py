"""Imports that a model forgot: a name that would end the program is bound to what everybody means
by it. Pure.
"""

from __future__ import annotations

import ast
from functools import cache

from agents.answers.names import undefined_names
from agents.answers.syntax import parsed

_MODULES = (
    "collections copy functools gc glob io itertools joblib json math os pickle random re shutil string sys time torch "
    "warnings zipfile"
)
_ALIASES = {
    "np": "numpy",
    "pd": "pandas",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "lgb": "lightgbm",
    "xgb": "xgboost",
    "plt": "matplotlib.pyplot",
}
_MEMBERS = {
    "collections": "Counter defaultdict deque",
    "functools": "partial reduce",
    "pathlib": "Path",
    "PIL": "Image",
    "torch.utils.data": "DataLoader Dataset TensorDataset",
    "tqdm": "tqdm",
    "lightgbm": "LGBMClassifier LGBMRegressor",
    "xgboost": "XGBClassifier XGBRegressor",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor make_column_transformer",
    "sklearn.decomposition": "PCA TruncatedSVD",
    "sklearn.ensemble": "ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier GradientBoostingRegressor "
    "HistGradientBoostingClassifier HistGradientBoostingRegressor RandomForestClassifier RandomForestRegressor "
    "StackingClassifier StackingRegressor VotingClassifier VotingRegressor",
    "sklearn.feature_extraction.text": "CountVectorizer HashingVectorizer TfidfVectorizer",
    "sklearn.impute": "KNNImputer SimpleImputer",
    "sklearn.linear_model": "ElasticNet Lasso LinearRegression LogisticRegression Ridge RidgeCV SGDClassifier",
    "sklearn.metrics": "accuracy_score cohen_kappa_score f1_score log_loss mean_absolute_error mean_squared_error "
    "r2_score roc_auc_score",
    "sklearn.model_selection": "GridSearchCV GroupKFold KFold RandomizedSearchCV StratifiedKFold TimeSeriesSplit "
    "cross_val_predict cross_val_score cross_validate train_test_split",
    "sklearn.naive_bayes": "ComplementNB GaussianNB MultinomialNB",
    "sklearn.neighbors": "KNeighborsClassifier KNeighborsRegressor",
    "sklearn.pipeline": "FeatureUnion Pipeline make_pipeline make_union",
    "sklearn.preprocessing": "FunctionTransformer LabelEncoder MinMaxScaler OneHotEncoder OrdinalEncoder "
    "PolynomialFeatures QuantileTransformer RobustScaler StandardScaler",
    "sklearn.svm": "SVC SVR LinearSVC",
}


@cache
def _lines() -> dict[str, str]:
    """The line that binds each well-known name."""
    lines: dict[str, str] = {}
    for name in _MODULES.split():
        lines[name] = f"import {name}"
    for alias, module in _ALIASES.items():
        lines[alias] = f"import {module} as {alias}"
    for module, names in _MEMBERS.items():
        for name in names.split():
            lines[name] = f"from {module} import {name}"
    return lines


def with_imports(program: str) -> str:
    """The program with an import for each well-known name that it never binds, above its first
    statement.

    Such a name would end the program for certain; a request to a model costs more than a line.
    """
    known = _lines()
    missing = [known[name] for _, name in undefined_names(program) if name in known]
    tree = parsed(program)
    if not missing or tree is None:
        return program
    lines = program.split("\n")
    place = _first_free_line(tree, lines)
    return "\n".join([*lines[:place], *missing, *lines[place:]])


def _first_free_line(tree: ast.Module, lines: list[str]) -> int:
    """Index below the docstring, the future imports, and the comments that Python reads."""
    place = 0
    while place < min(2, len(lines)) and lines[place].startswith(("#!", "# -*-", "# coding")):
        place += 1
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not docstring and not future:
            break
        place = max(place, node.end_lineno or 0)
    return place
