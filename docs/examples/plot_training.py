"""
Loss by epoch, and where it stopped
===================================

``TrainingDisplay`` draws what ``history_`` holds.
"""

# %%
# Digits, with early stopping: a tenth of the rows is held out, and the
# weights of the best epoch are kept (the ring).

from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_validate

from skattn import GatedDenseClassifier, TrainingDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
clf = GatedDenseClassifier(
    units=64,
    epochs=40,
    learning_rate=0.01,
    early_stopping=True,
    n_iter_no_change=5,
    random_state=0,
)
_ = TrainingDisplay.from_estimator(clf.fit(X, y)).plot()

# %%
# The loss on the training rows goes on falling; that of the held-out rows
# does not. From there on the network learns rows by heart.
#
# Several fits in one picture: the folds of a cross-validation.

folds = StratifiedKFold(3, shuffle=True, random_state=0)
fits = cross_validate(clf, X, y, cv=folds, return_estimator=True)
_ = TrainingDisplay.from_estimators(
    {
        f"fold {number}": fit
        for number, fit in enumerate(fits["estimator"], start=1)
    }
).plot()

# %%
# What they reached on the rows that they had not seen:

fits["test_score"].round(3)
