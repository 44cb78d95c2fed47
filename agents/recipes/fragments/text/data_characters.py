# title = "TF-IDF of characters"
# aspect = "features"
# uses = ["_documents"]
# gives = ["sparse"]
# cost = 3
# grid.LONGEST = [3, 4, 5, 6]
# grid.VOCABULARY = [20000, 50000, 100000, 200000]
# aspects.LONGEST = "features"
# aspects.VOCABULARY = "features"
from sklearn.feature_extraction.text import TfidfVectorizer

LONGEST = 4  # characters in a row, within words
VOCABULARY = 50000

vectorizer = TfidfVectorizer(
    analyzer="char_wb",
    ngram_range=(2, LONGEST),
    max_features=VOCABULARY,
    min_df=min(2, len(train)),
    sublinear_tf=True,
    dtype=np.float32,
)
X, X_test = vectorizer.fit_transform(documents(train)), vectorizer.transform(documents(test))
