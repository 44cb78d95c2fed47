# title = "memory of answers"
# aspect = "architecture"
# rank = 1
# needs = ["cells"]
# cost = 0.3
# show = ["SUPPORT"]
# grid.SUPPORT.regularisation = [1, 2, 3, 5]
# grid.CERTAINTY.regularisation = [0.0, 0.6, 0.8]
import re

SUPPORT = 2  # rows of a key with neighbours before its answer counts
CERTAINTY = 0.6  # share of them with that answer


def shape(text):
    """What kind of text it is: runs of digits, capitals and small letters, and everything else as it stands."""
    return re.sub(r"[^\W\d_]+", lambda run: "A" if run[0][0].isupper() else "a", re.sub(r"\d+", "0", text))


class Memory:
    """The commonest answer for the longest known key; for unknown texts the rule that fits texts of their shape."""

    def fit(self, X, y):
        self.known = [self.answers(column, y, SUPPORT if i else 1) for i, column in enumerate(X.T)]
        self.commonest = pd.Series(y).mode()[0]
        pairs = pd.DataFrame({"own": X[:, 0], "answer": y}).drop_duplicates()
        spelled = pairs[pairs["own"].str.len() == pairs["answer"].str.split().str.len()].head(200_000)
        letters = pd.DataFrame([pair for own, answer in spelled.to_numpy() for pair in zip(own, answer.split())])
        self.letters = dict(letters.groupby(0)[1].agg(lambda column: column.mode()[0])) if len(letters) else {}
        pairs["shape"] = pairs["own"].map(shape)
        for rule in ("copy", "spell"):
            pairs[rule] = [getattr(self, rule)(own) == answer for own, answer in pairs[["own", "answer"]].to_numpy()]
        self.rules = pairs.groupby("shape")[["copy", "spell"]].mean()
        self.rules = self.rules[self.rules.max(axis=1) > 0].idxmax(axis=1).to_dict()
        self.usual = "copy" if pairs["copy"].mean() > 0.01 else None
        return self

    def answers(self, keys, y, support):
        counts = pd.DataFrame({"key": keys, "answer": y}).value_counts().reset_index()
        total = counts.groupby("key")["count"].transform("sum")
        sure = counts[(total >= support) & (counts["count"] >= CERTAINTY * total * (support > 1))]
        return dict(sure.drop_duplicates("key")[["key", "answer"]].to_numpy())

    def copy(self, own):
        return own

    def spell(self, own):
        return " ".join(self.letters.get(letter, letter) for letter in own)

    def one(self, keys):
        for known, key in zip(self.known[::-1], keys[::-1]):
            if key in known:
                return known[key]
        rule = self.rules.get(shape(keys[0]), self.usual)
        return getattr(self, rule)(keys[0]) if rule and keys[0] else self.commonest

    def predict(self, X):
        return np.array([self.one(keys) for keys in X], dtype=object)


def build_model(seed):
    return Memory()
