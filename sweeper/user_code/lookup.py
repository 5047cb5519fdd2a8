"""``package.module:function`` -> the object, looked up from the study file's folder first.

Importing a module runs it, and what is found is called. So this is for `sweeper run` and its like, on the
study file that the user names; nothing that only reads a run comes here. A name is a function or class of
that module: not one of Python's own (``subprocess:getoutput``), and not one of a module that it imported
(``mine:os.system``).
"""

import importlib
import inspect
import keyword
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from sweeper.errors import UserError, did_you_mean
from sweeper.suggestions import suggestion
from sweeper.user_code.calls import CodeEnded, message_of, user_code

SHOWN = 20
"""Names that a message lists at most."""
PYTHONS_OWN = (
    "is a part of Python itself, which has neither models nor data nor losses; name a function of a module "
    "of your own or of an installed package"
)
OF_A_SCRIPT = (
    "lies in a script or notebook, which worker processes cannot import; put it into a module, a file such "
    "as my_module.py, or, of a model, data, a loss or a score, give Study the function itself"
)
DEFINED = (inspect.isfunction, inspect.isbuiltin, inspect.isclass, inspect.ismethod)
"""Objects whose ``__module__`` says where they were defined; that of a partial function does not."""


def names_function(source: object) -> TypeGuard[str]:
    """Whether it is a name ``package.module:function``; others are of something built in."""
    return isinstance(source, str) and ":" in source


def is_built_in(source: object) -> TypeGuard[str]:
    """Whether it is the name of something built in: no function, and no name of one."""
    return isinstance(source, str) and ":" not in source


@contextmanager
def importing_from(folder: Path | None) -> Iterator[None]:
    """`folder`, then the working directory, in front of ``sys.path`` while open, and at its end from then on.

    What functions of the user import when they are called is found there later; so it is in what modules add
    to the path while they are imported.
    """
    added = [str(path) for path in (folder, Path.cwd()) if path is not None]
    before = list(sys.path)
    sys.path[:] = [*dict.fromkeys(added), *(path for path in before if path not in added)]
    try:
        yield
    finally:
        later = dict.fromkeys((*added, *sys.path))
        sys.path[:] = [*before, *(path for path in later if path not in before)]


def resolve(source: str, folder: Path | None = None) -> Any:
    """The object that `source` names.

    Raises:
        UserError: saying which part cannot be found, or what the module raised while it was imported.
    """
    module_name, _, attribute = source.partition(":")
    if not all(_is_name(part) for part in (*module_name.split("."), *attribute.split("."))):
        raise UserError(f"must be package.module:function{_rather(module_name)}")
    if module_name == "__main__":
        raise UserError(OF_A_SCRIPT)
    if module_name.split(".")[0] in sys.stdlib_module_names and not _beside(module_name, folder):
        raise UserError(PYTHONS_OWN)
    with importing_from(folder):
        importlib.invalidate_caches()
        _forget_namesake(module_name.split(".")[0], folder)
        module = _imported(module_name, folder)
    if _is_pythons(module):
        raise UserError(PYTHONS_OWN)
    return _attribute(module, attribute)


def _attribute(module: ModuleType, attribute: str) -> Any:
    """The function or class, which may lie in a class of the module or in a module of the same package."""
    value: Any = module
    for name in attribute.split("."):
        try:
            with user_code():  # a module may have a `__getattr__`
                value = getattr(value, name)
        except AttributeError:
            missing = f"module {module.__name__!r} has no {attribute!r}; {_suggestion(module, attribute)}"
            raise UserError(missing) from None
        except Exception as error:
            raise UserError(f"{name!r} of module {module.__name__!r}: {message_of(error)}") from None
        if isinstance(value, ModuleType) and not value.__name__.startswith(f"{module.__name__}."):
            raise UserError(
                f"{name!r} is a module that {module.__name__!r} imports; name a function of a module of "
                "your own or of an installed package"
            )
    if not callable(value):
        raise UserError(f"is no function but {type(value).__name__}")
    home = value.__module__ if any(check(value) for check in DEFINED) else None
    if home != module.__name__ and _top(home) in sys.stdlib_module_names:
        raise UserError(PYTHONS_OWN)
    return value


def _rather(module: str) -> str:
    """What a path, or a file whose name no import takes, is to be written as; else empty."""
    dotted = module.removesuffix(".py").strip("/").replace("/", ".").lstrip(".")
    if "/" in module and all(map(_is_name, dotted.split("."))):
        return f": write {dotted} for {module}"
    if "-" in module and all(map(_is_name, dotted.replace("-", "_").split("."))):
        return f", and no module has a name with a hyphen: rename its file, {dotted.replace('-', '_')} say"
    return ""


def _is_name(text: str) -> bool:
    """A name that an import statement can hold; ``__globals__`` and its like lead out of the module."""
    hidden = text.startswith("__") and text.endswith("__") and text != "__main__"
    return text.isidentifier() and not keyword.iskeyword(text) and not hidden


def _top(module: str | None) -> str:
    return (module or "").split(".")[0]


def _beside(module_name: str, folder: Path | None) -> bool:
    """Whether the study's folder or the working directory has a module of this name."""
    name = _top(module_name)
    folders = [Path.cwd()] if folder is None else [folder, Path.cwd()]
    return any((path / f"{name}.py").is_file() or (path / name / "__init__.py").is_file() for path in folders)


def _is_pythons(module: ModuleType) -> bool:
    """Whether it is built into Python or lies in its standard library."""
    file = getattr(module, "__file__", None)
    if file is None:
        return getattr(module.__spec__, "origin", None) in ("built-in", "frozen")
    path, library = Path(file).resolve(), Path(sysconfig.get_path("stdlib")).resolve()
    inside = path.is_relative_to(library)
    return inside and not {"site-packages", "dist-packages"} & set(path.relative_to(library).parts)


def _suggestion(module: ModuleType, attribute: str) -> str:
    public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    if not public:
        return "it has no functions"
    hint, _, _ = did_you_mean(attribute, public).partition("allowed: ")
    return f"{hint}it has {', '.join(public[:SHOWN])}{' …' * (len(public) > SHOWN)}"


def _imported(name: str, folder: Path | None) -> ModuleType:
    if (known := sys.modules.get(name)) is not None:
        return known
    # loaded late: torch takes seconds, and all that comes here trains with it
    from sweeper.user_code.observing import drawn_alike

    try:
        with user_code(), drawn_alike():  # weights of a teacher, say, are alike in every process and script
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise UserError(f"module {name!r} cannot be imported: it needs {missing!r}") from None
        searched = " or ".join(str(path) for path in (folder, "the Python path") if path)
        files = [path.stem for path in folder.glob("*.py")] if folder else []
        close = suggestion(name, sorted(files))
        hint = f"; did you mean {close!r}?" if close else ""
        raise UserError(f"no module {name!r} in {searched}{hint}") from None
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
