"""The same networks with PyTorch: through skorch, and by hand with batches by length."""

import numpy as np
import torch
from torch import nn

CONV_WIDTHS = (3, 4, 5)
WINDOW = 50  # batches whose rows are sorted by length together


def initialise(network):
    """Give the weights Keras's starting values: they decide how fast these networks learn."""
    for name, value in network.named_parameters():
        if "embedding" in name:
            nn.init.uniform_(value, -0.05, 0.05)
        elif "weight_hh" in name:
            nn.init.orthogonal_(value)
        elif "weight" in name:
            nn.init.xavier_uniform_(value)
        else:
            nn.init.zeros_(value)
    for module in network.modules():
        if isinstance(module, nn.LSTM):  # the forget gates start open
            units = module.hidden_size
            module.bias_ih_l0.data[units : 2 * units] = 1.0


class Gated(nn.Module):
    """Linear + relu, multiplied by the sigmoid of a Linear of itself, then Linear."""

    def __init__(self, units=256, n_features=64, n_classes=10):
        super().__init__()
        self.hidden = nn.Linear(n_features, units)
        self.gate = nn.Linear(units, units)
        self.output = nn.Linear(units, n_classes)
        initialise(self)

    def forward(self, X):
        hidden = torch.relu(self.hidden(X))
        return self.output(hidden * torch.sigmoid(self.gate(hidden)))


def gated_classifier(units=256, learning_rate=1e-3, epochs=20):
    """The gated network as a skorch classifier: no held-out part, as the others have none."""
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        Gated,
        module__units=units,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=learning_rate,
        max_epochs=epochs,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


class Attention(nn.Module):
    """Embedding, encoder, tanh(Linear) scores, masked softmax over time, weighted sum, Linear."""

    def __init__(self, encoder, size, n_classes, units=128, embedding_dim=128):
        super().__init__()
        self.kind = encoder
        self.embedding = nn.Embedding(size, embedding_dim)
        self.encoder = self._encoder(encoder, embedding_dim, units)
        widths = {"none": embedding_dim, "bilstm": 2 * units, "conv": len(CONV_WIDTHS) * units}
        width = widths.get(encoder, units)
        self.score = nn.Linear(width, 1)
        self.output = nn.Linear(width, n_classes)
        initialise(self)

    @staticmethod
    def _encoder(encoder, embedding_dim, units):
        if encoder == "none":
            return nn.ModuleList()
        if encoder == "conv":
            return nn.ModuleList(
                nn.Conv1d(embedding_dim, units, width, padding="same") for width in CONV_WIDTHS
            )
        kind = nn.GRU if encoder == "gru" else nn.LSTM
        directions = 2 if encoder == "bilstm" else 1
        return nn.ModuleList(
            kind(embedding_dim, units, batch_first=True) for _ in range(directions)
        )

    def forward(self, ids):
        present = ids != 0
        states = self._states(self.embedding(ids), present)  # (batch, time, width)
        scores = torch.tanh(self.score(states)).masked_fill(~present[:, :, None], -1e9)
        return self.output((torch.softmax(scores, dim=1) * states).sum(dim=1))

    def _states(self, embedded, present):
        if self.kind == "none":
            return embedded
        if self.kind == "conv":
            kept = (embedded * present[:, :, None]).transpose(1, 2)
            joined = torch.cat([convolution(kept) for convolution in self.encoder], dim=1)
            return torch.relu(joined).transpose(1, 2)
        states = self.encoder[0](embedded)[0]
        if self.kind != "bilstm":
            return states
        places = reversed_places(present)[:, :, None]
        backward = self.encoder[1](embedded.gather(1, places.expand_as(embedded)))[0]
        return torch.cat([states, backward.gather(1, places.expand_as(backward))], dim=2)


def reversed_places(present):
    """Each row's places with those of its tokens in reverse, padding on the right: (batch, time).

    Two one-way LSTMs over them are four times as fast here as a packed sequence, for which
    PyTorch has no fused kernel.
    """
    lengths = present.sum(dim=1, keepdim=True)
    places = torch.arange(present.shape[1])[None, :]
    return torch.where(places < lengths, lengths - 1 - places, places)


def train_text_padded(turns, config):
    """skorch on padded rows, an epoch a turn."""
    from _data import text_rows
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback

    class Laps(Callback):
        def on_train_begin(self, net, **kwargs):
            next(turns)

        def on_epoch_end(self, net, **kwargs):
            turns.stop_and_judge(lambda: judge(net.module_))
            next(turns, None)

    X_train, X_test, y_train, y_test, size = text_rows(config)

    def judge(network):
        return float(np.mean(predict_by_length(network, X_test).argmax(axis=1) == y_test))

    torch.manual_seed(0)
    classifier = NeuralNetClassifier(
        Attention,
        module__encoder=config["encoder"],
        module__size=size,
        module__n_classes=int(y_train.max()) + 1,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=config["epochs"],
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[Laps()],
        verbose=0,
    )
    classifier.fit(X_train, y_train)


def batches_by_length(lengths, rng, batch_size=32):
    """Shuffled rows, sorted by length inside windows, cut into batches in random order."""
    rows = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(rows), WINDOW * batch_size):
        window = rows[start : start + WINDOW * batch_size]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches += [
            window[first : first + batch_size] for first in range(0, len(window), batch_size)
        ]
    return [batches[number] for number in rng.permutation(len(batches))]


def train_text_by_length(turns, config):
    """A training loop by hand, batches as wide as their longest text, an epoch a turn."""
    from _data import text_rows

    X_train, X_test, y_train, y_test, size = text_rows(config)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = Attention(config["encoder"], size, int(y_train.max()) + 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    lengths = (X_train != 0).sum(axis=1)
    X, y = torch.from_numpy(X_train), torch.from_numpy(y_train)

    def judge():
        return float(np.mean(predict_by_length(network, X_test).argmax(axis=1) == y_test))

    for _ in turns:
        network.train()
        for rows in batches_by_length(lengths, rng):
            width = max(lengths[rows].max(), 1)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(X[rows, :width]), y[rows])
            loss.backward()
            optimizer.step()
        turns.stop_and_judge(judge)


@torch.inference_mode()
def predict_by_length(network, X, batch_size=256):
    """Probabilities in the order of X, computed in batches of sorted lengths."""
    network.eval()
    lengths = (X != 0).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    ids = torch.from_numpy(X)
    parts = []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        parts.append(torch.softmax(network(ids[rows, : max(lengths[rows].max(), 1)]), dim=1))
    probabilities = np.empty((len(X), parts[0].shape[1]), np.float32)
    probabilities[order] = torch.cat(parts).numpy()
    return probabilities


def load_keras_weights(network, weights):
    """Give a network with encoder "lstm" the weights of the same Keras network."""
    names = ["embedding.weight", "encoder.0.weight_ih_l0", "encoder.0.weight_hh_l0"]
    names += ["encoder.0.bias_ih_l0", "score.weight", "score.bias", "output.weight", "output.bias"]
    values = [
        value if "embedding" in n else value.T for n, value in zip(names, weights, strict=True)
    ]
    state = {name: torch.tensor(value) for name, value in zip(names, values, strict=True)}
    state["encoder.0.bias_hh_l0"] = torch.zeros_like(state["encoder.0.bias_ih_l0"])
    network.load_state_dict(state)
