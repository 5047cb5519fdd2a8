"""``package.module:function`` -> the object, looked up from the study file's folder first."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.errors import UserError, did_you_mean


@contextmanager
def importing_from(folder: Path | None) -> Iterator[None]:
    """`folder`, then the working directory, in front of ``sys.path`` while open."""
    added = [str(path) for path in (folder, Path.cwd()) if path is not None]
    before = list(sys.path)
    sys.path[:0] = [path for path in added if path not in sys.path]
    try:
        yield
    finally:
        sys.path[:] = before


def resolve(source: str, folder: Path | None = None) -> Any:
    """The object that `source` names.

    Raises:
        UserError: saying which part cannot be found, or what the module raised while it was imported.
    """
    module_name, _, attribute = source.partition(":")
    if not module_name or not attribute:
        raise UserError(f"{source!r}: must be package.module:function")
    with importing_from(folder):
        importlib.invalidate_caches()
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
                places = " or ".join(str(path) for path in (folder, "the Python path") if path)
                raise UserError(f"no module {module_name!r} in {places}") from None
            raise UserError(f"module {module_name!r} cannot be imported: it needs {error.name!r}") from None
        except Exception as error:  # the user's module may raise anything
            raise UserError(f"module {module_name!r} cannot be imported: {type(error).__name__}: {error}") from None
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            public = [n for n in vars(found) if not n.startswith("_") and callable(getattr(found, n))]
            raise UserError(f"module {module_name!r} has no {attribute!r}; {did_you_mean(attribute, public)}")
        found = getattr(found, name)
    if not callable(found):
        raise UserError(f"{source!r} is not a function but {type(found).__name__}")
    return found
