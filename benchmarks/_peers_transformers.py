"""The same pretrained network with PyTorch and the package transformers, batches by length."""

import numpy as np
import torch
from _peers_torch import batches_by_length
from torch import nn
from transformers import AutoModel


class Tuned(nn.Module):
    """The upper layers of a BERT, tanh(Linear) scores over the words, weighted sum, Linear."""

    def __init__(self, folder, tuned_layers, n_classes, special):
        super().__init__()
        self.special = torch.tensor(special)  # ids of the tokens around a text
        bert = AutoModel.from_pretrained(folder, local_files_only=True)
        n_layers = len(bert.encoder.layer)
        n_frozen = 0 if tuned_layers == "all" else n_layers - tuned_layers
        self.embeddings, self.below = bert.embeddings, bert.encoder.layer[:n_frozen]
        self.above = bert.encoder.layer[n_frozen:]
        if n_frozen:
            self.embeddings.requires_grad_(False)
            self.below.requires_grad_(False)
        self.dropout = nn.Dropout(0.1)
        self.score = nn.Linear(bert.config.hidden_size, 1)
        self.output = nn.Linear(bert.config.hidden_size, n_classes)

    def states_below(self, ids):
        return self._through(self.below, self.embeddings(ids), ids != 0)

    def forward(self, states, ids):
        present = ids != 0
        words = present & ~torch.isin(ids, self.special)
        states = self.dropout(self._through(self.above, states, present))
        scores = torch.tanh(self.score(states)).masked_fill(~words[:, :, None], -1e9)
        return self.output((torch.softmax(scores, dim=1) * states).sum(dim=1))

    @staticmethod
    def _through(layers, states, present):
        mask = torch.zeros(present.shape).masked_fill(~present, -1e9)[:, None, None, :]
        for layer in layers:
            states = layer(states, attention_mask=mask)
            states = states[0] if isinstance(states, tuple) else states
        return states

    def parameter_groups(self, rate):
        heads = [*self.score.parameters(), *self.output.parameters()]
        layers = [*self.embeddings.parameters(), *self.above.parameters()]
        return [
            {"params": heads, "lr": rate},
            {"params": [weight for weight in layers if weight.requires_grad], "lr": 0.2 * rate},
        ]


def train(turns, config, X_train, X_test, y_train, y_test, special):
    """A training loop by hand, an epoch a turn; the frozen layers are computed in the first."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    n_classes = int(y_train.max()) + 1
    network = Tuned(config["pretrained"], config["tuned_layers"], n_classes, special)
    optimizer = torch.optim.AdamW(
        network.parameter_groups(1e-3), weight_decay=0.01, eps=1e-6, fused=True
    )
    lengths = (X_train != 0).sum(axis=1)
    X, y = torch.from_numpy(X_train), torch.from_numpy(y_train)
    n_steps = config["epochs"] * -(-len(X) // 32)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(10 * (step + 1), n_steps - step) / n_steps
    )
    states = None
    for _ in turns:
        network.eval()
        if states is None and len(network.below):
            states = frozen_states(network, X_train, lengths)
        network.train()
        for rows in batches_by_length(lengths, rng):
            ids = X[rows, : lengths[rows].max()]
            if states is None:
                below = network.states_below(ids)
            else:
                below = states[rows, : ids.shape[1]].float()
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(below, ids), y[rows]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        turns.stop_and_judge(lambda: float(np.mean(predict(network, X_test) == y_test)))
    return network


@torch.inference_mode()
def frozen_states(network, X, lengths, batch_size=128):
    """States of the frozen layers as float16, padded as X is."""
    width = network.output.in_features
    states = torch.zeros((*X.shape, width), dtype=torch.float16)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        longest = lengths[rows].max()
        states[rows, :longest] = network.states_below(torch.from_numpy(X[rows, :longest])).half()
    return states


@torch.inference_mode()
def predict(network, X, batch_size=64):
    """Class numbers in the order of X, computed in batches of sorted lengths."""
    network.eval()
    lengths = (X != 0).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    found = np.empty(len(X), int)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        ids = torch.from_numpy(X[rows, : lengths[rows].max()])
        found[rows] = network(network.states_below(ids), ids).argmax(dim=1).numpy()
    return found
