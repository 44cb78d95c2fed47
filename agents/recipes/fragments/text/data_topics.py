# title = "{TOPICS} topics and a score of the texts"
# rank = 2
# aspect = "features"
# also = ["tabular"]
# texts = true
# uses = ["tabular/_columns", "tabular/_beside", "text/_documents"]
# gives = ["complete"]
# cost = 2
# widens = 4
# grid.TOPICS.features = [20, 50, 100, 200]
# grid.STRENGTH.features = [0.3, 1.0, 3.0]
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import Normalizer

TOPICS = 50
STRENGTH = 1.0  # penalty of the linear model whose answers are the score

vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=min(2, len(train)), max_features=50000, sublinear_tf=True)
terms, terms_test = vectorizer.fit_transform(documents(train)), vectorizer.transform(documents(test))
svd = TruncatedSVD(max(1, min(TOPICS, terms.shape[1] - 1)), random_state=SEED).fit(terms)
topics = [Normalizer().fit_transform(svd.transform(part)) for part in (terms, terms_test)]
# A training row's score comes from a model that has not seen it.
wanted = np.column_stack([Y[:, 0] == i for i in range(len(CLASSES))][:10]) if TASK == "multiclass" else Y[:, :10]
folds = KFold(min(5, len(train)), shuffle=True, random_state=SEED)
linear = Ridge(alpha=STRENGTH, solver="sparse_cg")
wanted = wanted.astype(float)
scores = cross_val_predict(linear, terms, wanted, cv=folds), linear.fit(terms, wanted).predict(terms_test)
lengths = numbers.fillna(numbers[: len(train)].median()).fillna(0)
columns = np.hstack([lengths, beside()])
parts = zip((columns[: len(train)], columns[len(train) :]), topics, scores)
X, X_test = (np.column_stack(part).astype(np.float32) for part in parts)
