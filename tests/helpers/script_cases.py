"""Small studies that between them use everything that a stand-alone script can contain."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from messy_tables import write_messy
from script_functions import FUNCTIONS

from sweeper.study.study import Study


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
