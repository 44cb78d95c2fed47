# title = "TF-IDF of words and characters"
# aspect = "features"
# uses = ["_documents"]
# gives = ["sparse"]
# cost = 4
# grid.LONGEST = [3, 4, 5]
# grid.VOCABULARY = [20000, 50000, 100000]
# aspects.LONGEST = "features"
# aspects.VOCABULARY = "features"
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

LONGEST = 4  # characters in a row, within words
VOCABULARY = 50000  # of either kind

common = {"max_features": VOCABULARY, "min_df": min(2, len(train)), "sublinear_tf": True, "dtype": np.float32}
vectorizers = [
    TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", strip_accents="unicode", **common),
    TfidfVectorizer(analyzer="char_wb", ngram_range=(2, LONGEST), **common),
]
X = csr_matrix(hstack([vectorizer.fit_transform(documents(train)) for vectorizer in vectorizers]))
X_test = csr_matrix(hstack([vectorizer.transform(documents(test)) for vectorizer in vectorizers]))
