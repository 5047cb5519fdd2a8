"""The module of a user that studies of `script_cases` name."""

FUNCTIONS = '''
"""Functions of a user."""
import copy

import numpy as np
import pandas as pd
import torch
from torch import nn


class Net(nn.Module):
    """One activation layer used in two places, a dropout, and an activation that belongs to the output."""

    def __init__(self, inputs, outputs, width):
        super().__init__()
        act = nn.ReLU()
        layers = nn.Linear(inputs, width), act, nn.Linear(width, width), act, nn.Dropout(0.3)
        self.body = nn.Sequential(*layers)
        self.first = nn.Sequential(nn.Linear(width, width), nn.Tanh())
        self.head = nn.Linear(width, outputs)
        self.out = nn.Hardtanh(-50, 50)

    def forward(self, x):
        return self.out(self.head(self.first(self.body(x))))


def net(in_features, out_features, width=6):
    return Net(in_features, out_features, width)


def asking(in_shape, out_features, activation, **options):
    layers = [nn.Flatten(), nn.Linear(in_shape[0] * in_shape[1], options["width"]), activation()]
    return nn.Sequential(*layers, nn.Sigmoid(), nn.Linear(options["width"], out_features), nn.Flatten())


def copies(in_features, out_features, activation):
    """Blocks that are copies of one another, as nn.TransformerEncoder makes them."""
    block = nn.Sequential(nn.Linear(8, 8), activation())
    blocks = [copy.deepcopy(block) for _ in range(2)]
    return nn.Sequential(nn.Linear(in_features, 8), activation(), *blocks, nn.Linear(8, out_features))


def pair(in_shape, out_features, activation, init):
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), activation(), nn.Linear(8, out_features))
    init(model)
    return model


class Reader(nn.Module):
    """Mean of embeddings."""

    def __init__(self, outputs, width):
        super().__init__()
        self.embedding, self.act, self.head = nn.Embedding(20, width), nn.Tanh(), nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.act(self.embedding(x).mean(dim=1)))

    @staticmethod
    def made(out_features, width):
        return Reader(out_features, width)


def lazy(out_features, init, width):
    """Layers that learn their input widths from the first row."""
    layers = nn.LazyLinear(width), nn.ReLU(), nn.LazyBatchNorm1d(), nn.Dropout(0.3)
    return nn.Sequential(*layers, nn.LazyLinear(out_features))


def lazy_asking(out_features, activation, init):
    return nn.Sequential(nn.LazyLinear(5), activation(), nn.LazyLinear(out_features))


class Encoder(nn.Module):
    """A transformer layer whose activation is a function, gates, and an activation that is kept."""

    def __init__(self, outputs):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, activation="relu", batch_first=True)
        self.first, self.kept = nn.Linear(13, 16), nn.Tanh()
        self.gate, self.head = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), nn.Linear(4, outputs)

    def forward(self, x):
        x = self.layer(self.kept(self.first(x)).view(-1, 4, 4)).mean(1)
        return self.head(x * self.gate(x))


def encoder(out_features):
    return Encoder(out_features)


class Pinball(nn.Module):
    def forward(self, output, target):
        error = target - output
        return torch.maximum(0.3 * error, -0.7 * error).mean()


def parts(noise=0.1):
    draw = np.random.default_rng(3)

    def part(rows):
        x = np.asfortranarray(draw.standard_normal((rows, 5)) * [1, 10, 100, 0.1, 1] + 7)
        return torch.tensor(x), [("b", "a", "c")[int(v)] for v in np.clip(x[:, 0] - 6, 0, 2)]

    return {"train": part(50), "validation": part(20), "test": part(15)}


def fortran():
    draw = np.random.default_rng(4)
    x = np.asfortranarray(draw.standard_normal((80, 3, 2)).astype(np.float32))
    return x, (x[:, 0, 0] > 0).astype(int)


def flat():
    x = np.linspace(-1, 1, 60)
    return list(x), np.sin(3 * x)


def anything(in_features, out_features, **options):
    return nn.Sequential(nn.Linear(in_features, 4), nn.ReLU(), nn.Linear(4, out_features))


def messy(by_part=False):
    """A DataFrame of categories, periods, dates with a zone, gaps and numbers; alone or by part."""
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({"city": pd.Categorical(draw.choice(["Graz", "Zug"], 60))})
    frame["house"], frame["month"] = np.arange(60) // 3, pd.period_range("2020-01", periods=60, freq="M")
    frame["at"] = pd.date_range("2024-01-01", periods=60, freq="h", tz="Europe/Vienna")
    frame["n"] = pd.array([None, *range(59)], dtype="Int64")
    frame["kind"] = draw.choice(["new", "used"], 60)
    return {"train": (frame[:40], "kind"), "validation": (frame[40:], "kind")} if by_part else (frame, "kind")


def words(of):
    """Classes of hostile names."""
    x = np.linspace(-1, 1, 60)
    return x, [of if value > 0 else "other" for value in x]


TEACHER = torch.randn(4, 6)
"""Drawn while the module is imported, without a seed."""


def unseeded():
    x = torch.rand(60, 4)
    return x, (x @ TEACHER).sum(1).numpy() + 0.1 * np.random.randn(60)


def taught(in_features, out_features):
    layer = nn.Linear(in_features, 6)
    with torch.no_grad():
        layer.weight.copy_(TEACHER.T)
    return nn.Sequential(layer, nn.ReLU(), nn.Linear(6, out_features))


def focal(output, target):
    p = torch.log_softmax(output, dim=1)[torch.arange(len(target)), target]
    return (-(1 - p.exp()) * p).mean()
'''
