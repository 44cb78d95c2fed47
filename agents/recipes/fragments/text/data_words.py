# title = "TF-IDF of {UNITS}"
# rank = 1
# aspect = "features"
# uses = ["tabular/_columns", "tabular/_beside", "text/_documents"]
# gives = ["sparse"]
# needs = ["takes_sparse"]
# grid.UNITS.features = ["words", "characters", "words and characters"]
# grid.LONGEST.features = [1, 2, 3]
# grid.LONGEST_PIECE.features = [3, 4, 5, 6]
# grid.VOCABULARY.features = [20000, 50000, 100000, 200000]
# grid.RAREST.cleaning = [1, 2, 5]
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

UNITS = "words"  # or characters, or words and characters
LONGEST = 2  # words in a row
LONGEST_PIECE = 4  # characters in a row, within words
VOCABULARY = 100000  # of either kind
RAREST = 2  # documents that a term must stand in

shared = {
    "max_features": VOCABULARY,
    "min_df": min(RAREST, len(train)),
    "sublinear_tf": True,
    "strip_accents": "unicode",
    "dtype": np.float32,
}
vectorizers = {
    "words": TfidfVectorizer(ngram_range=(1, LONGEST), token_pattern=r"(?u)\b\w+\b", **shared),
    "characters": TfidfVectorizer(analyzer="char_wb", ngram_range=(2, LONGEST_PIECE), **shared),
}
texts, texts_test, columns = documents(train), documents(test), beside()
X, X_test = [columns[: len(train)]], [columns[len(train) :]]
for name in UNITS.split(" and "):
    X.append(vectorizers[name].fit_transform(texts))
    X_test.append(vectorizers[name].transform(texts_test))
X, X_test = csr_matrix(hstack(X)), csr_matrix(hstack(X_test))
