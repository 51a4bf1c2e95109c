"""
Plot the training history
=========================

``TrainingDisplay`` plots the loss after each epoch, from ``history_``.
"""

# %%
# We train on the digits data with early stopping. A tenth of the
# samples is used for validation. The ring marks the best epoch, whose
# weights are kept.

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
# The training loss keeps falling after the validation loss has stopped:
# from then on, the network overfits.
#
# You can plot several fits together, here the folds of a
# cross-validation:

folds = StratifiedKFold(3, shuffle=True, random_state=0)
fits = cross_validate(clf, X, y, cv=folds, return_estimator=True)
_ = TrainingDisplay.from_estimators(
    {
        f"fold {number}": fit
        for number, fit in enumerate(fits["estimator"], start=1)
    }
).plot()

# %%
# The accuracy on the test folds:

fits["test_score"].round(3)
