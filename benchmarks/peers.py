"""What people use today, as they would write it: a plain PyTorch loop, in parallel or under another tuner.

Nothing here shares code with the engines of this project beside the data and the models, so the numbers
that come out are also a check.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import torch
from cases import Case
from encoder import Encoder
from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.data.splits import split
from sweeper.trial import Trial

EVALUATIONS = 20
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}


def network(case: Case, features: int, classes: int, activation: str) -> tuple[nn.Module, list[nn.Module]]:
    """The case's network, written out, and its activation layers."""
    if case.name == "encoder":
        encoder = Encoder(ACTIVATIONS[activation].make, classes)
        return encoder, [layer.activation for layer in encoder.encoder.layers]
    hidden = [ACTIVATIONS[activation].make() for _ in range(10)]
    layers: list[nn.Module] = []
    if case.model["source"] == "cnn":
        first, second = case.model["channels"]
        layers = [nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, first, 3, padding=1), hidden[0], nn.MaxPool2d(2)]
        layers += [nn.Conv2d(first, second, 3, padding=1), hidden[1], nn.MaxPool2d(2), nn.Flatten()]
        layers += [nn.Linear(4 * second, classes)]
    else:
        width = features
        for k in range(case.model["depth"]):
            layers += [nn.Linear(width, case.model["width"]), hidden[k]]
            width = case.model["width"]
        layers += [nn.Linear(width, classes)]
    model = nn.Sequential(*layers)
    return model, [module for module in hidden if any(module is m for m in model)]


def data(case: Case) -> tuple[torch.Tensor, ...]:
    """Standardized train and validation rows, the same split for every trial."""
    parts = split(case.task().data, (0.6, 0.2, 0.2), seed=0, test_seed=0, standardize=True)
    x, v = torch.tensor(parts.x_train).float(), torch.tensor(parts.x_validation).float()
    return x, torch.tensor(parts.y_train), v, torch.tensor(parts.y_validation)


def train(case: Case, parameters: dict[str, Any], rows: tuple[torch.Tensor, ...] | None = None) -> float:
    """The plain loop: best of the validation losses at twenty points."""
    torch.set_num_threads(1)
    x, y, x_validation, y_validation = rows or data(case)
    torch.manual_seed(0)
    model, hidden = network(case, x.shape[1], int(y.max()) + 1, parameters["activation"])
    optimizer = OPTIMIZERS[parameters["optimizer"]](model.parameters(), lr=parameters["learning_rate"])
    penalty, kept = parameters["activation_penalty"], []
    if penalty:
        for module in hidden:
            module.register_forward_hook(lambda module, inputs, output: kept.append(output))
    best, order = float("inf"), torch.empty(0, dtype=torch.int64)
    for step in range(case.steps):
        if len(order) < case.batch_size:
            order = torch.randperm(len(x))
        batch, order = order[: case.batch_size], order[case.batch_size :]
        kept.clear()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        if penalty:
            loss = loss + penalty * sum(output.square().mean() for output in kept)
        loss.backward()
        optimizer.step()
        if (step + 1) % (case.steps // EVALUATIONS) == 0:
            with torch.no_grad():
                best = min(best, nn.functional.cross_entropy(model(x_validation), y_validation).item())
    return best


def one_by_one(case: Case, trials: Sequence[Trial], jobs: int) -> None:
    """The plain loop under joblib."""
    rows = data(case)
    joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(train)(case, dict(trial.parameters), rows) for trial in trials
    )


def _ask(trial: Any) -> dict[str, Any]:
    return {
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "momentum", "adam", "rmsprop"]),
        "activation": trial.suggest_categorical("activation", ["tanh", "relu", "gelu", "sigmoid"]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True),
        "activation_penalty": trial.suggest_float("activation_penalty", 1e-6, 1e-2, log=True),
    }


def _optimize(case: Case, url: str, count: int, seed: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage: Any = url
    if not url.startswith("sqlite"):
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(url))
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(study_name="peer", storage=storage, sampler=sampler, load_if_exists=True)
    rows = data(case)
    study.optimize(lambda trial: train(case, _ask(trial), rows), n_trials=count)


def _optuna(case: Case, trials: Sequence[Trial], jobs: int, url: str) -> None:
    _optimize(case, url, 0, 0)  # makes the study before two processes try to
    shares = [len(trials) // jobs] * jobs
    joblib.Parallel(n_jobs=jobs)(
        joblib.delayed(_optimize)(case, url, share, seed) for seed, share in enumerate(shares)
    )


def optuna_sqlite(case: Case, trials: Sequence[Trial], jobs: int) -> None:
    """Optuna's own recipe for processes: a shared SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        _optuna(case, trials, jobs, f"sqlite:///{folder}/peer.db")


def optuna_journal(case: Case, trials: Sequence[Trial], jobs: int) -> None:
    """The same with Optuna's journal file."""
    with tempfile.TemporaryDirectory() as folder:
        _optuna(case, trials, jobs, str(Path(folder) / "peer.log"))


def ray_tune(case: Case, trials: Sequence[Trial], jobs: int) -> None:
    """Ray Tune, an actor a trial; needs the extra package ``ray[tune]``."""
    from ray import init, tune

    init("local", num_cpus=jobs, ignore_reinit_error=True, include_dashboard=False, log_to_driver=False)
    chosen = [dict(trial.parameters) for trial in trials]
    rows = data(case)

    def trainable(config: dict[str, Any]) -> None:
        tune.report({"loss": train(case, config["parameters"], rows)})

    resources = tune.with_resources(trainable, {"cpu": 1})
    tune.Tuner(resources, param_space={"parameters": tune.grid_search(chosen)}).fit()


PEERS: dict[str, Callable[[Case, Sequence[Trial], int], None]] = {
    "plain loop": one_by_one,
    "optuna, sqlite": optuna_sqlite,
    "optuna, journal": optuna_journal,
    "ray tune": ray_tune,
}
