"""Which learning rate, optimizer, activation function and activation regularization suit your model and data?

::

    study = sweeper.Study.load("studies/digits.toml")
    result = sweeper.run(study)
    result.best, result.trials, result.curves, result.layers
    result.report("out/")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sweeper.version import __version__

if TYPE_CHECKING:
    from sweeper.answer.answer import Answer
    from sweeper.api import advise, compare, load_result, lr_range, transfer
    from sweeper.errors import (
        DataError,
        ModelError,
        RunFailed,
        RunFolderError,
        StudyError,
        SweeperError,
        UserError,
    )
    from sweeper.journey import run
    from sweeper.options import Options
    from sweeper.result import Result
    from sweeper.study.study import Study
    from sweeper.trial import TrialResult

__all__ = [
    "Answer",
    "DataError",
    "ModelError",
    "Options",
    "Result",
    "RunFailed",
    "RunFolderError",
    "Study",
    "StudyError",
    "SweeperError",
    "TrialResult",
    "UserError",
    "__version__",
    "advise",
    "compare",
    "load_result",
    "lr_range",
    "run",
    "transfer",
]

# Imported when first used: the command line must answer `--help` before torch has loaded.
_HOMES = {
    "Answer": "sweeper.answer.answer",
    "Options": "sweeper.options",
    "Result": "sweeper.result",
    "Study": "sweeper.study.study",
    "TrialResult": "sweeper.trial",
    "advise": "sweeper.api",
    "compare": "sweeper.api",
    "load_result": "sweeper.api",
    "lr_range": "sweeper.api",
    "run": "sweeper.journey",
    "transfer": "sweeper.api",
}

if not TYPE_CHECKING:  # type checkers would take any name for one of this module

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'sweeper' has no attribute {name!r}")
        return getattr(import_module(_HOMES.get(name, "sweeper.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
