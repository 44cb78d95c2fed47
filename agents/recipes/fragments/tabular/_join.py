columns = beside()
X, X_test = np.hstack([X, columns[: len(train)]]), np.hstack([X_test, columns[len(train) :]])
