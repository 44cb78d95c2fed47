# title = "TF-IDF of words"
# rank = 1
# aspect = "features"
# uses = ["_documents"]
# gives = ["sparse"]
# grid.LONGEST = [1, 2, 3]
# grid.VOCABULARY = [20000, 50000, 100000, 200000]
# grid.RAREST = [1, 2, 5]
# aspects.LONGEST = "features"
# aspects.VOCABULARY = "features"
# aspects.RAREST = "cleaning"
from sklearn.feature_extraction.text import TfidfVectorizer

LONGEST = 2  # words in a row
VOCABULARY = 100000
RAREST = 2  # documents that a term must stand in

vectorizer = TfidfVectorizer(
    ngram_range=(1, LONGEST),
    max_features=VOCABULARY,
    min_df=min(RAREST, len(train)),
    sublinear_tf=True,
    strip_accents="unicode",
    token_pattern=r"(?u)\b\w+\b",
    dtype=np.float32,
)
X, X_test = vectorizer.fit_transform(documents(train)), vectorizer.transform(documents(test))
