"""What is private in Ray and needed here: read or replaced here alone. Tested with Ray 2.60."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def silenced(ray: Any, client: Any) -> Iterator[None]:
    """Ray prints on standard output that a worker has died: there belongs the answer of a command alone.

    It has no public switch for that. Where a release gives what prints another name, it prints.
    `client` is ``ray.util.client.ray``.
    """
    with suppress(AttributeError):  # of a connection that is none of a client
        vars(client.get_context().client_worker.log_client)["stdstream"] = lambda level, msg: None
    printer = getattr(getattr(ray, "_private", None), "worker", None)
    before = getattr(printer, "print_to_stdstream", None)
    if before is None:
        yield
        return
    vars(printer)["print_to_stdstream"] = lambda *given, **options: None
    try:
        yield
    finally:
        vars(printer)["print_to_stdstream"] = before
