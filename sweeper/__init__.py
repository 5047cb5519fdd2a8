"""Which learning rate, optimizer, activation function and activation regularization suit your model and data?

::

    study = sweeper.Study.load("studies/digits.toml")
    result = sweeper.run(study)
    result.best, result.trials, result.curves, result.layers
    result.report("out/")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeper.errors import (
        DataError,
        ModelError,
        RunFailed,
        RunFolderError,
        StudyError,
        SweeperError,
        UserError,
    )
    from sweeper.journey import Options, run
    from sweeper.result import Result
    from sweeper.study.study import Study

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "ModelError",
    "Options",
    "Result",
    "RunFailed",
    "RunFolderError",
    "Study",
    "StudyError",
    "SweeperError",
    "UserError",
    "__version__",
    "run",
]

# Imported when first used: the command line must answer `--help` before torch has loaded.
_HOMES = {
    "Study": "sweeper.study.study",
    "run": "sweeper.journey",
    "Options": "sweeper.journey",
    "Result": "sweeper.result",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "sweeper.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
