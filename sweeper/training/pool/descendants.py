"""The one private part of Python's multiprocessing that is used."""

import multiprocessing


def allow_descendants() -> None:
    """This process may start processes of its own, also where a pool of another library made it.

    Multiprocessing refuses that to daemonic processes, such as those of Dask, and says so in the private
    settings of a process alone. They are left as they are where they look otherwise; starting a process then
    fails with multiprocessing's own message.
    """
    settings = getattr(multiprocessing.current_process(), "_config", None)
    if isinstance(settings, dict):
        settings.pop("daemon", None)
