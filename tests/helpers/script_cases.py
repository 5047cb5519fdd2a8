"""Small studies that between them use everything that a stand-alone script can contain."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from messy_tables import write_messy

from sweeper.study.study import Study

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


def write_inputs(folder: Path) -> None:
    """The user's module and one file of each kind."""
    (folder / "script_case_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    write_messy(folder)
    draw = np.random.default_rng(0)
    x = draw.standard_normal((60, 3)) * [1, 1e-3, 1e5]
    words = np.array(["pear", "apple", "fig"])[np.digitize(x[:, 0], [-0.4, 0.4])]
    awkward = [f"{value:.25g}" for value in draw.standard_normal(60)]  # more digits than a float has
    table = pd.DataFrame({" a": x[:, 0], "e": awkward, "kind ": words, "c c": x[:, 1], "d": x[:, 2] > 0})
    table.to_csv(folder / "fruit.csv", sep=";", index=False, encoding="utf-8-sig")
    real = pd.DataFrame({"n": np.arange(60), "x": x[:, 0].astype(np.float32), "b": x[:, 1] > 0})
    real["c"] = pd.Categorical.from_codes(np.arange(60) % 3, np.array([0.1, 0.7, -3], dtype=np.float32))
    real["t"], real["y"] = [f" {value!r} " for value in x[:, 2].tolist()], np.sin(x[:, 0]) * 1e3
    real.to_parquet(folder / "real.parquet")
    y = (x[:, 0] > 0.2).astype(int)
    names = {"x_train": x[:40], "y_train": y[:40], "x_validation": x[40:], "y_validation": y[40:]}
    np.savez(folder / "parts.npz", **names)
    tokens = torch.tensor(draw.integers(0, 20, (60, 4)))
    torch.save({"x": tokens, "y": torch.nn.Parameter(tokens[:, :1].float() / 20)}, folder / "tokens.pt")


def case(
    parameters: dict[str, Any],
    *,
    data: Any = "digits",
    model: Any = "mlp",
    objective: str = "validation_loss",
    **training: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sections of a study, and the parameters of the trial."""
    small = {"source": "mlp", "depth": 2, "width": 8} if model == "mlp" else model
    length = {} if {"epochs", "steps"} & set(training) else {"steps": 11}
    sections = {
        "data": data,
        "model": small,
        "training": {"batch_size": 16, "evaluations": 4, **length, **training},
        "search": {"seed": 3, "objective": objective, "allow_activations": ["softmax"]},
    }
    if "activation" in parameters and isinstance(model, dict) and "keep" in model:
        sections["search"]["space"] = {"activation": [parameters["activation"]]}
    return sections, {"optimizer": "adam", "learning_rate": 0.01, **parameters}


def user(name: str) -> str:
    return f"script_case_functions:{name}"


FULL: dict[str, Any] = {"batch_size": "full", "steps": 7}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "mlp, batch norm and dropout": case(
        {"activation": "gelu_tanh", "activation_penalty": 0.3, "betas": (0.8, 0.9), "eps": 1e-6}
        | {"weight_decay": 0.1, "schedule": "cosine", "model.norm": "batch"},
        model={"source": "mlp", "depth": 3, "width": 8, "dropout": 0.2},
        batch_size=64,
        epochs=1.5,
    ),
    "cnn": case(
        {"optimizer": "sgd", "activation": "prelu", "momentum": 0.8, "nesterov": True, "schedule": "step"},
        model={"source": "cnn", "channels": [3, 4], "image": [1, 8, 8]},
        objective="validation_error",
        steps=6,
    ),
    "rnn, temporal penalty": case(
        {"optimizer": "rmsprop", "activation": "tanh", "activation_penalty": 2.0, "penalty_kind": "temporal"}
        | {"momentum": 0.5, "schedule": "one_cycle"},
        model={"source": "rnn", "width": 5},
        steps=6,
    ),
    "residual, float64, random slopes": case(
        {
            "optimizer": "adamw",
            "activation": "rrelu",
            "schedule": "warmup_cosine",
            "model.init": "orthogonal",
        },
        data={"source": "diabetes", "standardize_target": True},
        model={"source": "residual_mlp", "depth": 2, "width": 6, "norm": False},
        loss="mse",
        dtype="float64",
        device="cpu",
    ),
    "random slopes, dropout, penalty": case(
        {"optimizer": "momentum", "activation": "rrelu", "activation_penalty": 0.1, "penalty_kind": "l1"},
        model={"source": "mlp", "depth": 2, "width": 8, "dropout": 0.5, "norm": "layer"},
        data="wine",
        loss="cross_entropy",
        dtype="float64",
    ),
    "quadratic": case(
        {"optimizer": "sgd", "learning_rate": 0.037, "momentum": 0.5, "dampening": 0.2},
        data={"source": "quadratic", "standardize": False},
        model={"source": "linear", "bias": False},
        objective="train_loss",
        loss="mse",
        **FULL,
    ),
    "parts of the user, shared activation": case(
        {"optimizer": "lion", "learning_rate": 1e-3, "activation": "leaky_relu", "activation_penalty": 0.5}
        | {"penalty_kind": "l1", "schedule": "inverse_sqrt", "weight_decay": 0.1, "betas": (0.8, 0.95)},
        data={"source": user("parts"), "noise": 0.2},
        model={"source": user("net"), "width": 7, "init": "auto"},
        batch_size=12,
    ),
    "shared slope": case(
        {"optimizer": "nadam", "activation": "prelu"},
        data=user("parts"),
        model=user("net"),
        batch_size=500,
    ),
    "model that asks, loss of the user": case(
        {"activation": "softmax", "activation_penalty": 0.1, "schedule": "exponential"},
        data={"source": user("fortran"), "split": [0.7, 0.3, 0.0]},
        model={"source": user("asking"), "width": 6},
        loss=user("focal"),
    ),
    "copies of what was asked for, penalised": case(
        {"optimizer": "schedule_free_adamw", "activation": "elu", "activation_penalty": 0.5},
        data="wine",
        model=user("copies"),
    ),
    "transformer, patterns of names": case(
        {"optimizer": "muon", "activation": "tanh", "activation_penalty": 0.5},
        data="wine",
        model={"source": user("encoder"), "keep": ["kep*"]},
    ),
    "its own activations, penalised": case(
        {"optimizer": "adamax", "activation_penalty": 0.1, "model.init": "lecun"},
        data={"source": user("flat"), "standardize": False},
        model={"source": user("net"), "width": 4},
        loss="huber",
    ),
    "csv with words": case(
        {"optimizer": "nesterov", "learning_rate": 0.9},
        data={"source": "fruit.csv", "target": "kind"},
        dtype="float64",
    ),
    "messy csv in groups": case(
        {"activation_penalty": 0.01},
        data={"source": "sales.csv", "target": "kind", "drop": ["id"], "group": "house"},
    ),
    "table of a function in groups": case(
        {"activation": "tanh"}, data={"source": user("messy"), "group": "house"}
    ),
    "tables of a function by part": case({}, data={"source": user("messy"), "by_part": True}),
    "german csv in time": case(
        {"activation": "tanh"},
        data={"source": "verkauf.csv", "target": ["Preis", "neu"], "time": "Datum", "split": [0.7, 0.3, 0]},
        loss="mse",
    ),
    "parquet": case(
        {"optimizer": "adagrad", "eps": 1e-8, "activation": "selu"},
        data={"source": "real.parquet", "target": "y", "standardize_target": True},
        loss="l1",
        dtype="float64",
    ),
    "npz in parts": case(
        {"optimizer": "adadelta", "learning_rate": 1.0}, data="parts.npz", batch_size=16, epochs=3
    ),
    "pt with tokens": case(
        {"optimizer": "radam", "activation": "softplus"},
        data="tokens.pt",
        model={"source": user("Reader.made"), "width": 4},
        loss="torch.nn.functional:mse_loss",
    ),
    "lazy layers, class as loss": case(
        {"activation": "gelu"},
        data=user("flat"),
        model={"source": user("lazy"), "width": 6},
        loss=user("Pinball"),
        dtype="float64",
    ),
    "lazy layers, asked for": case(
        {"optimizer": "sgd"}, data=user("parts"), model={"source": user("lazy_asking"), "init": "torch"}
    ),
    "asked for and left open": case(
        {"schedule": "constant"}, data=user("fortran"), model={"source": user("pair"), "init": "auto"}
    ),
    "weights and rows drawn without a seed": case(
        {"activation": "tanh"}, data=user("unseeded"), model={"source": user("taught")}, loss="mse"
    ),
    "bce": case({"activation": "sigmoid"}, data="breast_cancer", loss="bce"),
    "more rows than one forward pass": case(
        {"activation": "tanh"},
        data={"source": "teacher", "rows": 20500, "split": [0.2, 0.4, 0.4]},
        loss="mse",
        steps=3,
        evaluations=1,
    ),
    "spirals": case({"activation": "elu"}, data={"source": "two_spirals", "rows": 100, "noise": 0.05}),
}


def study_of(sections: dict[str, Any], folder: Path) -> Study:
    """The study; modules and files are looked up in `folder`."""
    return Study(name="case", question='Is "this" a \\ case? "', folder=folder, **sections)
