"""Without the garbage collector, which goes through all that is there again and again while more is made.

It takes a sixth of the time that torch takes to import, a tenth of that of a report, and a second when the
interpreter ends.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec


def is_installed(module: str) -> bool:
    """Whether a top-level module can be found; one that a hook forbids, or that was set aside, is not."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


@contextmanager
def uncollected() -> Iterator[None]:
    """For some seconds of work that leaves little behind: nothing is collected before the end."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """For a process of our own while it imports: what is there at the end is never looked at again."""
    with uncollected():
        try:
            yield
        finally:
            gc.freeze()


def load_ahead(*modules: str) -> None:
    """Import modules before they are needed; as `loading` where that was done in this process before."""
    with loading() if gc.get_freeze_count() else nullcontext():
        for module in modules:
            import_module(module)
