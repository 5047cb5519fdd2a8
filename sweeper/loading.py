"""Imports without the garbage collector, which goes through all that is loaded again and again meanwhile.

It takes a sixth of the time that torch takes to import, and a second when the interpreter ends.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def loading() -> Iterator[None]:
    """For a process of our own while it imports: what is there at the end is never looked at again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def load_ahead(module: str) -> None:
    """Import a module before it is needed; as `loading` where that was done in this process before."""
    if not gc.get_freeze_count():
        import_module(module)
        return
    with loading():
        import_module(module)
