"""
Which features does the network let through?
============================================

``GatedDenseClassifier(gate="inputs")`` has a gate for each feature.
"""

# %%
# Wines from three growers, thirteen measurements each.

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
# How far each gate is open, on average over the wines of each grower. The
# bars are one standard deviation over the wines.

_ = GateDisplay.from_estimator(fitted(0), X, y).plot()

# %%
# Would you see the same with another seed? It costs little to ask: five
# fits, and for each feature the lowest and the highest mean gate among
# them.

frames = [
    GateDisplay.from_estimator(fitted(seed), X, y).to_frame()
    for seed in range(5)
]
gates = [frame.groupby("gate")["mean"].mean() for frame in frames]

import pandas as pd

seeds = pd.DataFrame(gates)
summary = pd.DataFrame(
    {"lowest": seeds.min(), "mean": seeds.mean(), "highest": seeds.max()}
)
summary.sort_values("mean", ascending=False).round(2)

# %%
# Where the intervals overlap, the order of two features in the first
# picture says nothing. A gate is also only half of the story: what counts
# in the end is the gate times the weights behind it.
