"""Data modules as Lightning has them: an object whose methods give a loader for each part."""

from typing import Any

from sweeper.errors import DataError

LOADERS = {"train": "train_dataloader", "validation": "val_dataloader", "test": "test_dataloader"}
"""Part -> the method that gives its loader."""
STAGES = {"train": "fit", "test": "test"}
"""Part -> the stage that is set up before it."""


def is_data_module(given: Any) -> bool:
    """Whether it gives loaders and is no model."""
    return callable(getattr(given, LOADERS["train"], None)) and not hasattr(given, "named_parameters")


def parts_of(module: Any, name: str = "data") -> dict[str, Any]:
    """Part -> loader, after `prepare_data` and `setup`, as a trainer calls them.

    Raises:
        DataError: for a part of several loaders.
    """
    if _has(module, "prepare_data"):
        module.prepare_data()
    loaders = {}
    for part, method in _written(module).items():
        if part in STAGES and _has(module, "setup"):
            module.setup(STAGES[part])
        loaders[part] = getattr(module, method)()
        if isinstance(loaders[part], list | tuple | dict):
            raise DataError(f"{name}: {method} gives several loaders, and a study has one for each part")
    return loaders


def calls_of(module: Any) -> list[str]:
    """Lines of code that make of `found`, the module, the same dict."""
    lines, parts = ["found.prepare_data()"] * _has(module, "prepare_data"), []
    for part, method in _written(module).items():
        if part in STAGES and _has(module, "setup"):
            lines.append(f'found.setup("{STAGES[part]}")')
        lines.append(f"{part}_loader = found.{method}()")
        parts.append(f'"{part}": {part}_loader')
    return [*lines, f"found = {{{', '.join(parts)}}}" if len(parts) > 1 else "found = train_loader"]


def _written(module: Any) -> dict[str, str]:
    """The parts that the class of the user has a method for; Lightning's own raise."""
    found = {part: getattr(type(module), method, None) for part, method in LOADERS.items()}
    libraries = ("lightning.", "pytorch_lightning.")
    return {p: LOADERS[p] for p, m in found.items() if m and not m.__module__.startswith(libraries)}


def _has(module: Any, method: str) -> bool:
    return callable(getattr(module, method, None))
