"""
Plot feature gates
==================

``GatedDenseClassifier(gate="inputs")`` learns a gate for each feature.
"""

# %%
# The wine data: thirteen measurements of wines from three growers.

from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skattn import GatedDenseClassifier, GateDisplay

X, y = load_wine(return_X_y=True, as_frame=True)
y = y.map({0: "grower A", 1: "grower B", 2: "grower C"})


def fitted(seed):
    classifier = GatedDenseClassifier(
        gate="inputs", units=64, epochs=40, random_state=seed
    )
    return make_pipeline(StandardScaler(), classifier).fit(X, y)


# %%
# The plot shows the mean gate of each feature for each grower. The
# error bars show one standard deviation over the wines.

_ = GateDisplay.from_estimator(fitted(0), X, y).plot()

# %%
# Do other seeds give the same gates? We fit the network with five seeds
# and look at the lowest and highest mean gate of each feature.

frames = [
    GateDisplay.from_estimator(fitted(seed), X, y).to_frame()
    for seed in range(5)
]
gates = [frame.groupby("gate")["mean"].mean() for frame in frames]

import pandas as pd

seeds = pd.DataFrame(gates)
summary = pd.DataFrame(
    {
        "lowest": seeds.min(),
        "mean": seeds.mean(),
        "highest": seeds.max(),
    }
)
summary.sort_values("mean", ascending=False).round(2)

# %%
# If the ranges of two features overlap, their order in the first plot
# is not meaningful. Remember also that the influence of a feature
# depends on both its gate and the weights that follow.
