"""What Optuna says that is of no use to the user of this program."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back notices of experimental options, of infinite objectives and of poor fits."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", message="Clip non-finite values")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
