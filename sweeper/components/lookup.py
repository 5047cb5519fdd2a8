"""``package.module:function`` -> the object, looked up from the study file's folder first."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from sweeper.errors import UserError, did_you_mean
from sweeper.user_code import CodeEnded, message_of, user_code

SHOWN = 20
"""Names that a message lists at most."""


@contextmanager
def importing_from(folder: Path | None) -> Iterator[None]:
    """`folder`, then the working directory, in front of ``sys.path`` while open, and at its end from then on.

    What functions of the user import when they are called is found there later.
    """
    added = [str(path) for path in (folder, Path.cwd()) if path is not None]
    before = list(sys.path)
    sys.path[:0] = [path for path in added if path not in sys.path]
    try:
        yield
    finally:
        sys.path[:] = [*before, *(path for path in dict.fromkeys(added) if path not in before)]


def resolve(source: str, folder: Path | None = None) -> Any:
    """The object that `source` names.

    Raises:
        UserError: saying which part cannot be found, or what the module raised while it was imported.
    """
    module_name, _, attribute = source.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *attribute.split("."))):
        raise UserError("must be package.module:function")
    with importing_from(folder):
        importlib.invalidate_caches()
        _forget_namesake(module_name.split(".")[0], folder)
        module = _imported(module_name, folder)
    found: Any = module
    for name in attribute.split("."):
        try:
            with user_code():  # a module may have a `__getattr__`
                found = getattr(found, name)
        except AttributeError:
            missing = f"module {module_name!r} has no {attribute!r}; {_suggestion(module, attribute)}"
            raise UserError(missing) from None
        except Exception as error:
            raise UserError(f"{name!r} of module {module_name!r}: {message_of(error)}") from None
    if not callable(found):
        raise UserError(f"is no function but {type(found).__name__}")
    return found


def _suggestion(module: ModuleType, attribute: str) -> str:
    public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    if not public:
        return "it has no functions"
    hint, _, _ = did_you_mean(attribute, public).partition("allowed: ")
    return f"{hint}it has {', '.join(public[:SHOWN])}{' …' * (len(public) > SHOWN)}"


def _imported(name: str, folder: Path | None) -> ModuleType:
    try:
        with user_code():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise UserError(f"module {name!r} cannot be imported: it needs {missing!r}") from None
        places = " or ".join(str(path) for path in (folder, "the Python path") if path)
        files = [path.stem for path in folder.glob("*.py")] if folder else []
        close = get_close_matches(name, files, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"no module {name!r} in {places}{hint}") from None
    except Exception as error:  # the user's module may raise anything
        ended = isinstance(error, CodeEnded) and isinstance(error.error, SystemExit)
        hint = '; guard it with if __name__ == "__main__"' if ended else ""
        raise UserError(f"module {name!r} cannot be imported: {message_of(error)}{hint}") from None


def _forget_namesake(name: str, folder: Path | None) -> None:
    """Drop a module of this name that was imported from elsewhere, when `folder` has one: that is meant.

    Raises:
        UserError: if the name is taken by a module that cannot be dropped.
    """
    known = sys.modules.get(name)
    if known is None or folder is None:
        return
    if not ((folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()):
        return
    origin = getattr(known, "__file__", None)
    if origin and Path(origin).resolve().is_relative_to(folder.resolve()):
        return
    if name in sys.stdlib_module_names or (origin and "site-packages" in Path(origin).parts):
        raise UserError(f"the name {name!r} belongs to a module of Python or of a package; rename {name}.py")
    for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[module]
